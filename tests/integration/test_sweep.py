"""Sweeps: a run for each combination, what they have in common reused, failures told, interrupts survived."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from nbprod import api
from nbprod.core.errors import PlanError, StageFailed
from nbprod.core.run import RunOptions
from nbprod.interfaces import cli

CELLS = [
    ("parameters", "depth = 1\nscale = 1.0\nbase = 10"),
    ("stage:load", "rows = [base, base + 1]"),
    (
        "stage:fit",
        "if depth == 3:\n    raise ValueError('too deep')\nif depth == 4:\n    score = None\nelse:\n"
        "    score = sum(rows) / depth * scale",
        {"metrics": ["score"]},
    ),
]


@pytest.fixture
def path(project, make_notebook):
    return make_notebook(project / "nb.ipynb", CELLS)


def statuses(sweep):
    return [str(trial.status) for trial in sweep.trials]


def test_each_combination_is_a_cached_run(path, project):
    seen = []
    file = project / ".nbprod" / "sweeps" / "s1.json"

    def watch(sweep):
        assert json.loads(file.read_text()) == sweep.as_json()
        seen.append(statuses(sweep))

    found = api.sweep(path, {"depth": ["1", "2"], "scale": ["1", "2"]}, metric="score", sweep_id="s1", watch=watch)
    assert (found.id, found.notebook, found.metric, found.maximize) == ("s1", "nb.ipynb", "score", False)
    assert [dict(trial.parameters) for trial in found.trials][:2] == [
        {"depth": 1, "scale": 1},
        {"depth": 1, "scale": 2},
    ]
    assert [trial.value for trial in found.trials] == [21.0, 42.0, 10.5, 21.0]
    assert found.best.number == 3
    assert seen[:3] == [["pending"] * 4, ["running", *["pending"] * 3], ["succeeded", *["pending"] * 3]]
    assert seen[-1] == ["succeeded"] * 4
    runs = [api.show(trial.run, path) for trial in found.trials]
    assert [str(run.stages[0].status) for run in runs] == ["succeeded", *["cached"] * 3]
    assert runs[2].parameters == {"depth": 2, "scale": 1.0}
    again = api.sweep(path, {"depth": ["2", "5"]}, metric="score", maximize=True)
    assert {str(stage.status) for stage in api.show(again.trials[0].run, path).stages} == {"cached"}
    assert again.as_json()["best"] == 1


def test_a_trial_that_fails_ends_nothing(path):
    found = api.sweep(path, {"depth": ["3", "4", "2"]}, metric="score", options=RunOptions(parameters={"base": 1}))
    assert statuses(found) == ["failed", "failed", "succeeded"]
    raised, absent, fine = found.trials
    assert isinstance(raised.error, StageFailed)
    assert "too deep" in raised.as_json()["error"]["message"]
    assert (absent.error.code, absent.run is not None) == ("NB591", True)
    assert "recorded no metric score" in absent.error.message
    assert (fine.value, found.best.number) == (1.5, 3)


def test_refused_before_anything_ran(path, project):
    for grid, metric in (({"width": ["1"]}, "score"), ({"depth": ["1"]}, "accuracy")):
        with pytest.raises(PlanError):
            api.sweep(path, grid, metric=metric)
    assert api.history(path) == []
    assert not (project / ".nbprod" / "sweeps").exists()


def test_the_notebook_is_read_once(path, make_notebook):
    def edit(sweep):
        make_notebook(path, [("stage:other", "x = 1")])

    found = api.sweep(path, {"depth": ["1", "2"]}, metric="score", watch=edit)
    assert statuses(found) == ["succeeded"] * 2


def test_the_command(path, project, capsys, monkeypatch):
    steps = project / "steps"
    monkeypatch.setenv("NBPROD_STEPS", str(steps))
    command = ["sweep", str(path), "-p", "depth=1,3,2", "--with", "base=1", "--metric", "score"]
    assert cli.run([*command, "--json", "--sweep-id", "abc"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["sweep"], found["best"]) == ("abc", 3)
    assert [trial["status"] for trial in found["trials"]] == ["succeeded", "failed", "succeeded"]
    assert "too deep" in told.err
    lines = [json.loads(line) for line in steps.read_text().splitlines()]
    assert [(line["name"], line["state"]) for line in lines[2:4]] == [
        ("trial 2 of 3: depth=3", "running"),
        ("trial 2 of 3: depth=3", "failed"),
    ]
    assert cli.run([*command, "--maximize"]) == 0
    out = capsys.readouterr().out
    assert "trial 1 · score 3" in out
    assert "-p depth=1" in out
    assert cli.run(["sweep", str(path), "-p", "depth=3", "--metric", "score"]) == 1
    assert "none" in capsys.readouterr().out
    assert cli.run(["sweep", str(path), "-p", "depth=1", "--metric", "none", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NB407"


SLOW = [
    ("parameters", "n = 1"),
    ("stage:wait", "import time\ntime.sleep(0 if n == 1 else 600)\nv = n", {"metrics": ["v"]}),
]


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_tells_how_far_it_got(project, make_notebook, kind):
    path = make_notebook(project / "slow.ipynb", SLOW)
    file = project / ".nbprod" / "sweeps" / "s2.json"
    command = [sys.executable, "-m", "nbprod", "sweep", str(path), "-p", "n=1,2,3", "--metric", "v", "--sweep-id", "s2"]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as process:
        running = project / ".nbprod" / "runs"
        while not _waits(file, running):
            threading.Event().wait(0.05)
        os.kill(process.pid, kind)
        found = json.loads(process.stdout.read())
    assert process.returncode == 130
    assert [trial["status"] for trial in found["trials"]] == ["succeeded", "failed", "skipped"]
    assert (found["best"], found["error"]["code"]) == (1, "NB506")
    assert json.loads(file.read_text())["trials"] == found["trials"]


def _waits(file, runs):
    """Whether the second trial has begun its only stage."""
    if not file.exists():
        return False
    second = json.loads(file.read_text())["trials"][1]
    state = runs / str(second["run"]) / "run.json"
    return state.exists() and json.loads(state.read_text())["stages"][0]["status"] == "running"
