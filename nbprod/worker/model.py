"""Writes the model of a run as an MLflow model directory, in the notebook's own interpreter.

`model.pkl` holds the estimator itself, or the function `predict` of the serve cell (its `predict_proba`, if any, as an
attribute). It loads with cloudpickle and the model's own libraries alone.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from . import model_files as files
from . import model_pickle as pickling
from .model_samples import ModelFailed, Sample, answers, ask, failed, sample
from .model_schema import is_array, is_frame, plain, signature, spec, value_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .formats import ModelSpec

FORMAT = 1
PAYLOAD = "model.pkl"
LOADER = Path(__file__).with_name("model_loader.py")

__all__ = ["ModelFailed", "write"]


def write(spec: ModelSpec, namespace: dict[str, Any]) -> str:
    """Write the model directory named by `spec` from the notebook's values.

    Parameters
    ----------
    spec
        What to look for, and where the directory goes.
    namespace
        The notebook's values: model, example rows, what the serve cell defined.

    Returns
    -------
    str
        The directory; it appears whole or not at all.

    Raises
    ------
    ModelFailed
        There is no model, or several, or it does not answer, or it cannot be stored.
    """
    model = _function(namespace) if spec["kind"] == "function" else _estimator(spec["names"], namespace)
    rows = sample(model, spec["kind"], spec["samples"], namespace)
    data, modules = pickling.dump(_payload(model))
    _check_copy(data, rows)
    target = Path(spec["path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        _Directory(draft, spec, model, rows).write(data, modules)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return str(target)


def _function(namespace: Mapping[str, Any]) -> Any:
    predict = namespace.get("predict")
    if not callable(predict):
        raise ModelFailed("NB620", "the serve cell defines no function predict", "define predict(df) in it")
    found = SimpleNamespace(predict=predict)
    if callable(namespace.get("predict_proba")):
        found.predict_proba = namespace["predict_proba"]
    return found


def _payload(model: Any) -> Any:
    """Return what is stored: a function as it is, so that it can simply be called."""
    if not isinstance(model, SimpleNamespace):
        return model
    if hasattr(model, "predict_proba") and getattr(model.predict, "__module__", None) == "__main__":
        model.predict.predict_proba = model.predict_proba
    return model.predict


def _estimator(names: list[str], namespace: Mapping[str, Any]) -> Any:
    for name in names:
        if fitted(namespace.get(name)):
            return namespace[name]
    if names:
        tried = ", ".join(names)
        raise ModelFailed("NB620", f"no fitted estimator among {tried}", "fit it, or tag a cell serve with predict(…)")
    found = {name: value for name, value in namespace.items() if not name.startswith("_") and fitted(value)}
    if len({id(value) for value in found.values()}) > 1:
        raise ModelFailed("NB621", f"several fitted estimators: {', '.join(found)}", "choose one with --model NAME")
    if not found:
        raise ModelFailed("NB620", "no fitted estimator reaches the end", "tag a cell serve that defines predict(…)")
    return next(iter(found.values()))


def fitted(value: object) -> bool:
    """Say whether `value` is an estimator that was fitted, as scikit-learn's check_is_fitted sees it."""
    if value is None or isinstance(value, type) or not callable(getattr(value, "predict", None)):
        return False
    own = getattr(value, "__sklearn_is_fitted__", None)
    if callable(own):
        return bool(own())
    if any(name.endswith("_") and not name.startswith("__") for name in getattr(value, "__dict__", {})):
        return True
    return not hasattr(value, "get_params")


def _check_copy(data: bytes, rows: Sample) -> None:
    """Raise `ModelFailed` unless the stored model answers as the notebook's, on all rows and on one alone."""
    copy = pickling.load(data)
    predict = getattr(copy, "predict", copy)
    try:
        again, alone = answers(ask(predict, rows.form)), answers(ask(predict, rows.form.head(1)))
    except Exception as error:
        raise failed(error) from error
    if again != rows.predictions and not _close(again, rows.predictions):
        text = "the stored model answers differently from the notebook's"
        raise ModelFailed("NB626", text, "make predict depend on its rows only, not on chance or the clock")
    if alone != again[:1] and not _close(alone, again[:1]):
        text = "predict answers differently for a row alone than for the same row among others"
        raise ModelFailed("NB626", text, "fit encoders and scalers before, and only apply them in predict")


def _close(found: list[Any], expected: list[Any]) -> bool:
    """Say whether floats agree within 1e-9: a batch of another size may differ in the last bits."""
    try:
        pairs = list(zip(found, expected, strict=True))
        return all(abs(one - other) <= 1e-9 * max(1.0, abs(other)) for one, other in pairs)
    except (TypeError, ValueError):
        return False


@dataclass
class _Directory:
    """The directory being written at `folder`."""

    folder: Path
    spec: ModelSpec
    model: Any
    rows: Sample

    def write(self, data: bytes, modules: set[str]) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / PAYLOAD).write_bytes(data)
        local = pickling.local_files(modules)
        loader = self._code(local)
        modules = modules | {"pandas"} if is_frame(self.rows.form.rows) else modules
        modules = modules | {"numpy"} if is_array(self.rows.form.rows) else modules
        requirements = pickling.requirements(modules, local, self._cache())
        files.write_environment(self.folder, requirements)
        examples = files.write_examples(self.folder, self.rows.form)
        inputs = self._inputs()
        schemas = {"inputs": inputs, "outputs": signature(self.rows.raw)}
        text = files.mlmodel(self._flavors(loader), examples, schemas)
        (self.folder / "MLmodel").write_text(text, encoding="utf-8")
        files.write_json(self.folder / "nbprod.json", self._manifest(inputs, requirements), indent=1)
        files.write_json(self.folder / "sample.json", self._sample())

    def _cache(self) -> Path:
        return Path(self.spec["stage"]["buffers"]).parent / "cache"

    def _code(self, local: Mapping[str, Path]) -> str:
        """Copy the loader and the modules beside the notebook into `code/`; returns the loader's module name."""
        source = LOADER.read_bytes()
        name = f"nbprod_model_{hashlib.sha256(source).hexdigest()[:12]}"
        code = self.folder / "code"
        code.mkdir()
        (code / f"{name}.py").write_bytes(source)
        for path, file in local.items():
            (code / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, code / path)
        return name

    def _flavors(self, loader: str) -> dict[str, Any]:
        python = ".".join(str(part) for part in sys.version_info[:3])
        flavors: dict[str, Any] = {
            "python_function": {
                "code": "code",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": loader,
                "predict_fn": "predict",
                "python_version": python,
            }
        }
        base = sys.modules.get("sklearn.base")
        if base is not None and isinstance(self.model, base.BaseEstimator):
            flavors["sklearn"] = {
                "code": "code",
                "pickled_model": PAYLOAD,
                "serialization_format": "cloudpickle",
                "sklearn_version": sys.modules["sklearn"].__version__,
                "skops_trusted_types": None,
            }
        return flavors

    def _inputs(self) -> list[dict[str, Any]]:
        """Return the signature of the inputs; a column is required unless it is missing somewhere, or not used."""
        form = self.rows.form
        if form.kind == "text" or (form.kind == "scalar" and not form.spread):
            return [spec(None, "string" if form.kind == "text" else value_type(form.rows[0]))]
        columns = signature(form.whole if is_frame(form.whole) else form.rows)
        if columns is None:
            raise ModelFailed("NB628", "the rows that predict takes are nested", "let predict take flat rows")
        for column in columns:
            if column.get("name") in self.rows.optional:
                column["required"] = False
        return columns

    def _columns(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the manifest's inputs: named columns, for arrays one a column."""
        form = self.rows.form
        if form.kind == "array":
            width = 1
            for size in form.rows.shape[1:]:
                width *= size
            kind = value_type(form.rows.reshape(-1)[0])
            return [spec(str(number), kind) for number in range(width)]
        if "name" not in inputs[0]:
            return [{"name": form.argument or "text", "type": inputs[0]["type"], "required": True}]
        return [{"name": item["name"], "type": item["type"], "required": item["required"]} for item in inputs]

    def _manifest(self, inputs: list[dict[str, Any]], requirements: list[str]) -> dict[str, Any]:
        form = self.rows.form
        task, classes = _task(self.model, self.rows)
        return {
            "format": FORMAT,
            "name": self.spec["name"],
            "run": self.spec["run"],
            "notebook": self.spec["notebook"],
            "kind": self.spec["kind"],
            "task": task,
            "payload": PAYLOAD,
            "loader": "cloudpickle",
            "inputs": self._columns(inputs),
            "input_kind": form.kind,
            "batch": form.batch,
            **_types(form),
            "classes": classes,
            "sample": "sample.json",
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "requirements": requirements,
            "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _sample(self) -> dict[str, Any]:
        form = self.rows.form
        columns, data = _data(form)
        return {
            "columns": columns,
            "data": data,
            "predictions": self.rows.predictions,
            "probabilities": self.rows.probabilities,
        }


def _data(form: Any) -> tuple[list[str], list[list[Any]]]:
    if is_frame(form.rows):
        columns = [plain(form.rows.iloc[:, index].tolist()) for index in range(form.rows.shape[1])]
        return [str(name) for name in form.rows.columns], [list(row) for row in zip(*columns, strict=True)]
    if form.kind == "array":
        flat = form.rows.reshape(len(form.rows), -1)
        return [str(number) for number in range(flat.shape[1])], plain(flat)
    if not isinstance(form.rows[0], dict):
        return [form.argument or "text"], [[plain(row)] for row in form.rows]
    names = list(dict.fromkeys(name for row in form.rows for name in row))
    return [str(name) for name in names], [[plain(row.get(name)) for name in names] for row in form.rows]


def _types(form: Any) -> dict[str, Any]:
    """Return what serving needs to give each column back its type; `none` are columns whose gaps are None, not NaN."""
    if form.kind == "array":
        width = form.rows.reshape(len(form.rows), -1).shape[1]
        return {"dtypes": {str(number): str(form.rows.dtype) for number in range(width)}, "shape": form.rows.shape[1:]}
    if not is_frame(form.rows):
        return {"dtypes": {}}
    categories, none = {}, []
    for name in form.whole.columns:
        column = form.whole[name]
        if str(column.dtype) == "category":
            categories[str(name)] = plain(column.cat.categories.tolist())
        elif column.dtype == object and any(value is None for value in column):
            none.append(str(name))
    dtypes = {str(name): str(form.rows[name].dtype) for name in form.rows.columns}
    ordered = [name for name in categories if form.whole[name].cat.ordered]
    return {"dtypes": dtypes, "categories": categories, "ordered": ordered, "none": none}


def _task(model: Any, rows: Sample) -> tuple[str, list[Any] | None]:
    classes = getattr(model, "classes_", None)
    if classes is not None and is_array(classes) and classes.ndim == 1:
        return "classification", plain(classes)
    if rows.probabilities is not None:
        return "classification", None
    base = sys.modules.get("sklearn.base")
    regressor = base is not None and isinstance(model, base.RegressorMixin)
    floats = bool(rows.predictions) and all(isinstance(item, float) for item in rows.predictions)
    return ("regression" if regressor or floats else "other"), None
