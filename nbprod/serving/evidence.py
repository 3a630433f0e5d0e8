"""Whether answers equal the notebook's own: labels, errors and NaN identical, floats within 1e-12 relative or 1e-15."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import encode, through_json
from .formats import Sample, sample_columns
from .problems import ModelUnusable, Problem
from .schema import Schema

if TYPE_CHECKING:
    from .model import LoadedModel

RELATIVE = 1e-12
ABSOLUTE = 1e-15
Evidence = dict[str, Any]


def check(model: LoadedModel) -> Evidence:
    """Replay the model's sample through decode, cast and predict, and compare with the notebook's own predictions."""
    sample = model.sample
    if sample is None or not sample["data"]:
        return {"rows": 0, "equal_rows": 0, "equal": False, "worst_difference": None, "note": "the model has no sample"}
    try:
        decoded = Schema(model.manifest).decode(encode({"columns": sample_columns(sample)}))
    except Problem as problem:
        refused = {"row": 0, "notebook": sample["predictions"][0], "endpoint": str(problem)}
        rows = len(sample["data"])
        nothing = {"rows": rows, "equal_rows": 0, "equal": False, "worst_difference": None}
        return {**nothing, "first_unequal": [refused]}
    predictions, probabilities = model.predict_rows(decoded.columns, decoded.count)
    return compare(sample, through_json(predictions), through_json(probabilities))


def insist(model: LoadedModel) -> None:
    """Raise `ModelUnusable` unless the model answers its recorded rows, if it has any, as the notebook did."""
    evidence = check(model)
    if not evidence["rows"] or evidence["equal"]:
        return
    unequal = evidence["rows"] - evidence["equal_rows"]
    first = evidence["first_unequal"][0]
    raise ModelUnusable(
        f"it answers {unequal} of {evidence['rows']} recorded rows differently from the notebook; "
        f"row {first['row']}: {first['notebook']!r} in the notebook, {first['endpoint']!r} here",
        "let predict depend on its rows only: no clock, no random numbers, no other rows",
        "NB744",
    )


def compare(sample: Sample, predictions: list[Any], probabilities: list[Any] | None) -> Evidence:
    """Return how many of the first `len(predictions)` recorded rows got the notebook's own answer."""
    count = len(predictions)
    expected = sample["predictions"][:count]
    chances = sample.get("probabilities")
    worst = 0.0
    unequal: list[int] = []
    for index in range(count):
        far = difference(expected[index], predictions[index])
        if chances is not None and probabilities is not None:
            far = _greater(far, difference(chances[index], probabilities[index]))
        if far is None or far[1] is False:
            unequal.append(index)
        worst = max(worst, far[0] if far else float("inf"))
    return {
        "rows": count,
        "equal_rows": count - len(unequal),
        "equal": not unequal and count > 0,
        "worst_difference": None if worst == float("inf") else worst,
        "first_unequal": [
            {"row": index, "notebook": expected[index], "endpoint": predictions[index]} for index in unequal[:3]
        ],
    }


def difference(expected: Any, got: Any) -> tuple[float, bool] | None:
    """Return the greatest absolute difference and whether it is within tolerance; None when values differ in kind."""
    if isinstance(expected, list) and isinstance(got, list):
        return _all(expected, got, range(len(expected))) if len(expected) == len(got) else None
    if isinstance(expected, dict) and isinstance(got, dict):
        return _all(expected, got, list(expected)) if expected.keys() == got.keys() else None
    if isinstance(expected, float) or isinstance(got, float):
        return _close(expected, got)
    return (0.0, True) if type(expected) is type(got) and expected == got else None


def _all(expected: Any, got: Any, keys: Any) -> tuple[float, bool] | None:
    total: tuple[float, bool] | None = (0.0, True)
    for key in keys:
        total = _greater(total, difference(expected[key], got[key]))
    return total


def _close(expected: Any, got: Any) -> tuple[float, bool] | None:
    if type(expected) not in (int, float) or type(got) not in (int, float):
        return None
    far = abs(expected - got)
    return far, far <= max(ABSOLUTE, RELATIVE * max(abs(expected), abs(got)))


def _greater(one: tuple[float, bool] | None, other: tuple[float, bool] | None) -> tuple[float, bool] | None:
    if one is None or other is None:
        return None
    return max(one[0], other[0]), one[1] and other[1]
