"""The server extension over HTTP, in a real Jupyter server: who may ask, for what, and how mistakes are told."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest
from jupyter_rest import *  # noqa: F403
from jupyter_rest import CELLS

from nbprod.interfaces.server import operations

ROUTES = [
    ("GET", "status"),
    ("GET", "pipeline"),
    ("POST", "pipeline"),
    ("GET", "runs"),
    ("GET", "runs/00000000"),
    ("POST", "runs/00000000/stop"),
    ("GET", "runs/00000000/notebook/load"),
    ("POST", "run"),
    ("POST", "deploy"),
    ("POST", "verify"),
    ("GET", "operations/00000000"),
    ("GET", "endpoints"),
    ("DELETE", "endpoints/churn"),
    ("POST", "endpoints/churn/predict"),
    ("GET", "endpoints/churn/sample"),
    ("GET", "nowhere"),
]


def test_no_route_answers_a_stranger(fetch):
    for method, route in ROUTES:
        body = "{}" if method == "POST" else None
        code, found = fetch(route, method=method, body=body, headers={"Authorization": "none"})
        assert code == 403, route
        assert set(found["error"]) >= {"code", "message", "hint"}


@pytest.mark.parametrize("path", ["../outside.ipynb", "/etc/passwd", "missing.ipynb", "", "sub folder", "a\0b.ipynb"])
def test_nothing_outside_the_tree_is_reached(path, ask, jp_root_dir, make_notebook):
    make_notebook(jp_root_dir.parent / "outside.ipynb", CELLS)
    for method, route in ROUTES:
        if route not in ("status", "nowhere"):
            code, error = ask(method, route, path)
            assert (code, error["code"]) == (404, "NB001"), route
            assert "Traceback" not in json.dumps(error)


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


def test_a_run_is_started_followed_and_listed(ask, settled):
    code, started = ask("POST", "run", parameters={"n": "5", "name": "x y"})
    assert code == 200
    run = settled(f"runs/{started['run']}", "status")
    assert run["run"] == started["run"]
    assert (run["status"], run["error"]) == ("succeeded", None)
    assert [stage["status"] for stage in run["stages"]] == ["succeeded", "succeeded"]
    assert run["parameters"] == {"n": 5, "name": "x y"}
    code, listed = ask("GET", "runs")
    assert [item["run"] for item in listed["runs"]] == [started["run"]]
    code, executed = ask("GET", f"runs/{started['run']}/notebook/total")
    assert "total 10" in json.dumps(executed["cells"])


def test_a_run_that_is_refused_tells_why(ask, settled):
    code, started = ask("POST", "run", parameters={"nope": "5"})
    assert code == 200
    run = settled(f"runs/{started['run']}", "status")
    assert run["status"] == "failed"
    assert "nope" in run["error"]["message"]


def test_a_failed_cell_is_named(ask, settled, notebook, make_notebook):
    make_notebook(notebook, [("stage:load", "rows = [1]"), ("stage:total", "x = 1\nrows[3]")])
    _, started = ask("POST", "run")
    run = settled(f"runs/{started['run']}", "status")
    assert run["status"] == "failed"
    assert (run["error"]["where"]["cell_id"], run["error"]["where"]["line"]) == ("c2", 2)


def test_a_run_is_stopped(ask, settled, notebook, make_notebook):
    make_notebook(notebook, [("stage:load", "import time\nopen('begun', 'w').close()\ntime.sleep(60)")])
    _, started = ask("POST", "run")
    last = time.monotonic() + 60
    while not (notebook.parent / "begun").exists() and time.monotonic() < last:
        ask("GET", f"runs/{started['run']}")
    code, _ = ask("POST", f"runs/{started['run']}/stop")
    assert code == 200
    run = settled(f"runs/{started['run']}", "status")
    assert run["status"] == "interrupted"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_whose_driver_was_killed_is_not_running(ask, settled, notebook, make_notebook):
    make_notebook(notebook, [("stage:load", "import time\nopen('begun', 'w').close()\ntime.sleep(20)")])
    _, started = ask("POST", "run")
    last = time.monotonic() + 60
    while not (notebook.parent / "begun").exists() and time.monotonic() < last:
        ask("GET", f"runs/{started['run']}")
    os.kill(operations.find(notebook, started["run"]).process["pid"], signal.SIGKILL)
    run = settled(f"runs/{started['run']}", "status")
    assert run["status"] in ("interrupted", "failed")


def test_unknown_runs_operations_and_endpoints(ask):
    for method, route in [
        ("GET", "runs/0123abcd"),
        ("POST", "runs/0123abcd/stop"),
        ("GET", "operations/0123abcd"),
        ("DELETE", "endpoints/nobody"),
        ("POST", "endpoints/nobody/predict"),
        ("GET", "endpoints/nobody/sample"),
    ]:
        body = {"rows": [{}]} if method == "POST" else {}
        code, error = ask(method, route, **body)
        assert (code, bool(error["message"])) == (404, True), route


def test_an_endpoint_is_named_never_addressed(ask):
    """A URL in the place of a name would make the server fetch whatever it is told to."""
    for name in ("http:%2F%2F127.0.0.1:1", "..", "%2e%2e"):
        code, _ = ask("POST", f"endpoints/{name}/predict", rows=[{}])
        assert code == 404
    code, error = ask("POST", "endpoints/churn/predict", rows="all")
    assert (code, error["code"]) == (400, "NB930")


def test_deploy_refuses_an_unknown_target_and_tells_of_a_notebook_without_model(ask, settled):
    code, error = ask("POST", "deploy", target="moon")
    assert (code, error["code"]) == (400, "NB930")
    _, started = ask("POST", "deploy")
    done = settled(f"operations/{started['operation']}", "state")
    assert (done["state"], done["result"]) == ("failed", None)
    assert "model" in done["error"]["message"]
    assert {step["state"] for step in done["steps"]} <= {"succeeded", "failed"}


@pytest.mark.slow
def test_verify_tells_whether_the_pipeline_equals_the_notebook(ask, settled):
    _, started = ask("POST", "verify")
    done = settled(f"operations/{started['operation']}", "state")
    assert (done["state"], done["error"]) == ("succeeded", None), done["log"]
    assert done["result"]["equal"] is True
    assert done["result"]["compared"] > 0


@pytest.mark.slow
def test_deploy_predict_and_stop(ask, settled, notebook, make_notebook):
    code = "from sklearn.linear_model import LinearRegression\nimport pandas as pd\n"
    code += (
        "X = pd.DataFrame({'a': [1.0, 2.0, 3.0]})\nmodel = LinearRegression().fit(X, [2.0, 4.0, 6.0])\nmodel.predict(X)"
    )
    make_notebook(notebook, [("stage:train", code)])
    _, started = ask("POST", "deploy")
    done = settled(f"operations/{started['operation']}", "state")
    assert done["state"] == "succeeded", done
    name = done["result"]["endpoint"]
    try:
        _, listed = ask("GET", "endpoints")
        assert [(item["endpoint"], item["state"]) for item in listed["endpoints"]] == [(name, "healthy")]
        _, sample = ask("GET", f"endpoints/{name}/sample")
        assert sample["columns"] == [{"name": "a", "type": "number"}]
        code, answer = ask("POST", f"endpoints/{name}/predict", rows=sample["rows"])
        assert code == 200
        assert answer["predictions"] == pytest.approx(sample["predictions"], rel=1e-12)
        code, error = ask("POST", f"endpoints/{name}/predict", rows=[{"a": "many"}])
        assert 400 <= code < 500
        assert "a" in error["message"]
    finally:
        code, _ = ask("DELETE", f"endpoints/{name}")
    assert code == 200
    assert ask("GET", "endpoints") == (200, {"endpoints": []})
