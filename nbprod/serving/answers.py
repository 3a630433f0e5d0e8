"""From whatever a model returns to JSON values, one a row; NaN is null, numbers are exact."""

from __future__ import annotations

from typing import Any

import msgspec


def listed(result: Any, count: int) -> list[Any]:
    """Return a model's result as a list with one entry a row.

    Raises
    ------
    ValueError
        When the model did not return one answer a row.
    """
    answers = _as_list(result)
    if len(answers) != count:
        raise TypeError(f"the model returned {len(answers)} answers for {count} rows")
    return answers


def plain(value: Any) -> Any:
    """Return a value as msgspec encodes it: numpy scalars and arrays, frames and pandas' missing values made plain."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records")
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"a model's answer of type {type(value).__name__} has no JSON form")


encode = msgspec.json.Encoder(enc_hook=plain).encode


def through_json(value: Any) -> Any:
    """Return a value as a client would read it back."""
    return msgspec.json.decode(encode(value))


def _as_list(result: Any) -> list[Any]:
    if isinstance(result, list):
        return result
    if isinstance(result, tuple):
        return list(result)
    if hasattr(result, "to_dict") and getattr(result, "ndim", 0) == 2:
        return list(result.to_dict(orient="records"))
    if hasattr(result, "tolist"):
        values = result.tolist()
        return values if isinstance(values, list) else [values]
    if hasattr(result, "__iter__") and not isinstance(result, str | bytes | dict):
        return list(result)
    return [result]
