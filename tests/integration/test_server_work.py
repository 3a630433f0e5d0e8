"""Deployments, verifications, sweeps and schedules over the REST of a real Jupyter server process."""

from __future__ import annotations

import signal
import sys
import time

import pytest
from jupyter_process import jupyter_server, write_notebook

from nbprod import api

PATH = "sub folder/model.ipynb"
CODE = """%%mlops stage train --metric error
from sklearn.linear_model import LinearRegression
import pandas as pd
X = pd.DataFrame({'a': [1.0, 2.0, 3.0]})
model = LinearRegression().fit(X, [2.0 * factor, 4.0 * factor, 6.0 * factor])
error = abs(factor + shift - 2)
model.predict(X)"""
CELLS = [("parameters", "factor = 1\nshift = 0"), ("", CODE)]
WAITS = """%%mlops stage wait --metric score
import os
import time
score = n
if n > 1:
    open('begun', 'w').close()
    while not os.path.exists('go'):
        time.sleep(0.02)"""
USERS_PACKAGES = {"pandas", "sklearn", "mlflow", "numpy", "matplotlib", "scipy"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    (root / ".git").mkdir()
    write_notebook(root / PATH, CELLS)
    with jupyter_server(root, tmp_path_factory.mktemp("home"), PATH) as server:
        yield server
    api.stop_all(root)


@pytest.fixture
def ask(server):
    return server.ask


def ended(ask, operation, path=PATH):
    last = time.monotonic() + 120
    while True:
        code, found = ask("GET", f"operations/{operation}", path)
        assert code == 200, found
        if found["state"] != "running" or time.monotonic() > last:
            return found
        time.sleep(0.05)


@pytest.fixture(scope="module")
def deployed(server):
    """The endpoint of the notebook, deployed twice; the second deployment's operation."""
    for parameters in ({}, {"factor": "2"}):
        code, started = server.ask("POST", "deploy", parameters=parameters, name="house")
        assert (code, started["kind"], started["state"]) == (200, "deploy", "running"), started
        done = ended(server.ask, started["operation"])
        assert (done["state"], done["error"]) == ("succeeded", None), done
    return done


def test_a_deployment_tells_its_steps_and_is_the_newest_operation(ask, deployed):
    assert deployed["result"]["endpoint"] == "house"
    assert {step["state"] for step in deployed["steps"]} <= {"succeeded", "cached"}
    assert "train" in [step["name"] for step in deployed["steps"]]
    assert all(step["since"] is None for step in deployed["steps"])
    assert deployed["seconds"] > 0
    state = ask("GET", "state")[1]
    assert state["operation"] == deployed
    assert [(item["endpoint"], item["state"]) for item in state["endpoints"]] == [("house", "healthy")]
    assert ask("GET", "endpoints")[1]["endpoints"] == state["endpoints"]


def test_an_endpoint_is_asked_and_what_it_refuses_is_told(ask, deployed):
    _, sample = ask("GET", "endpoints/house/sample")
    assert sample["columns"] == [{"name": "a", "type": "number"}]
    code, answer = ask("POST", "endpoints/house/predict", rows=sample["rows"])
    assert code == 200
    assert answer["predictions"] == pytest.approx(sample["predictions"], rel=1e-12)
    assert answer["predictions"] == pytest.approx([4.0, 8.0, 12.0])
    code, error = ask("POST", "endpoints/house/predict", rows=[{"a": "many"}])
    assert (400 <= code < 500, "a" in error["message"]) == (True, True)


def test_health_logs_versions_and_drift_of_an_endpoint(ask, deployed):
    ask("POST", "endpoints/house/predict", rows=[{"a": 1.0}])
    code, health = ask("GET", "endpoints/house/health")
    assert (code, health["state"]) == (200, "healthy")
    assert health["requests"] >= 1
    code, logs = ask("GET", "endpoints/house/logs")
    assert (code, isinstance(logs["log"], str)) == (200, True)
    code, found = ask("GET", "endpoints/house/versions")
    assert code == 200
    assert [item["current"] for item in found["versions"]] == [True, False]
    code, drift = ask("GET", "endpoints/house/drift")
    assert (code, drift["endpoint"]) == (200, "house"), drift


def test_an_endpoint_is_rolled_back(ask, deployed):
    code, started = ask("POST", "endpoints/house/rollback", version=None)
    assert (code, started["kind"]) == (200, "deploy")
    done = ended(ask, started["operation"])
    assert (done["state"], done["error"]) == ("succeeded", None), done
    assert ask("POST", "endpoints/house/predict", rows=[{"a": 1.0}])[1]["predictions"] == pytest.approx([2.0])


def test_a_notebook_without_a_model_is_told(server, ask):
    write_notebook(server.root / "none.ipynb", [("stage:load", "rows = [1]")])
    code, error = ask("POST", "deploy", "none.ipynb", target="moon")
    assert (code, error["code"]) == (400, "NB930")
    code, started = ask("POST", "deploy", "none.ipynb")
    done = ended(ask, started["operation"], "none.ipynb")
    assert (done["state"], done["result"], "model" in done["error"]["message"]) == ("failed", None, True)
    assert {step["state"] for step in done["steps"]} <= {"succeeded", "failed"}


def test_of_several_models_one_is_chosen(server, ask):
    code = "import pandas as pd\nfrom sklearn.linear_model import Lasso, Ridge\nX = pd.DataFrame({'a': [1.0, 2.0]})\n"
    fits = "soft = Ridge().fit(X, [1, 2])\nhard = Lasso(alpha=9).fit(X, [1, 2])\nhard.predict(X), soft.predict(X)"
    write_notebook(server.root / "two.ipynb", [("stage:train", code + fits)])
    assert ask("GET", "pipeline", "two.ipynb")[1]["undecided"] == ["soft", "hard"]
    done = ended(ask, ask("POST", "deploy", "two.ipynb")[1]["operation"], "two.ipynb")
    assert (done["state"], done["error"]["code"], done["error"]["hint"]) == ("failed", "NB620", None)
    assert done["error"]["message"].count("no model") == 1
    assert "--model NAME" in done["error"]["message"]
    done = ended(ask, ask("POST", "deploy", "two.ipynb", model="hard")[1]["operation"], "two.ipynb")
    assert (done["state"], done["error"]) == ("succeeded", None)
    assert ask("POST", "endpoints/two/predict", "two.ipynb", rows=[{"a": 1.0}])[1]["predictions"] == [1.5]
    assert ask("DELETE", "endpoints/two", "two.ipynb")[0] == 200


def test_verify_tells_whether_the_pipeline_equals_the_notebook_and_has_a_page(server, ask):
    _, started = ask("POST", "verify")
    done = ended(ask, started["operation"])
    assert (done["state"], done["error"], done["report"]) == ("succeeded", None, True), done
    assert (done["result"]["equal"], done["result"]["compared"] > 0) == (True, True)
    page = server.fetch(f"api/operations/{started['operation']}/report", {"path": PATH})
    assert page.startswith(b"<!doctype html>") or b"<html" in page[:200]


def test_a_sweep_shows_its_trials(server, ask):
    code, started = ask("POST", "sweep", grid={"factor": "1:2"}, metric="error", parameters={"shift": 1})
    assert (code, started["kind"]) == (200, "sweep"), started
    done = ended(ask, started["operation"])
    assert (done["state"], done["error"]) == ("succeeded", None), done
    trials = done["result"]["trials"]
    assert [(trial["parameters"], trial["value"]) for trial in trials] == [
        ({"factor": 1}, 0.0),
        ({"factor": 2}, 1.0),
    ]
    assert done["result"]["sweep"] == started["operation"]
    assert done["result"]["best"] == trials[0]["number"]
    assert done["report"] is True
    assert b"2 of 2 trials" in server.fetch(f"api/operations/{started['operation']}/report", {"path": PATH})
    code, drawn = ask("POST", "sweep", grid={"factor": "1..99"}, metric="error", search="random", trials=2, seed=0)
    found = ended(ask, drawn["operation"])["result"]
    assert (code, found["planned"], found["seed"], found["space"]) == (200, 2, 0, {"factor": "1..99"})


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_sweep_outlives_its_server_and_the_next_server_shows_and_stops_it(server, ask):
    path = "waits/waits.ipynb"
    notebook = write_notebook(server.root / path, [("parameters", "n = 1"), ("", WAITS)])
    _, started = ask("POST", "sweep", path, grid={"n": "1,2,3"}, metric="score")
    last = time.monotonic() + 60
    while not (notebook.parent / "begun").exists() and time.monotonic() < last:
        time.sleep(0.02)
    server.stop(signal.SIGKILL)
    server.start()
    found = ask("GET", "state", path)[1]["operation"]
    assert (found["operation"], found["state"], found["error"]) == (started["operation"], "running", None)
    assert [trial["status"] for trial in found["result"]["trials"]] == ["succeeded", "running", "pending"]
    assert any(step["since"] for step in found["steps"])
    assert ask("POST", f"operations/{started['operation']}/stop", path)[0] == 200
    done = ended(ask, started["operation"], path)
    assert (done["state"], done["error"]) == ("interrupted", None)
    assert done["result"]["trials"][0]["status"] == "succeeded"
    assert not {"running", "pending"} & {trial["status"] for trial in done["result"]["trials"]}
    assert not any(step["since"] or step["state"] == "running" for step in done["steps"])
    assert ask("GET", "state", path)[1]["operation"] == done


def test_two_runs_are_compared(ask, deployed):
    runs = ask("GET", "runs")[1]["runs"]
    newest, oldest = runs[0]["run"], runs[-1]["run"]
    code, found = ask("GET", f"runs/{oldest}/compare/{newest}")
    assert code == 200
    assert (found["first"]["run"], found["second"]["run"]) == (oldest, newest)
    assert {item["name"] for item in found["parameters"]} == {"factor", "shift"}
    assert [item["name"] for item in found["stages"]] == ["train"]


def test_a_schedule_is_added_paused_run_and_removed(ask):
    assert ask("GET", "schedules") == (200, {"schedules": [], "running": False})
    code, found = ask("GET", "schedules/preview", cron="0 6 * * 1-5", tz="Asia/Kolkata")
    assert (code, found["words"], len(found["next"])) == (200, "every weekday at 06:00", 5)
    code, found = ask("POST", "schedules", cron="0 6 1 1 *", tz="UTC", parameters={"factor": 3}, name="preview")
    assert (code, found["running"]) == (200, True), found
    (schedule,) = found["schedules"]
    assert (schedule["name"], schedule["parameters"], schedule["paused"]) == ("preview", {"factor": "3"}, False)
    assert (len(schedule["next"]), schedule["history"]) == (5, [])
    (schedule,) = ask("POST", "schedules/preview/pause", paused=True)[1]["schedules"]
    assert (schedule["paused"], schedule["next"]) == (True, [])
    assert ask("POST", "schedules/preview/pause", paused=False)[1]["schedules"][0]["paused"] is False
    run = ask("POST", "schedules/preview/now")[1]["run"]
    last = time.monotonic() + 60
    while (found := ask("GET", f"runs/{run}")[1])["status"] == "running" and time.monotonic() < last:
        time.sleep(0.05)
    assert (found["status"], found["parameters"]) == ("succeeded", {"factor": 3})
    assert ask("DELETE", "schedules/preview")[1]["schedules"] == []
    assert ask("DELETE", "schedules/preview")[0] == 404


def test_a_schedule_never_replaces_that_of_another_notebook(server, ask):
    for folder in ("one", "two"):
        write_notebook(server.root / folder / "same.ipynb", [("stage:load", "rows = [1]")])
        code, found = ask("POST", "schedules", f"{folder}/same.ipynb", cron="0 6 1 1 *", tz="UTC")
        assert (code, len(found["schedules"])) == (200, 1), found
    names = [ask("GET", "schedules", f"{folder}/same.ipynb")[1]["schedules"][0]["name"] for folder in ("one", "two")]
    assert names == ["same", "two-same"]
    code, error = ask("POST", "schedules", "two/same.ipynb", cron="0 6 1 1 *", tz="UTC", name="same")
    assert (code, error["code"]) == (400, "NB930")
    for folder, name in zip(("one", "two"), names, strict=True):
        assert ask("DELETE", f"schedules/{name}", f"{folder}/same.ipynb")[0] == 200


def test_an_endpoint_is_stopped(ask, deployed):
    assert ask("DELETE", "endpoints/house") == (200, {"endpoint": "house"})
    assert ask("GET", "endpoints") == (200, {"endpoints": []})


def test_what_is_not_there_is_told(ask):
    unknown = [("GET", "runs/0123abcd"), ("POST", "runs/0123abcd/stop"), ("GET", "operations/0123abcd")]
    unknown += [("GET", "operations/0123abcd/report"), ("POST", "operations/0123abcd/stop")]
    unknown += [("GET", "runs/0123abcd/compare/0123abce"), ("DELETE", "endpoints/nobody")]
    unknown += [("GET", f"endpoints/nobody/{what}") for what in ("sample", "health", "versions", "logs", "drift")]
    unknown += [("POST", "endpoints/nobody/predict"), ("DELETE", "schedules/nobody"), ("POST", "schedules/nobody/now")]
    unknown += [("POST", "schedules/nobody/pause")]
    for method, route in unknown:
        fields = {"rows": [{}], "paused": True} if method == "POST" else {}
        code, error = ask(method, route, **fields)
        assert (code, bool(error["message"])) == (404, True), route


def test_the_server_imports_nothing_of_the_users(server, deployed):
    assert USERS_PACKAGES & server.modules() == set()
