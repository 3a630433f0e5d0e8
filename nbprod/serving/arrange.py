"""Columns of JSON values → the frame or array the model was trained on, of the same types."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .formats import ModelManifest


def frame(columns: Mapping[str, list[Any]], manifest: ModelManifest, count: int) -> Any:
    """Return a pandas frame with the columns in the model's order and of the model's dtypes.

    Raises
    ------
    ValueError, OverflowError
        When a value does not fit its column's dtype.
    """
    import pandas as pd

    found = {}
    for item in manifest["inputs"]:
        name = item["name"]
        found[name] = _series(name, columns.get(name, [None] * count), manifest)
    return pd.DataFrame(found)


def array(columns: Mapping[str, list[Any]], manifest: ModelManifest, count: int) -> Any:
    """Return a numpy array, of the shape of the model's own rows."""
    import numpy as np

    names = [item["name"] for item in manifest["inputs"]]
    dtype = manifest.get("dtypes", {}).get(names[0])
    values = [_gaps(columns[name], dtype, nan) for name in names]
    return np.column_stack([np.asarray(column, dtype=dtype) for column in values]).reshape(
        count, *manifest.get("shape", [len(names)])
    )


def _series(name: str, values: list[Any], manifest: ModelManifest) -> Any:
    import pandas as pd

    dtype = manifest.get("dtypes", {}).get(name)
    if dtype is None:
        return pd.Series(values)
    if dtype == "category":
        ordered = name in manifest.get("ordered", ())
        return pd.Series(pd.Categorical(values, categories=manifest.get("categories", {}).get(name), ordered=ordered))
    if dtype.startswith("datetime64"):
        return _times(values, dtype)
    if dtype.startswith(("int", "uint", "bool")) and None in values:
        # an optional column that was left out; no integer or boolean column holds a gap
        return pd.Series(values, dtype=object)
    return pd.Series(_gaps(values, dtype, None if name in manifest.get("none", ()) else nan), dtype=dtype)


def _times(values: list[Any], dtype: str) -> Any:
    import pandas as pd

    aware = "," in dtype
    times: Any = pd.Series(pd.to_datetime(values, format="ISO8601", utc=aware))
    return times.astype(dtype) if aware or times.dt.tz is None else times.dt.tz_localize(None).astype(dtype)


def _gaps(values: list[Any], dtype: str | None, gap: Any) -> list[Any]:
    # A frame read from a file holds NaN, not None, where a text is missing; estimators tell the two apart.
    if gap is None or dtype is None or not (dtype == "object" or dtype.startswith("float")) or None not in values:
        return values
    return [gap if value is None else value for value in values]
