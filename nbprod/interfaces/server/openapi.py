"""The table of routes as an OpenAPI document, and as the table in `docs/rest.md`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbprod.core.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.interfaces.server.asked import Asked
    from nbprod.interfaces.server.table import Route

PATH = "the notebook's path relative to the server's root"
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint", "where"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": ["string", "null"]},
                "where": {"type": ["object", "null"]},
            },
        }
    },
}


def document(_asked: Asked) -> dict[str, Any]:
    """Return this description of the routes as OpenAPI 3.1."""
    from nbprod.interfaces.server.table import SHAPES, TABLE

    paths: dict[str, dict[str, Any]] = {}
    for route in TABLE:
        paths.setdefault(f"/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "nbprod in Jupyter", "version": __version__},
        "servers": [{"url": "nbprod/api", "description": "below the Jupyter server's base URL"}],
        "paths": paths,
        "components": {"schemas": {"Error": ERROR, **{name.title(): _object(SHAPES[name]) for name in SHAPES}}},
    }


def rows(table: Sequence[Route]) -> list[str]:
    """Return the table of routes in Markdown."""
    head = ["| route | takes | answers | what it does |", "| --- | --- | --- | --- |"]
    return head + [
        f"| `{route.method} {route.path}` | {_takes(route)} | {_answers(route)} | {summary(route)} |" for route in table
    ]


def shapes() -> list[str]:
    """Return what several routes answer with, a line each in Markdown."""
    from nbprod.interfaces.server.table import SHAPES

    return [f"* {word}: {', '.join(f'`{name}`' for name in names)}" for word, names in SHAPES.items()]


def summary(route: Route) -> str:
    """Return what a route does, in a sentence."""
    return (route.call.__doc__ or "").partition("\n")[0].replace("|", "\\|")


def _takes(route: Route) -> str:
    names = ["path"] if route.about else []
    names += [name if field.required else f"{name}?" for name, field in route.fields.items()]
    return ", ".join(f"`{name}`" for name in names)


def _answers(route: Route) -> str:
    if route.answer is None:
        return "a page"
    shape = _shape(route)
    if shape:
        return f"[{shape}](#answers)"
    return ", ".join(f"`{name}`" for name in route.answer) or "nbformat's JSON"


def _operation(route: Route) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", route.path)
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()} {route.path}").strip("_"),
        "summary": summary(route),
        "parameters": [_parameter(name, "path", {"type": "string"}, required=True) for name in names],
        "responses": {"200": _answer(route), "4XX": _json({"$ref": "#/components/schemas/Error"}, "what was wrong")},
    }
    fields = {"path": {"type": "string", "description": PATH}} if route.about else {}
    fields |= {name: item.schema() for name, item in route.fields.items()}
    required = [name for name in fields if name == "path" or route.fields[name].required]
    if route.method != "POST":
        found["parameters"] += [_parameter(name, "query", fields[name], required=name in required) for name in fields]
    elif fields:
        schema = {"type": "object", "required": required, "properties": fields}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


def _parameter(name: str, where: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": schema}


def _answer(route: Route) -> dict[str, Any]:
    if route.answer is None:
        return {"description": "a page", "content": {"text/html": {"schema": {"type": "string"}}}}
    shape = _shape(route)
    schema = {"$ref": f"#/components/schemas/{shape.title()}"} if shape else _object(route.answer)
    return _json(schema, "what was asked for")


def _shape(route: Route) -> str | None:
    """Return the word for what a route answers, if several answer with it."""
    from nbprod.interfaces.server.table import SHAPES

    return next((name for name, names in SHAPES.items() if names is route.answer), None)


def _object(names: Sequence[str]) -> dict[str, Any]:
    return {"type": "object", "required": list(names), "properties": {name: {} for name in names}}


def _json(schema: dict[str, Any], about: str) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": schema}}}
