"""The Open Inference Protocol (`/v2`), thin: JSON tensors, one a column, or one for an array model."""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any

from .problems import Problem
from .schema import Decoded, Schema, described

if TYPE_CHECKING:
    from .formats import ModelManifest

DATATYPES = {
    "long": "INT64",
    "integer": "INT32",
    "double": "FP64",
    "float": "FP32",
    "boolean": "BOOL",
    "string": "BYTES",
    "datetime": "BYTES",
}


def metadata(manifest: ModelManifest, version: str | None) -> dict[str, Any]:
    """Return the answer of `GET /v2/models/NAME`."""
    inputs = [
        {"name": item["name"], "datatype": DATATYPES.get(item["type"], "BYTES"), "shape": [-1]}
        for item in manifest["inputs"]
    ]
    classes = manifest.get("classes")
    outputs = [{"name": "predictions", "datatype": datatype(classes or []), "shape": [-1]}]
    if manifest["task"] == "classification" and classes:
        outputs.append({"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]})
    found = {"name": manifest["name"], "platform": "nbprod", "inputs": inputs, "outputs": outputs}
    return {**found, "versions": [version]} if version else found


def decode(body: bytes, schema: Schema) -> tuple[Decoded, str | None]:
    """Return an inference request as columns, and the client's id; raises `Problem` 400 or 422."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error
    tensors = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(tensors, list) or not tensors:
        expected = '{"inputs": [{"name", "shape", "datatype", "data"}]}'
        raise Problem(400, f"expected {expected}, got {described(request)}")
    named = {str(tensor.get("name")): _values(tensor) for tensor in tensors if isinstance(tensor, dict)}
    if len(named) == 1 and len(schema.names) > 1:
        shape, values = next(iter(named.values()))
        return schema.of_columns(_split(values, shape, schema.names), "inputs"), request.get("id")
    return schema.of_columns({name: values for name, (_, values) in named.items()}, "inputs"), request.get("id")


def tensor(name: str, values: list[Any]) -> dict[str, Any]:
    """Return predictions or probabilities as an output tensor."""
    width = len(values[0]) if values and isinstance(values[0], list) else None
    flat = [item for row in values for item in row] if width else values
    kind = datatype(flat)
    data = [item if isinstance(item, str) else json.dumps(item) for item in flat] if kind == "BYTES" else flat
    return {"name": name, "datatype": kind, "shape": [len(values), width] if width else [len(values)], "data": data}


def datatype(values: list[Any]) -> str:
    """Return the protocol's type that holds all of the values."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        return "INT64"
    return "FP64" if kinds <= {int, float} else "BYTES"


def _values(tensor: dict[str, Any]) -> tuple[list[int], list[Any]]:
    data = tensor.get("data")
    shape = tensor.get("shape")
    values = _flat(data) if isinstance(data, list) else None
    if values is None or not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise Problem(400, f"tensor {tensor.get('name')}: expected shape and data, arrays both")
    if prod(shape) != len(values):
        raise Problem(422, f"tensor {tensor.get('name')}: shape {shape} does not hold {len(values)} values")
    return shape, values


def _split(values: list[Any], shape: list[int], names: list[str]) -> dict[str, list[Any]]:
    if len(shape) != 2 or shape[1] != len(names):
        raise Problem(422, f"expected a tensor of shape [rows, {len(names)}], got {shape}")
    return {name: values[index :: len(names)] for index, name in enumerate(names)}


def _flat(data: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for item in data:
        flat.extend(_flat(item)) if isinstance(item, list) else flat.append(item)
    return flat
