"""Types of columns and values, in MLflow's words: the signature of a model."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
import sys
from typing import Any

_SCALARS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "long"),
    (float, "double"),
    (str, "string"),
    (bytes, "binary"),
    (datetime.date, "datetime"),
)


def is_frame(value: object) -> bool:
    """Say whether `value` is a pandas DataFrame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_series(value: object) -> bool:
    """Say whether `value` is a pandas Series."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series)


def is_array(value: object) -> bool:
    """Say whether `value` is a NumPy array."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def missing(value: object) -> bool:
    """Say whether `value` is None, NaN, NaT or pandas.NA."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it; what JSON has no word for, such as NaN, becomes null."""
    if missing(value):
        return None
    if isinstance(value, bool | int | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float | decimal.Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if is_series(value) or is_array(value):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return list(value) if _numbers(value) else [plain(item) for item in value]
    return _special(value)


def _numbers(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether all are finite floats, such as a column's: their sum tells."""
    return set(map(type, values)) == {float} and math.isfinite(sum(values))


def _special(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if is_frame(value):
        return [plain(row) for row in value.to_dict(orient="records")]
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return plain(value.item())
    return str(value)


def dtype_type(dtype: Any) -> str:
    """Return MLflow's name for a NumPy or pandas dtype that is not `object`."""
    if dtype.kind in "iu":
        return "integer" if dtype.itemsize < 4 or (dtype.kind == "i" and dtype.itemsize == 4) else "long"
    if dtype.kind == "f":
        return "float" if dtype.itemsize <= 4 else "double"
    return {"b": "boolean", "U": "string", "S": "binary", "M": "datetime"}.get(dtype.kind, "string")


def value_type(value: Any) -> str:
    """Return MLflow's name for the type of one value."""
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return dtype_type(value.dtype)
    for kind, name in _SCALARS:
        if isinstance(value, kind):
            return name
    return "string"


def values_type(values: list[Any]) -> str:
    """Return MLflow's name for the common type of `values`, missing ones left out."""
    found = {value_type(value) for value in values if not missing(value)}
    if found == {"long", "double"}:
        return "double"
    return found.pop() if len(found) == 1 else "string"


def column_type(column: Any) -> str:
    """Return MLflow's name for the type of a pandas Series."""
    if column.dtype.kind == "O":
        column = column.infer_objects()
    if column.dtype.kind == "O":
        return values_type(column.tolist())
    return dtype_type(column.dtype)


def spec(name: str | None, kind: str, *, required: bool = True) -> dict[str, Any]:
    """Return one column of a signature, keys in MLflow's order; MLflow cannot make an unnamed column optional."""
    if name is None:
        return {"type": kind, "required": True}
    return {"type": kind, "name": name, "required": required}


def tensor(value: Any) -> list[dict[str, Any]]:
    """Return the signature of an array."""
    dtype = {"U": "str", "S": "bytes"}.get(value.dtype.kind, value.dtype.name)
    shape = [-1, *value.shape[1:]]
    return [{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}]


def _frame(value: Any) -> list[dict[str, Any]]:
    columns = [value.iloc[:, index] for index in range(value.shape[1])]
    return [
        spec(str(name), column_type(column), required=not bool(column.isna().any()))
        for name, column in zip(value.columns, columns, strict=True)
    ]


def _records(value: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    names = list(dict.fromkeys(name for row in value for name in row))
    columns = {name: [row.get(name) for row in value] for name in names}
    if any(isinstance(item, dict | list) or is_array(item) for column in columns.values() for item in column):
        return None
    return [
        spec(str(name), values_type(column), required=not any(missing(item) for item in column))
        for name, column in columns.items()
    ]


def signature(value: Any) -> list[dict[str, Any]] | None:
    """Return the signature of inputs or predictions as MLflow infers it; None for what has none."""
    if is_frame(value):
        return _frame(value)
    if is_array(value):
        return tensor(value)
    if is_series(value):
        name = None if value.name is None else str(value.name)
        return [spec(name, column_type(value), required=not bool(value.isna().any()))]
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, dict):
        return _records([value])
    return [spec(None, value_type(value))]


def _list(value: list[Any]) -> list[dict[str, Any]] | None:
    if value and all(isinstance(row, dict) for row in value):
        return _records(value)
    if any(isinstance(item, dict | list | tuple) or is_array(item) for item in value):
        return None
    return [spec(None, values_type(value))]
