"""The request forms of MLflow's scoring server: `dataframe_split`, `dataframe_records`, `instances`, `inputs`, CSV."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import TYPE_CHECKING, Any

from .problems import Problem
from .schema import Decoded, Schema, described

if TYPE_CHECKING:
    from collections.abc import Callable

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def decode_json(body: bytes, schema: Schema) -> Decoded:
    """Return a JSON invocation as columns; raises `Problem` 400 or 422."""
    try:
        # json, not msgspec: MLflow's own clients send NaN
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error
    given = [form for form in FORMS if form in request] if isinstance(request, dict) else []
    if len(given) != 1:
        got = ", ".join(given) or (", ".join(map(str, request)) if isinstance(request, dict) else described(request))
        raise Problem(400, f"expected an object with one of {', '.join(FORMS)}, got {got or 'an empty object'}")
    form = given[0]
    reader: Callable[[Any, Schema, str], Decoded] = {"dataframe_split": _split, "dataframe_records": _records}.get(
        form, _tensor
    )
    return reader(_without_nan(request[form]), schema, form)


def decode_csv(body: bytes, schema: Schema) -> Decoded:
    """Return a CSV invocation, its first line the names, as columns; raises `Problem` 400 or 422."""
    try:
        lines = list(csv.reader(StringIO(body.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Problem(400, f"the body is not CSV: {error}") from error
    if not lines:
        raise Problem(400, "the body is empty; the first line of CSV names the columns")
    header, data = lines[0], [line for line in lines[1:] if line]
    for number, line in enumerate(data, 2):
        if len(line) != len(header):
            raise Problem(400, f"line {number} has {len(line)} values, the header has {len(header)} names")
    kinds = {field.name: field.type for field in schema.fields}
    columns = {
        name: [_typed(line[index], kinds.get(name, "string")) for line in data] for index, name in enumerate(header)
    }
    return schema.of_columns(columns, "csv")


def _split(value: Any, schema: Schema, at: str) -> Decoded:
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise Problem(400, f'{at}: expected {{"columns": […], "data": [[…]]}}, got {described(value)}')
    names = [str(name) for name in value.get("columns") or schema.names]
    return _table(value["data"], names, schema, f"{at}.data")


def _records(value: Any, schema: Schema, at: str) -> Decoded:
    return schema.of_rows(value, at)


def _tensor(value: Any, schema: Schema, at: str) -> Decoded:
    if isinstance(value, dict):
        columns = {str(name): _column(values) for name, values in value.items()}
        return schema.of_columns(columns, at)
    if not isinstance(value, list):
        return schema.of_columns({schema.names[0]: [value]}, at)
    if all(isinstance(item, dict) for item in value) and schema.names != ["inputs"]:
        return schema.of_rows(value, at)
    if all(isinstance(item, list) for item in value):
        return _table(value, schema.names, schema, at)
    if len(schema.names) == 1:
        return schema.of_columns({schema.names[0]: value}, at)
    raise Problem(400, f"{at}: expected one array of {len(schema.names)} values a row")


def _table(data: list[Any], names: list[str], schema: Schema, at: str) -> Decoded:
    for index, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(names):
            got = f"{len(row)} values" if isinstance(row, list) else described(row)
            raise Problem(400, f"{at}[{index}]: expected an array of {len(names)} values, got {got}")
    return schema.of_columns({name: [row[index] for row in data] for index, name in enumerate(names)}, at)


def _column(values: Any) -> Any:
    if isinstance(values, list) and values and all(isinstance(item, list) and len(item) == 1 for item in values):
        return [item[0] for item in values]
    return values if isinstance(values, list) else [values]


def _typed(text: str, kind: str) -> Any:
    if text == "":
        return None
    try:
        match kind:
            case "long" | "integer":
                return int(text)
            case "double" | "float":
                return _without_nan(float(text))
            case "boolean":
                return {"true": True, "false": False}.get(text.lower(), text)
            case _:
                return text
    except ValueError:
        return text


def _without_nan(value: Any) -> Any:
    match value:
        case float():
            return None if value != value else value
        case list():
            return [_without_nan(item) for item in value]
        case dict():
            return {key: _without_nan(item) for key, item in value.items()}
        case _:
            return value
