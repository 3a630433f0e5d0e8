"""How an endpoint does: whether it answers, how much it was asked, how long its answers take."""

from __future__ import annotations

import re
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from nbprod.deploy.client import opener

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbprod.core.model import Endpoint

    Sample = tuple[str, Mapping[str, str], float]

SECONDS = 1.0
LINE = re.compile(r"(\w+)(?:\{(.*)\})?\s+(\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def health(endpoint: Endpoint) -> dict[str, Any]:
    """Ask an endpoint how it does; it has a second to answer.

    Returns
    -------
    dict
        `endpoint`, `state` as it is now, `version`, and since its server started: `requests` for predictions, how many
        of them were `errors`, `rows`, and the quantiles `p50_ms` and `p95_ms` of `/predict` (None without requests).
    """
    answers = _text(f"{endpoint.url}/readyz") is not None
    samples = _samples((_text(f"{endpoint.url}/metrics") if answers else None) or "")
    asked = [item for item in samples if item[0] == "nbprod_requests_total" and _predicts(item[1].get("route", ""))]
    buckets = _buckets(samples, "/predict")
    down = endpoint.state if endpoint.state != "healthy" else "unhealthy"
    return {
        "endpoint": endpoint.endpoint,
        "state": "healthy" if answers else down,
        "version": endpoint.version,
        "requests": int(sum(value for _, _, value in asked)),
        "errors": int(sum(value for _, labels, value in asked if not labels.get("status", "").startswith("2"))),
        "rows": int(sum(value for name, _, value in samples if name == "nbprod_predicted_rows_total")),
        "p50_ms": quantile(buckets, 0.5),
        "p95_ms": quantile(buckets, 0.95),
    }


def quantile(buckets: Iterable[tuple[float, float]], share: float) -> float | None:
    """Return milliseconds below which a share of requests was answered, from cumulative buckets of seconds.

    Within a bucket times are taken to be spread evenly, as Prometheus does; None without requests.
    """
    ordered = sorted(buckets)
    wanted = share * ordered[-1][1] if ordered else 0.0
    if not wanted:
        return None
    low, below = 0.0, 0.0
    for bound, count in ordered:
        if count >= wanted:
            if bound == float("inf"):
                break
            return round(1000 * (low + (bound - low) * (wanted - below) / (count - below)), 4)
        low, below = bound, count
    return round(1000 * low, 4)


def _buckets(samples: Iterable[Sample], route: str) -> list[tuple[float, float]]:
    name = "nbprod_request_seconds_bucket"
    found = [(labels, value) for known, labels, value in samples if known == name and labels.get("route") == route]
    return [(float(labels["le"]), value) for labels, value in found]


def _samples(text: str) -> list[Sample]:
    """Return the samples of Prometheus' text format: name, labels, value."""
    found: list[Sample] = []
    for line in text.splitlines():
        match = LINE.fullmatch(line.strip()) if not line.startswith("#") else None
        if match:
            labels = {name: re.sub(r"\\(.)", _meant, value) for name, value in LABEL.findall(match[2] or "")}
            found.append((match[1], labels, float(match[3])))
    return found


def _meant(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def _predicts(route: str) -> bool:
    return route in ("/predict", "/invocations") or route.endswith("/infer")


def _text(url: str) -> str | None:
    """Return what a URL answers, None when it does not answer well, or not in time."""
    try:
        with opener(url).open(url, timeout=SECONDS) as response:
            text: str = response.read().decode("utf-8", "replace")
    except (HTTPException, URLError, OSError, ValueError):  # before it has a port its address is none
        return None
    return text
