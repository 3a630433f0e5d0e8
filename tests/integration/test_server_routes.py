"""The REST of the server extension in a real Jupyter server: who may ask, for what, and how mistakes are told."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from jupyter_rest import *  # noqa: F403
from jupyter_rest import CELLS, PATH

from nbprod.interfaces.server.table import TABLE

EXAMPLES = {"run": "0123abcd", "other": "0123abce", "operation": "0123abcd", "name": "churn", "stage": "load"}
FIELDS = {
    "grid": {"n": "1,2"},
    "metric": "total",
    "rows": [{"n": 1}],
    "cron": "0 6 * * *",
    "paused": True,
    "target": "local",
}


def filled(path):
    return re.sub(r"\{(\w+)\}", lambda match: EXAMPLES.get(match[1], "nightly"), path)


ROUTES = [(route.method, filled(route.path), route) for route in TABLE]
UNKNOWN = [(method, "nowhere", None) for method in ("GET", "POST", "DELETE")]


def test_no_route_answers_a_stranger(fetch):
    for method, route, _ in ROUTES + UNKNOWN:
        body = "{}" if method == "POST" else None
        code, found = fetch(route, method=method, body=body, headers={"Authorization": "none"})
        assert code == 403, route
        assert set(found["error"]) >= {"code", "message", "hint"}


def test_what_changes_something_needs_the_token_against_forged_requests(as_browser, notebook):
    for method, route, _ in ROUTES + UNKNOWN:
        if method == "GET":
            continue
        options = {"method": method, "body": json.dumps({"path": "missing.ipynb"}) if method == "POST" else None}
        for forged in ({}, {"X-XSRFToken": "wrong"}, {"Cookie": "_xsrf=secret"}, {"Origin": "https://evil.example"}):
            headers = {"X-XSRFToken": "other", **forged}
            found = as_browser("api", *route.split("/"), headers=headers, **options)
            assert found.code in (403, 404), (route, forged)
            assert "NB931" in found.body.decode(), (route, forged)


def test_with_the_token_a_browser_may_change_something(as_browser, cookies, notebook):
    headers = {"Cookie": f"{cookies}; _xsrf=secret", "X-XSRFToken": "secret"}
    for method, route, route_ in ROUTES:
        if method == "POST" and route_.about:
            body = json.dumps({"path": "missing.ipynb", **FIELDS})
            found = as_browser("api", *route.split("/"), headers=headers, method=method, body=body)
            assert (found.code, json.loads(found.body)["error"]["code"]) == (404, "NB001"), route


OUTSIDE = [
    "../outside.ipynb",
    "sub folder/../../outside.ipynb",
    "..%2Foutside.ipynb",
    "%2e%2e/outside.ipynb",
    "RTC:../outside.ipynb",
    "RTC:/../outside.ipynb",
    "/etc/passwd",
    "file:///etc/passwd",
    "missing.ipynb",
    "",
    "/",
    "sub folder",
    "a\0b.ipynb",
    "sub folder/small.ipynb\0",
    "x" * 5000 + ".ipynb",
    ".hidden/small.ipynb",
    "sub folder/.small.ipynb",
    ".ipynb",
]


def test_nothing_outside_the_tree_is_reached(ask, jp_root_dir, make_notebook):
    make_notebook(jp_root_dir.parent / "outside.ipynb", CELLS)
    for hidden in (".hidden/small.ipynb", "sub folder/.small.ipynb", ".ipynb"):
        make_notebook(jp_root_dir / hidden, CELLS)
    for method, route, route_ in ROUTES:
        for path in (*OUTSIDE, str(jp_root_dir.parent / "outside.ipynb")) if route_.about else ():
            code, error = ask(method, route, path, **({} if method != "POST" else FIELDS))
            assert (code, error["code"]) == (404, "NB001"), (route, path)
            assert "Traceback" not in json.dumps(error)


@pytest.mark.parametrize("path", [3, None, ["a"], {"a": 1}])
def test_a_path_that_is_no_text_is_refused(ask, path):
    code, error = ask("POST", "pipeline", path)
    assert (code, error["code"]) == (400, "NB930")


@pytest.mark.parametrize(
    "path", ["RTC:sub folder/small.ipynb", "/sub folder/small.ipynb", "RTC:/sub folder/small.ipynb"]
)
def test_a_drive_is_taken_off(ask, path):
    assert ask("GET", "pipeline", path)[1]["notebook"] == PATH


def test_a_name_with_a_colon_is_no_drive(ask, jp_root_dir, make_notebook):
    make_notebook(jp_root_dir / "RTC:b.ipynb", CELLS)
    assert ask("GET", "pipeline", "RTC:b.ipynb")[1]["notebook"] == "RTC:b.ipynb"


def test_links_are_followed_as_jupyter_itself_does(ask, jp_root_dir, make_notebook, jp_fetch, jp_asyncio_loop):
    make_notebook(jp_root_dir.parent / "elsewhere" / "linked.ipynb", CELLS)
    (jp_root_dir / "link").symlink_to(jp_root_dir.parent / "elsewhere")

    async def contents():
        return await jp_fetch("api", "contents", "link", "linked.ipynb")

    assert jp_asyncio_loop.run_until_complete(contents()).code == 200
    assert ask("GET", "pipeline", "link/linked.ipynb")[0] == 200


def test_hidden_files_are_there_when_jupyter_shows_them(ask, jp_root_dir, make_notebook, jp_serverapp):
    make_notebook(jp_root_dir / ".hidden" / "small.ipynb", CELLS)
    jp_serverapp.contents_manager.allow_hidden = True
    assert ask("GET", "pipeline", ".hidden/small.ipynb")[0] == 200


def test_names_in_addresses_are_never_paths(raw, notebook):
    query = "?path=sub%20folder/small.ipynb"
    for route in ("runs/{}", "operations/{}", "endpoints/{}/sample", "runs/0123abcd/notebook/{}", "endpoints/{}/logs"):
        for name in ("..%2F..%2Fetc", "%2e%2e", "..", "a%00b", "-", "a%20b", "%2Fetc%2Fpasswd", "http:%2F%2F127.0.0.1"):
            found = raw(f"api/{route.format(name)}{query}")
            assert found.code == 404, (route, name)
            assert json.loads(found.body)["error"]["code"] in ("NB931", "NB001", "NB720")
    for name in ("..%2F..%2Fetc", "%2e%2e", "a%00b", "%2Fetc%2Fpasswd"):
        assert raw(f"api/schedules/{name}{query}", method="DELETE").code == 404


def test_paths_in_a_query_are_confined_however_they_are_written(raw, notebook, jp_root_dir, make_notebook):
    make_notebook(jp_root_dir.parent / "outside.ipynb", CELLS)
    for path in (
        "..%2Foutside.ipynb",
        "%2e%2e/outside.ipynb",
        "sub%20folder/%2e%2e/%2e%2e/outside.ipynb",
        "a%00.ipynb",
    ):
        assert raw(f"api/pipeline?path={path}").code == 404
    assert raw("api/pipeline?path=sub%20folder%2F%2E%2E%2Fsub%20folder%2Fsmall.ipynb").code == 200


def test_a_method_that_an_address_has_not_is_told(fetch):
    code, found = fetch("status", method="DELETE")
    assert (code, found["error"]["code"]) == (405, "NB931")


def test_status_tells_the_version(ask):
    import nbprod

    assert ask("GET", "status") == (200, {"version": nbprod.__version__})


def test_an_unknown_address_is_told_as_json(ask):
    code, error = ask("GET", "nowhere")
    assert (code, error["code"]) == (404, "NB931")


def test_pipeline_of_the_saved_notebook(ask):
    code, found = ask("GET", "pipeline")
    assert code == 200
    assert [stage["name"] for stage in found["stages"]] == ["load", "total"]
    assert found["stages"][0]["cell_ids"] == ["c2"]
    assert {"from": "load", "to": "total", "names": ["rows"], "kind": "data"} in found["edges"]
    assert [(item["name"], item["type"], item["default"]) for item in found["parameters"]] == [
        ("n", "int", 3),
        ("name", "str", "a"),
    ]
    assert {role["cell_id"]: role["role"] for role in found["roles"]}["c1"] == "parameters"
    assert 0 <= found["readiness"]["percent"] <= 100


def test_pipeline_of_what_the_editor_holds_writes_nothing(ask, notebook):
    before = notebook.read_bytes()
    content = json.loads(before)
    content["cells"][2]["metadata"] = {"nbprod": {"stage": "renamed"}}
    content["cells"][2]["source"] = "total = sum(rows) + missing"
    code, found = ask("POST", "pipeline", content=content)
    assert code == 200
    assert [stage["name"] for stage in found["stages"]] == ["load", "renamed"]
    assert any(item["cell_id"] == "c3" and "missing" in item["message"] for item in found["diagnostics"])
    assert notebook.read_bytes() == before
    assert sorted(item.name for item in notebook.parent.iterdir()) == ["small.ipynb"]


@pytest.mark.parametrize("content", ["text", {"cells": 3}])
def test_a_draft_that_is_no_notebook_is_refused(ask, content):
    code, error = ask("POST", "pipeline", content=content)
    assert 400 <= code < 500
    assert error["message"]


def test_a_body_that_is_no_object_is_refused(fetch, notebook):
    for body in ("{", "[]", '"x"'):
        code, found = fetch("run", method="POST", body=body)
        assert (code, found["error"]["code"]) == (400, "NB930")


def test_fields_of_the_wrong_type_are_refused(ask):
    for method, route, route_ in ROUTES:
        for name, field in route_.fields.items() if method == "POST" else ():
            wrong = 3 if field.kind != "integer" else "3"
            code, error = ask(method, route, **{**FIELDS, name: wrong})
            assert (code, error["code"]) == (400, "NB930"), (route, name)
            assert name in error["message"]
            if field.required:
                code, error = ask(method, route, **{key: value for key, value in FIELDS.items() if key != name})
                assert (code, error["code"]) == (400, "NB930"), (route, name)


def test_rows_are_objects_and_values_of_a_sweep_are_text(ask):
    assert ask("POST", "endpoints/churn/predict", rows=[1])[0] == 400
    assert ask("POST", "sweep", grid={"n": [1, 2]}, metric="total")[0] == 400
    assert ask("POST", "sweep", grid={}, metric="total")[0] == 400


def test_findings_say_whether_they_can_be_mended_and_fixes_are_for_the_editor(ask, notebook, make_notebook):
    before = notebook.read_bytes()
    content = json.loads(before)
    content["cells"][1]["source"] = "import random\nrows = [random.random() for _ in range(n)]"
    code, found = ask("POST", "pipeline", content=content)
    mendable = [item for item in found["diagnostics"] if item["mendable"]]
    assert (code, bool(mendable)) == (200, True), found["diagnostics"]
    code, fixes = ask("POST", "fixes", content=content, code=mendable[0]["code"])
    assert code == 200
    assert {item["code"] for item in fixes["fixed"]} == {mendable[0]["code"]}
    assert all(item["mendable"] for item in fixes["fixed"])
    assert fixes["cells"]
    assert {cell["cell_id"] for cell in fixes["cells"]} <= {"c1", "c2", "c3"}
    assert ask("POST", "fixes", content=content, cell_id="c1")[1]["fixed"] == []
    assert notebook.read_bytes() == before


def test_stages_are_suggested_for_what_the_editor_holds(ask, notebook, make_notebook):
    make_notebook(notebook, ["import pandas as pd", "rows = [1]", "print(rows)"])
    code, found = ask("POST", "suggestion", content=json.loads(notebook.read_bytes()))
    assert code == 200
    assert found["stages"]
    assert ask("POST", "suggestion")[1] == found


def test_the_example_is_copied_into_a_folder_of_the_tree(fetch, notebook, jp_root_dir):
    def example(folder):
        return fetch("example", method="POST", body=json.dumps({"folder": folder}))

    assert example("") == (200, {"path": "churn.ipynb"})
    assert example("RTC:sub folder") == (200, {"path": "sub folder/churn.ipynb"})
    (jp_root_dir / "churn.ipynb").write_text("mine")
    assert example("/") == (200, {"path": "churn.ipynb"})
    assert (jp_root_dir / "churn.ipynb").read_text() == "mine"
    (jp_root_dir / ".hidden").mkdir()
    for outside in (
        "..",
        "../",
        "/..",
        "RTC:..",
        "sub folder/../..",
        "missing",
        "sub folder/small.ipynb",
        "a\0",
        ".hidden",
    ):
        code, found = example(outside)
        assert (code, found["error"]["code"]) == (404, "NB001"), outside


def test_the_state_of_a_notebook_that_never_ran(ask):
    assert ask("GET", "state") == (200, {"runs": [], "endpoints": [], "operation": None})


def test_numbers_that_json_has_not_are_null(ask, notebook):
    from nbprod.config import Project
    from nbprod.store import Ledger

    numbers = {"loss": float("nan"), "best": float("inf"), "auc": 0.5}
    record = {"run": "0123abcd", "notebook": PATH, "status": "succeeded", "stages": [], "metrics": numbers}
    with Ledger(Project.find(notebook).home) as ledger:
        ledger.begin_run("0123abcd", PATH, record)
        ledger.save_run("0123abcd", "succeeded", record)
    assert ask("GET", "runs")[1]["runs"][0]["metrics"] == {"loss": None, "best": None, "auc": 0.5}


def test_targets_tell_what_they_lack(ask):
    code, found = ask("GET", "targets")
    assert code == 200
    assert found["targets"][0] == {"name": "local", "available": True, "missing": None}
    assert all(item["available"] == (item["missing"] is None) for item in found["targets"])


def test_of_requests_about_one_notebook_only_the_newest_is_answered(jp_fetch, jp_asyncio_loop, notebook):
    content = json.loads(notebook.read_bytes())

    async def several():
        asked = []
        for number in range(6):
            content["cells"][1]["source"] = f"rows = list(range({number}))"
            body = json.dumps({"path": PATH, "content": content})
            asked.append(jp_fetch("nbprod", "api", "pipeline", method="POST", body=body, raise_error=False))
        return await asyncio.gather(*asked)

    codes = [found.code for found in jp_asyncio_loop.run_until_complete(several())]
    assert 200 in codes
    assert set(codes) <= {200, 409}


def test_what_somebody_asked_who_is_gone_is_not_computed(
    ask, notebook, jp_web_app, http_server_client, jp_auth_header, caplog, jp_asyncio_loop, jp_base_url
):
    assert ask("POST", "pipeline")[0] == 200
    body = json.dumps({"path": PATH})
    head = f"POST {jp_base_url}nbprod/api/pipeline HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    head += f"Authorization: {jp_auth_header['Authorization']}\r\n\r\n"

    async def leave():
        free = asyncio.Event()
        before = asyncio.create_task(
            jp_web_app.settings["nbprod"].drafts.answer(notebook, free.wait, wanted=lambda: True)
        )
        _, writer = await asyncio.open_connection("127.0.0.1", http_server_client.get_http_port())
        writer.write((head + body).encode())
        await writer.drain()
        queue = jp_web_app.settings["nbprod"].drafts._queues[notebook]
        while queue.waiting < 2:
            await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.1)
        free.set()
        await before
        while "409 POST" not in caplog.text:
            await asyncio.sleep(0.01)

    jp_asyncio_loop.run_until_complete(asyncio.wait_for(leave(), 30))


def test_who_only_looks_keeps_no_server_awake(ask, jp_web_app):
    ask("POST", "pipeline")
    before = jp_web_app.settings["api_last_activity"]
    assert ask("GET", "state")[0] == 200
    assert jp_web_app.settings["api_last_activity"] == before


def test_the_description_of_the_routes_is_served(fetch):
    code, found = fetch("openapi.json")
    assert (code, found["openapi"]) == (200, "3.1.0")
    assert set(found["paths"]) == {f"/{route.path}" for route in TABLE}
