"""The files of a model directory, as MLflow writes them; MLflow itself is not needed."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from typing import TYPE_CHECKING, Any

from .model_schema import is_array, is_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .model_samples import Form

EXAMPLE_ROWS = 5
_PLAIN = re.compile(r"[A-Za-z_./<][A-Za-z0-9_./<>=+-]*( [A-Za-z0-9_./<>=+-]+)*\Z")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}


def yaml(value: Any, indent: str = "") -> str:
    """Return `value` (dicts, lists and scalars) as block-style YAML."""
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            lines += _entry(f"{indent}{_scalar(key)}:", item, indent)
    else:
        for item in value:
            lines += _entry(f"{indent}-", item, indent)
    return "\n".join(lines)


def _entry(head: str, item: Any, indent: str) -> list[str]:
    if isinstance(item, dict | list) and item:
        deeper = indent if isinstance(item, list) else f"{indent}  "
        return [head, yaml(item, deeper)] if not head.endswith("-") else [f"{head} {yaml(item, deeper).lstrip()}"]
    return [f"{head} {_scalar(item)}"]


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if _PLAIN.match(value) and value.lower() not in _WORDS:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def write_json(path: Path, value: Any, indent: int | None = None) -> None:
    """Write strict JSON: an infinity or NaN is a mistake here."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False) + "\n", encoding="utf-8")


def version_of(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """Write requirements.txt, conda.yaml and python_env.yaml."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    pins = {name: version_of(name) for name in ("pip", "setuptools", "wheel")}
    tools = [f"{name}=={version}" if version else name for name, version in pins.items()]
    pip = f"pip<={pins['pip']}" if pins["pip"] else "pip"
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", pip, {"pip": list(requirements)}],
        "name": "mlflow-env",
    }
    environment = {"python": python, "build_dependencies": tools, "dependencies": ["-r requirements.txt"]}
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
    (folder / "conda.yaml").write_text(yaml(conda) + "\n", encoding="utf-8")
    (folder / "python_env.yaml").write_text(yaml(environment) + "\n", encoding="utf-8")


def write_examples(folder: Path, form: Form) -> dict[str, str]:
    """Write input_example.json and serving_input_example.json as MLflow does; returns MLflow's note of them."""
    info = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}
    if is_frame(form.rows):
        example = _split(_complete(form.rows))
        orient = "split" if "columns" in example else "values"
        info |= {"type": "dataframe", "pandas_orient": orient}
        serving: dict[str, Any] = {"dataframe_split": example}
    else:
        example = _nulls(form.rows[:EXAMPLE_ROWS]).tolist() if is_array(form.rows) else form.rows[:EXAMPLE_ROWS]
        info["type"] = "ndarray" if is_array(form.rows) else "json_object"
        serving = {"inputs": example}
    (folder / "input_example.json").write_text(json.dumps(example, default=_encode), encoding="utf-8")
    (folder / "serving_input_example.json").write_text(json.dumps(serving, default=_encode, indent=2), encoding="utf-8")
    return dict(sorted(info.items()))


def _complete(frame: Any) -> Any:
    """Return the first rows without a missing value, when there are any: their JSON is valid everywhere."""
    complete = frame.dropna()
    return (complete if len(complete) else frame).head(EXAMPLE_ROWS)


def _split(frame: Any) -> dict[str, Any]:
    split: dict[str, Any] = frame.where(frame.notnull(), None).to_dict(orient="split")
    del split["index"]
    if list(frame.columns) == list(range(len(frame.columns))):
        del split["columns"]
    return split


def _nulls(array: Any) -> Any:
    numpy = sys.modules["numpy"]
    return numpy.where(numpy.isnan(array), None, array) if array.dtype.kind in "fc" else array


def _encode(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes | bytearray):
        import base64

        return base64.encodebytes(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def mlmodel(flavors: Mapping[str, Any], examples: Mapping[str, str], schemas: Mapping[str, Any]) -> str:
    """Return the text of the MLmodel file."""
    columns = {name: json.dumps(schema, ensure_ascii=False) if schema else None for name, schema in schemas.items()}
    content = {
        "flavors": dict(flavors),
        "is_signature_from_type_hint": False,
        "saved_input_example_info": dict(examples),
        "signature": {**columns, "params": None},
        "type_hint_from_example": False,
    }
    mlflow = version_of("mlflow") or version_of("mlflow-skinny")
    if mlflow:
        content["mlflow_version"] = mlflow
    return yaml(dict(sorted(content.items()))) + "\n"
