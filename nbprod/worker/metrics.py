"""Numbers bound to the names that the stage declares as metrics."""

from __future__ import annotations

import numbers
from typing import Any


def collect(names: list[str], namespace: dict[str, Any]) -> dict[str, float]:
    """Return the metrics at the stage's end: numbers, and dicts of numbers with keys joined by a dot."""
    found: dict[str, float] = {}
    for name in names:
        if name in namespace:
            _add(name, namespace[name], found)
    return found


def _add(name: str, value: Any, found: dict[str, float]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _add(f"{name}.{key}", item, found)
        return
    number = _number(value)
    if number is not None:
        found[name] = number


def _number(value: Any) -> float | None:
    if isinstance(value, numbers.Real):  # numpy's scalars are registered there
        return float(value)
    item = getattr(value, "item", None)  # numpy.bool, arrays and tensors of one element
    if not callable(item) or (getattr(value, "size", None) not in (1, None) and not callable(value.size)):
        return None
    try:
        single = item()
    except (TypeError, ValueError, RuntimeError):  # several elements
        return None
    return float(single) if isinstance(single, numbers.Real) else None
