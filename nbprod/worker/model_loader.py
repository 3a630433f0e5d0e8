"""Loads a model directory written by nbprod under plain MLflow; needs nothing of nbprod.

This file is copied into the directory's `code/` under a name of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Predictor:
    """The model behind `mlflow.pyfunc`: takes what MLflow passes, gives `predict` what the notebook gave it.

    Parameters
    ----------
    folder
        The model directory.
    """

    def __init__(self, folder: str) -> None:
        import cloudpickle

        root = Path(folder)
        self.manifest: dict[str, Any] = json.loads((root / "nbprod.json").read_text(encoding="utf-8"))
        with (root / self.manifest["payload"]).open("rb") as file:
            self.model = cloudpickle.load(file)

    def predict(self, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002  # MLflow's calling convention
        """Return the predictions for a frame, an array, records or texts."""
        return self._answer(getattr(self.model, "predict", self.model), model_input)

    def predict_proba(self, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002  # as above
        """Return the class probabilities, for a classifier that has them."""
        return self._answer(self.model.predict_proba, model_input)

    def _answer(self, call: Any, model_input: Any) -> Any:
        rows = self._prepared(model_input)
        if self.manifest["batch"]:
            return call(rows)
        return [call(**row) if self._spread else call(row) for row in rows]

    @property
    def _spread(self) -> bool:
        return self.manifest["input_kind"] == "scalar" and len(self.manifest["inputs"]) > 1

    def _prepared(self, given: Any) -> Any:
        kind = self.manifest["input_kind"]
        if kind == "table":
            return cast(_frame(given), self.manifest)
        if kind == "array":
            return given.to_numpy() if hasattr(given, "to_numpy") else given
        if kind in ("records", "record") or self._spread:
            return _records(given)
        return _values(given)


def cast(frame: Any, manifest: dict[str, Any]) -> Any:
    """Return `frame` with the model's columns, in order, each of the type it had in the notebook."""
    frame = frame.copy()
    for column in manifest["inputs"]:
        if column["name"] not in frame.columns and not column["required"]:
            frame[column["name"]] = None
    frame = frame[[column["name"] for column in manifest["inputs"]]]
    for name, dtype in manifest["dtypes"].items():
        if str(frame[name].dtype) != dtype or dtype in ("category", "object"):
            frame[name] = _column(frame[name], dtype, name, manifest)
    return frame


def _column(column: Any, dtype: str, name: str, manifest: dict[str, Any]) -> Any:
    import pandas

    if dtype == "category":
        return column.astype(pandas.CategoricalDtype(manifest["categories"][name], name in manifest["ordered"]))
    if dtype == "object":
        column = column.astype("object")
        return column.where(column.notna(), None if name in manifest["none"] else float("nan"))
    if dtype.startswith("datetime64["):
        zone = dtype[:-1].partition(", ")[2]
        column = pandas.to_datetime(column, utc=bool(zone))
    return column.astype(dtype)


def _frame(given: Any) -> Any:
    import pandas

    return given if isinstance(given, pandas.DataFrame) else pandas.DataFrame(given)


def _records(given: Any) -> list[dict[str, Any]]:
    if hasattr(given, "to_dict"):
        rows = given.to_dict(orient="records")
        return [{key: None if _gap(value) else value for key, value in row.items()} for row in rows]
    return [given] if isinstance(given, dict) else list(given)


def _gap(value: Any) -> bool:
    import pandas

    return value is pandas.NA or value is pandas.NaT or (isinstance(value, float) and value != value)


def _values(given: Any) -> list[Any]:
    if hasattr(given, "iloc") and getattr(given, "ndim", 1) == 2:
        given = given.iloc[:, 0]
    return [given] if isinstance(given, str | int | float) else list(given)


def _load_pyfunc(folder: str) -> Predictor:
    """Entry that MLflow calls."""
    return Predictor(folder)
