"""The OpenAPI 3.1 description of a model's endpoint, made once from its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .formats import ModelManifest
    from .schema import Field, Schema

TYPES: dict[str, dict[str, Any]] = {
    "long": {"type": "integer", "format": "int64"},
    "integer": {"type": "integer", "format": "int32"},
    "double": {"type": "number", "format": "double"},
    "float": {"type": "number", "format": "float"},
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "datetime": {"type": "string", "description": "ISO 8601 date or time"},
}
PROBLEMS = {
    "400": "The body is malformed",
    "413": "The body is too large",
    "415": "The body is of another media type",
    "422": "The body does not fit the model",
    "500": "The model failed",
}


def document(
    manifest: ModelManifest, schema: Schema, version: str | None, example: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the description; `example` is a request that the model is known to answer."""
    described = f"Model {manifest['name']} of {manifest.get('notebook', 'a notebook')}, run {manifest.get('run', '?')}."
    return {
        "openapi": "3.1.0",
        "info": {"title": manifest["name"], "version": version or manifest.get("run") or "0", "description": described},
        "paths": {
            "/predict": {"post": _predict(example)},
            "/invocations": {"post": _invocations()},
            **{path: {"get": _get(text)} for path, text in _GETS.items()},
        },
        "components": {"schemas": _schemas(schema, manifest)},
    }


_GETS = {
    "/ping": "As MLflow's server: 200 when the model is loaded",
    "/version": "As MLflow's server: the MLflow version the model was saved with",
    "/livez": "200 while the process lives",
    "/readyz": "200 when the model can be asked",
    "/metrics": "Counters and latencies for Prometheus",
    "/docs": "A page with a form to try the model",
    "/v2": "Open Inference Protocol",
}


def _predict(example: dict[str, Any] | None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _ref("Request")}
    if example is not None:
        content["example"] = example
    return {
        "operationId": "predict",
        "summary": "Predict for rows or columns",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"200": _json("The predictions, one a row", "Answer"), **_problems()},
    }


def _invocations() -> dict[str, Any]:
    forms = ["dataframe_split", "dataframe_records", "instances", "inputs"]
    body = {"type": "object", "minProperties": 1, "properties": {form: {} for form in forms}}
    content = {"application/json": {"schema": body}, "text/csv": {"schema": {"type": "string"}}}
    answer = {"type": "object", "required": ["predictions"], "properties": {"predictions": {}}}
    return {
        "operationId": "invocations",
        "summary": "Predict, in the forms of MLflow's scoring server",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "The predictions", "content": {"application/json": {"schema": answer}}},
            **_problems(),
        },
    }


def _get(text: str) -> dict[str, Any]:
    return {"summary": text, "responses": {"200": {"description": text}}}


def _schemas(schema: Schema, manifest: ModelManifest) -> dict[str, Any]:
    required = [field.name for field in schema.fields if field.required]
    row = {"type": "object", "properties": {f.name: _property(f) for f in schema.fields}, "required": required}
    columns = {
        "type": "object",
        "properties": {f.name: {"type": "array", "items": _property(f)} for f in schema.fields},
        "required": required,
    }
    return {
        "Row": row,
        "Columns": columns,
        "Request": {
            "oneOf": [
                _object({"rows": {"type": "array", "items": _ref("Row")}}, ["rows"]),
                _object({"columns": _ref("Columns")}, ["columns"]),
            ]
        },
        "Answer": _answer(manifest),
        "Problem": _problem(),
    }


def _property(field: Field) -> dict[str, Any]:
    found = dict(TYPES.get(field.type, {}))
    if field.nullable and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


def _answer(manifest: ModelManifest) -> dict[str, Any]:
    classes = manifest.get("classes")
    prediction: dict[str, Any] = {"enum": classes} if classes else {}
    model = _object({"name": {"type": "string"}, "version": {"type": ["string", "null"]}}, ["name", "version"])
    properties = {
        "predictions": {"type": "array", "items": prediction},
        "probabilities": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        "model": model,
        "request_id": {"type": "string"},
        "warnings": {"type": "array", "items": {"type": "string"}},
    }
    return _object(properties, ["predictions", "model", "request_id"])


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    error = _object({"field": text, "expected": text, "got": text}, ["field", "expected", "got"])
    properties = {
        "type": text,
        "title": text,
        "status": {"type": "integer"},
        "detail": text,
        "instance": text,
        "request_id": text,
        "errors": {"type": "array", "items": error},
    }
    return _object(properties, ["title", "status", "detail", "request_id"])


def _problems() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {status: {"description": text, "content": content} for status, text in PROBLEMS.items()}


def _json(text: str, name: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _ref(name)}}}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
