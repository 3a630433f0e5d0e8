"""Runs over the REST of a real Jupyter server process: followed, stopped, killed, found again by the next server."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time

import pytest
from jupyter_process import jupyter_server, write_notebook

from nbprod.interfaces.server import operations

SMALL = [
    ("parameters", "n = 3\nname = 'a'"),
    ("stage:load", "rows = list(range(n))"),
    ("stage:total", "total = sum(rows)\nprint('total', total)"),
]
WAITS = """import os
import time
open('begun', 'w').close()
while not os.path.exists('go'):
    time.sleep(0.02)
kept = [*rows, MARK]
print('waited')"""
MARKS = itertools.count()
USERS_PACKAGES = {"pandas", "sklearn", "mlflow", "numpy", "matplotlib", "scipy", "torch"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    (root / ".git").mkdir()
    write_notebook(root / "sub folder" / "small.ipynb", SMALL)
    with jupyter_server(root, tmp_path_factory.mktemp("home"), "sub folder/small.ipynb") as server:
        yield server


@pytest.fixture
def ask(server):
    return server.ask


@pytest.fixture
def until(ask):
    """Ask until what is answered is as it should be; return it."""

    def until(route, reached, path=None):
        last = time.monotonic() + 60
        while True:
            code, found = ask("GET", route, path)
            assert code == 200, found
            if reached(found) or time.monotonic() > last:
                return found
            time.sleep(0.03)

    return until


@pytest.fixture
def ended(until):
    return lambda run, path=None: until(f"runs/{run}", lambda found: found["status"] != "running", path)


@pytest.fixture(scope="module")
def done(server):
    """A run that succeeded."""
    _, started = server.ask("POST", "run", parameters={"n": "5", "name": "x y"})
    last = time.monotonic() + 60
    while server.ask("GET", f"runs/{started['run']}")[1]["status"] == "running" and time.monotonic() < last:
        time.sleep(0.03)
    return started["run"]


@pytest.fixture
def waiting(server, ask, until):
    """A run whose second stage waits for a file; returns the notebook, the run, and what lets it go on."""
    code = WAITS.replace("MARK", str(next(MARKS)))
    notebook = write_notebook(
        server.root / "waits" / "waits.ipynb", [("stage:load", "rows = [1]"), ("stage:wait", code)]
    )
    for name in ("begun", "go"):
        (notebook.parent / name).unlink(missing_ok=True)
    path = "waits/waits.ipynb"
    _, started = ask("POST", "run", path, force=True)
    until(f"runs/{started['run']}", lambda _: (notebook.parent / "begun").exists(), path)
    yield path, started["run"], notebook
    (notebook.parent / "go").touch()
    until(f"runs/{started['run']}", lambda found: found["status"] != "running", path)


def test_a_run_is_started_followed_and_listed(ask, done):
    _, run = ask("GET", f"runs/{done}")
    assert (run["run"], run["status"], run["error"], run["mlflow"]) == (done, "succeeded", None, None)
    assert [(stage["status"], stage["kept"], stage["since"]) for stage in run["stages"]] == [
        ("succeeded", True, None)
    ] * 2
    assert run["parameters"] == {"n": 5, "name": "x y"}
    assert run["seconds"] > 0
    assert [item["run"] for item in ask("GET", "runs")[1]["runs"]] == [done]
    assert ask("GET", "state")[1]["runs"][0] == run
    assert ask("GET", "pipeline")[1]["stale"] == []


def test_the_executed_notebook_of_a_stage(ask, done):
    code, executed = ask("GET", f"runs/{done}/notebook/total")
    assert (code, "total 10" in str(executed["cells"])) == (200, True)
    for stage in ("nothing", "parameters"):
        code, error = ask("GET", f"runs/{done}/notebook/{stage}")
        assert (code, error["code"]) == (404, "NB619")


def test_the_page_of_a_stage_is_made_once_and_has_no_rights(server, ask, done):
    pages = [server.fetch(f"api/runs/{done}/page/total", {"path": server.path}) for _ in range(2)]
    assert pages[0] == pages[1]
    assert b"total 10" in pages[0]
    assert server.headers["Content-Type"] == "text/html; charset=utf-8"
    assert server.headers["Content-Security-Policy"] == "sandbox allow-scripts; frame-ancestors 'self'"
    assert len(list(server.root.glob(f".nbprod/runs/{done}/*.html"))) == 1
    code, error = ask("GET", f"runs/{done}/page/nothing")
    assert (code, error["code"]) == (404, "NB619")


def test_what_was_run_before_is_reused_and_stages_can_be_chosen(ask, ended, done):
    again = ended(ask("POST", "run", parameters={"n": "5", "name": "x y"})[1]["run"])
    assert {stage["status"] for stage in again["stages"]} == {"cached"}
    assert all(stage["kept"] for stage in again["stages"])
    assert "total 10" in str(ask("GET", f"runs/{again['run']}/notebook/total")[1]["cells"])
    part = ended(ask("POST", "run", to="load", force=True)[1]["run"])
    assert {stage["name"]: stage["status"] for stage in part["stages"]} == {"load": "succeeded", "total": "skipped"}


def test_a_run_that_is_refused_tells_why(ask, ended):
    code, started = ask("POST", "run", parameters={"nope": "5"})
    run = ended(started["run"])
    assert (code, run["status"]) == (200, "failed")
    assert "nope" in run["error"]["message"]


def test_a_failed_cell_is_named(server, ask, ended):
    write_notebook(server.root / "fails.ipynb", [("stage:load", "rows = [1]"), ("stage:total", "x = 1\nrows[3]")])
    run = ended(ask("POST", "run", "fails.ipynb")[1]["run"], "fails.ipynb")
    assert run["status"] == "failed"
    assert (run["error"]["where"]["cell_id"], run["error"]["where"]["line"]) == ("c2", 2)
    assert [stage["status"] for stage in run["stages"]] == ["succeeded", "failed"]


def test_a_run_as_it_stands_is_in_the_state(ask, waiting):
    path, run, _ = waiting
    found = ask("GET", "state", path)[1]["runs"][0]
    assert (found["run"], found["status"]) == (run, "running")
    load, wait = found["stages"]
    assert (load["status"], wait["status"], bool(wait["since"])) == ("succeeded", "running", True)


def test_a_run_is_stopped_and_the_next_resumes(ask, ended, waiting):
    path, run, notebook = waiting
    assert ask("POST", f"runs/{run}/stop", path) == (200, {"run": run})
    stopped = ended(run, path)
    assert stopped["status"] == "interrupted"
    assert not {"running", "pending"} & {stage["status"] for stage in stopped["stages"]}
    (notebook.parent / "go").touch()
    again = ended(ask("POST", "run", path)[1]["run"], path)
    assert [stage["status"] for stage in again["stages"]] == ["cached", "succeeded"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_whose_process_was_killed_is_interrupted_and_the_next_resumes(ask, ended, waiting):
    path, run, notebook = waiting
    os.kill(operations.find(notebook, run).process["pid"], signal.SIGKILL)
    killed = ended(run, path)
    assert killed["status"] == "interrupted"
    assert [stage["status"] for stage in killed["stages"]] == ["succeeded", "skipped"]
    assert ask("GET", "state", path)[1]["runs"][0]["status"] == "interrupted"
    (notebook.parent / "go").touch()
    again = ended(ask("POST", "run", path)[1]["run"], path)
    assert [stage["status"] for stage in again["stages"]] == ["cached", "succeeded"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_outlives_its_server_and_the_next_server_stops_it(server, ask, ended, waiting):
    path, run, _ = waiting
    server.stop(signal.SIGKILL)
    server.start()
    found = ask("GET", "state", path)[1]["runs"][0]
    assert (found["run"], found["status"], found["stages"][1]["status"]) == (run, "running", "running")
    assert ask("POST", f"runs/{run}/stop", path)[0] == 200
    assert ended(run, path)["status"] == "interrupted"


def test_runs_of_a_notebook_outside_the_tree_are_not_there(server, ask, until, tmp_path):
    """The project may be wider than what this server serves."""
    (server.root / "project" / ".nbprod").mkdir(parents=True)
    inner, outer = (write_notebook(server.root / "project" / name, SMALL) for name in ("inner.ipynb", "outer.ipynb"))
    (server.root / "served").mkdir()
    (server.root / "served" / "inner.ipynb").symlink_to(inner)
    run = ask("POST", "run", "project/outer.ipynb")[1]["run"]
    until(f"runs/{run}", lambda found: found["status"] != "running", "project/outer.ipynb")
    with jupyter_server(server.root / "served", tmp_path, "inner.ipynb") as narrow:
        assert narrow.ask("GET", f"runs/{run}")[0] == 404
        assert narrow.ask("GET", f"runs/{run}/notebook/total")[0] == 404
        assert narrow.ask("POST", f"runs/{run}/stop")[0] == 404
    assert outer.exists()


def test_the_server_imports_nothing_of_the_users(server, done):
    assert USERS_PACKAGES & server.modules() == set()
