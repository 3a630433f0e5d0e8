"""One table of routes: the page in the documentation, the OpenAPI document and the handlers say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

from nbprod.interfaces.server import openapi
from nbprod.interfaces.server.events import SCHEMA
from nbprod.interfaces.server.routes import routes
from nbprod.interfaces.server.table import PARTS, TABLE

TOP = Path(__file__).parents[3]
PAGE = TOP / "docs" / "rest.md"
FRONT = TOP / "labextension" / "src" / "api.ts"
BEGIN, END = "<!-- routes: made of nbprod/interfaces/server/table.py -->\n", "<!-- end of routes -->"


def test_the_page_has_the_table():
    """To make it anew: python tests/unit/interfaces/test_server_rest_page.py"""
    assert PAGE.read_text(encoding="utf-8") == page()


def page():
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    made = [*openapi.rows(TABLE), "", "### Answers", "", *openapi.shapes()]
    return before + BEGIN + "\n" + "\n".join(made) + "\n\n" + END + rest.split(END)[1]


def test_every_route_is_described_and_has_an_id_of_its_own():
    found = openapi.document(None)
    operations = [one for path in found["paths"].values() for one in path.values()]
    assert len(operations) == len(TABLE)
    assert len({one["operationId"] for one in operations}) == len(TABLE)
    for one in operations:
        assert one["summary"].endswith("."), one
        assert set(one["responses"]) == {"200", "4XX"}
    json.dumps(found, allow_nan=False)


def test_names_in_addresses_are_described():
    for route in TABLE:
        names = set(re.findall(r"\{(\w+)\}", route.path))
        described = openapi.document(None)["paths"][f"/{route.path}"][route.method.lower()]["parameters"]
        assert {item["name"] for item in described if item["in"] == "path"} == names <= set(PARTS)


def test_bodies_tell_what_is_required():
    sweep = openapi.document(None)["paths"]["/sweep"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(sweep["required"]) == {"path", "grid", "metric"}
    assert sweep["properties"]["maximize"] == {
        "type": "boolean",
        "description": "whether more is better",
        "default": False,
    }
    assert sweep["properties"]["parameters"]["type"] == "object"


def test_addresses_that_look_like_names_are_told_apart():
    by_pattern = [(re.compile(pattern), given) for pattern, _, *given in routes("/base/") if given]

    def found(address):
        return next(given[0] for pattern, given in by_pattern if pattern.match(address))

    preview = found("/base/nbprod/api/schedules/preview")
    assert set(preview["by_method"]) == {"GET", "DELETE"}
    assert preview["names"] == {"schedule": "preview"}
    assert set(found("/base/nbprod/api/schedules/nightly")["by_method"]) == {"DELETE"}


def test_the_front_end_asks_for_nothing_else():
    """Each address that the front end names is a route; the other way round, some are for others."""
    named = re.findall(r"this\.(?:ask|post)(?:<[^(]*>)?\(\s*['`]([^'`]+)['`]", FRONT.read_text(encoding="utf-8"))
    patterns = [re.sub(r"\{(\w+)\}", "[^/]+", one.path) for one in TABLE]
    for address in named:
        plain = address.replace("${of(name)}", "endpoints/x").replace("${planned(name)}", "schedules/x")
        plain = re.sub(r"\$\{[^}]*\}", "x", plain)
        assert any(re.fullmatch(pattern, plain) for pattern in patterns), address
    assert len(named) > 20


def test_the_schema_of_hints_is_one_that_jupyter_takes():
    from jupyter_events import EventLogger

    logger = EventLogger()
    logger.register_event_schema(SCHEMA)
    assert SCHEMA["$id"] in logger.schemas.schema_ids


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
