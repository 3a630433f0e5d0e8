"""A model directory in memory: loaded once, then asked."""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .answers import listed
from .arrange import array, frame
from .formats import ModelManifest, Sample, read_manifest, read_sample, sample_columns
from .problems import ModelUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, ready to predict.

    Attributes
    ----------
    path
        The model directory.
    manifest
        Its `nbprod.json`.
    payload
        What predicts: the estimator, or the serve cell's function.
    sample
        The notebook's own rows and predictions, if the model has them.
    """

    path: Path
    manifest: ModelManifest
    payload: Any = field(repr=False)
    sample: Sample | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest["name"]

    @property
    def names(self) -> list[str]:
        """The names of its inputs, in the model's order."""
        return [item["name"] for item in self.manifest["inputs"]]

    def predict(self, data: Any) -> Any:
        """Return what the model returns for a frame, an array, a list of rows, or a mapping of columns."""
        return self._call(self._predict, self._native(data))

    def predict_rows(self, columns: Mapping[str, list[Any]], count: int) -> tuple[list[Any], list[Any] | None]:
        """Return predictions, and for classifiers probabilities, one a row, of columns decoded by `schema`."""
        if count == 0:
            return [], [] if self.has_probabilities else None
        data = self.arrange(columns, count)
        predictions = listed(self._call(self._predict, data), count)
        if not self.has_probabilities:
            return predictions, None
        return predictions, listed(self._call(self.payload.predict_proba, data), count)

    @property
    def has_probabilities(self) -> bool:
        """Whether the model is a classifier that gives probabilities."""
        if self.manifest["task"] != "classification" or not hasattr(self.payload, "predict_proba"):
            return False
        return self.sample is None or self.sample["probabilities"] is not None

    def arrange(self, columns: Mapping[str, list[Any]], count: int) -> Any:
        """Return columns in the form the model was trained on: frame, array, records or values."""
        match self.manifest["input_kind"]:
            case "table":
                return frame(columns, self.manifest, count)
            case "array":
                return array(columns, self.manifest, count)
            case "text" | "scalar" if not self._spread:
                return list(columns[self.names[0]])
            case _:
                names = [name for name in self.names if name in columns]
                return [{name: columns[name][index] for name in names} for index in range(count)]

    def answers_example(self) -> bool:
        """Whether the model can predict the first row of its own sample."""
        if self.sample is None or not self.sample["data"]:
            return False
        try:
            self.predict_rows(sample_columns(self.sample, 1), 1)
        except Exception:  # noqa: BLE001 - the user's code may raise anything; the answer is the point
            return False
        return True

    def _native(self, data: Any) -> Any:
        if hasattr(data, "columns") and hasattr(data, "iloc"):
            return self._of_frame(data)
        if hasattr(data, "shape"):
            return data if self.manifest["input_kind"] == "array" else self.arrange(*_of_array(data, self.names))
        if isinstance(data, dict) and data and all(isinstance(value, list) for value in data.values()):
            return self.arrange(data, max(len(value) for value in data.values()))
        rows: list[Any] = [data] if isinstance(data, dict | str | int | float) else list(data)
        if not all(isinstance(row, dict) for row in rows):
            return rows
        return self.arrange({name: [row.get(name) for row in rows] for name in self.names}, len(rows))

    def _of_frame(self, data: Any) -> Any:
        missing = [item["name"] for item in self.manifest["inputs"] if item["required"] and item["name"] not in data]
        if missing:
            raise KeyError(f"the model needs the columns {', '.join(missing)}")
        found = data[[name for name in self.names if name in data]]
        match self.manifest["input_kind"]:
            case "table":
                return found
            case "array":
                return found.to_numpy()
            case "text" | "scalar" if not self._spread:
                return found[self.names[0]].tolist()
            case _:
                return found.to_dict(orient="records")

    @property
    def _predict(self) -> Any:
        return getattr(self.payload, "predict", self.payload)

    @property
    def _spread(self) -> bool:
        """Whether the model takes its inputs as arguments by name."""
        return self.manifest["input_kind"] == "scalar" and len(self.manifest["inputs"]) > 1

    def _call(self, method: Any, data: Any) -> Any:
        if self.manifest.get("batch", True):
            return method(data)
        return [method(**row) if self._spread else method(row) for row in data]


def load(path: str | Path) -> LoadedModel:
    """Load a model directory; raises `ModelUnusable`."""
    folder = Path(path).absolute()
    manifest = read_manifest(folder)
    code = folder / "code"
    if code.is_dir() and str(code) not in sys.path:
        sys.path.insert(0, str(code))
    return LoadedModel(folder, manifest, _unpickle(folder, manifest), read_sample(folder, manifest))


def _unpickle(folder: Path, manifest: ModelManifest) -> Any:
    file = folder / manifest["payload"]
    try:
        with file.open("rb") as stream:
            return pickle.load(stream)
    except FileNotFoundError:
        raise ModelUnusable(f"{file} is missing") from None
    except ModuleNotFoundError as error:
        needed = " ".join(manifest.get("requirements", []))
        hint = f"install what the model needs: {sys.executable} -m pip install {needed}"
        raise ModelUnusable(f"the model needs the module {error.name}, which this Python lacks", hint) from error
    except Exception as error:  # unpickling runs code of libraries, which may raise anything
        reason = f"{type(error).__name__}: {error}"
        needed = ", ".join(manifest.get("requirements", []))
        hint = f"it was saved with Python {manifest.get('python', '?')} and {needed}"
        raise ModelUnusable(f"{file} cannot be loaded: {reason}", hint) from error


def _of_array(data: Any, names: list[str]) -> tuple[dict[str, list[Any]], int]:
    values = data.tolist()
    return {name: [row[index] for row in values] for index, name in enumerate(names)}, len(values)
