"""The population stability index: how differently two samples spread over the same bins."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from math import log
from statistics import quantiles
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BINS = 10
LIMIT = 0.2
FEWEST_ROWS = 50
MISSING = "missing"
OTHER = "other"
NUMBERS = ("long", "integer", "double", "float")


class PsiMonitor:
    """Judges each feature, and the predictions, by their population stability index.

    A feature drifts when its index is above 0.2 by more than chance alone gives samples of these sizes.
    """

    name = "psi"

    def report(self, reference: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return `verdict` (`drift`, `stable` or `too few rows`), `limit`, and one object a feature, worst first."""
        names = list(reference["columns"])
        features = [
            _feature(name, reference["types"].get(name, "string"), values, [row.get(name) for row in rows])
            for name, values in reference["columns"].items()
        ]
        features.sort(key=lambda item: (-item["psi"], names.index(item["name"])))
        drifting = any(item["drift"] for item in features)
        verdict = "too few rows" if len(rows) < FEWEST_ROWS else "drift" if drifting else "stable"
        return {"verdict": verdict, "limit": LIMIT, "features": features}


def _feature(name: str, kind: str, expected: Sequence[Any], observed: Sequence[Any]) -> dict[str, Any]:
    edges = _edges(expected) if kind in NUMBERS else []
    known = [] if edges else [value for value, _ in Counter(map(_label, expected)).most_common(BINS)]
    one = Counter(_bin(value, edges, known) for value in expected)
    other = Counter(_bin(value, edges, known) for value in observed)
    labels = sorted(one.keys() | other.keys(), key=lambda label: (label in (MISSING, OTHER), _order(label, known)))
    found = index([one[label] for label in labels], [other[label] for label in labels])
    chance = (len(labels) - 1) * (1 / max(1, len(expected)) + 1 / max(1, len(observed)))
    return {
        "name": name,
        "psi": round(found, 6),
        "drift": len(observed) >= FEWEST_ROWS and found > LIMIT + chance,
        "chance": round(chance, 6),
        "bins": [
            {
                "bin": _shown(label, edges),
                "reference": one[label] / max(1, len(expected)),
                "observed": other[label] / max(1, len(observed)),
            }
            for label in labels
        ],
    }


def index(expected: Sequence[int], observed: Sequence[int]) -> float:
    """Return the population stability index of two histograms over the same bins; an empty one has drifted nowhere."""
    if not sum(expected) or not sum(observed):
        return 0.0
    # half a row in every bin: an empty bin would make the index infinite
    one = [(count + 0.5) / (sum(expected) + 0.5 * len(expected)) for count in expected]
    other = [(count + 0.5) / (sum(observed) + 0.5 * len(observed)) for count in observed]
    return sum((after - before) * log(after / before) for before, after in zip(one, other, strict=True))


def _edges(values: Sequence[Any]) -> list[float]:
    """Return the deciles of a number with many values; none for one with few, whose values are bins themselves."""
    numbers = [float(value) for value in values if _is_number(value)]
    if len(set(numbers)) <= BINS:
        return []
    return sorted(set(quantiles(numbers, n=BINS, method="inclusive")))


def _bin(value: Any, edges: Sequence[float], known: Sequence[str]) -> str | int:
    if value is None:
        return MISSING
    if edges:
        return bisect_right(edges, value) if _is_number(value) else OTHER
    label = _label(value)
    return label if label in known else OTHER


def _label(value: Any) -> str:
    if value is None:
        return MISSING
    # 3 and 3.0 are one value: a request may spell a number either way
    return f"{value:g}" if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _order(label: str | int, known: Sequence[str]) -> int:
    if isinstance(label, int):
        return label
    return known.index(label) if label in known else len(known)


def _shown(label: str | int, edges: Sequence[float]) -> str:
    if isinstance(label, str):
        return label
    low = f"{edges[label - 1]:.6g}" if label else "-∞"
    high = f"{edges[label]:.6g}" if label < len(edges) else "∞"
    return f"{low} … {high}"
