"""Sweeps end to end: only what the values touch is run, bad trials are pruned, the best promoted, a killed one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pandas as pd
import pytest

from nbprod import api
from nbprod.core.errors import ModelError, PlanError
from nbprod.core.run import RunOptions
from nbprod.interfaces import cli

THREE = [
    ("parameters", "rows = 3\nscale = 1.0\ndepth = 1"),
    ("stage:load", "data = list(range(rows))"),
    ("stage:prepare", "scaled = [value * scale for value in data]"),
    ("stage:fit", "loss = sum(scaled) / depth", {"metrics": ["loss"]}),
]
REPORTING = [
    ("parameters", "depth = 1\nlr = 0.1"),
    ("stage:load", "data = [1, 2, 3]"),
    (
        "stage:fit",
        "import nbprod\nfrom pathlib import Path\n"
        "for epoch in range(4):\n    loss = (depth - 5) ** 2 + lr + 4 - epoch\n    nbprod.report(loss, epoch)\n"
        "Path(f'whole-{depth}-{lr}').touch()",
        {"metrics": ["loss"]},
    ),
    ("stage:late", "worth = -loss"),
]
EARLY = [
    ("parameters", "depth = 1"),
    ("stage:quick", "score = -abs(depth - 5)", {"metrics": ["score"]}),
    ("stage:slow", "score = score * 2", {"metrics": ["score"]}),
]


def statuses(sweep):
    return [str(trial.status) for trial in sweep.trials]


def stages_of(path, sweep):
    """Return how often each stage was executed."""
    made = [
        stage.name for t in sweep.trials for stage in api.show(t.run, path).stages if str(stage.status) == "succeeded"
    ]
    return {name: made.count(name) for name in sorted(set(made))}


def test_only_stages_downstream_of_the_swept_parameters_run_again(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", THREE)
    found = api.sweep(path, {"scale": "1:2", "depth": [1, 2, 4]}, metric="loss")
    assert stages_of(path, found) == {"load": 1, "prepare": 2, "fit": 6}
    again = api.sweep(path, {"depth": "1:4"}, metric="loss", options=RunOptions(parameters={"scale": 2.0}))
    assert stages_of(path, again) == {"fit": 1}
    assert (again.fixed, again.space) == ({"scale": "2.0"}, {"depth": "1,2,3,4"})


def test_trials_are_runs_without_models(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", THREE)
    found = api.sweep(path, {"scale": "0.5..2:log"}, metric="loss", trials=3, seed=4)
    runs = [api.show(trial.run, path) for trial in found.trials]
    assert [run.parameters["scale"] for run in runs] == [trial.parameters["scale"] for trial in found.trials]
    assert [run.metrics["loss"] for run in runs] == [trial.value for trial in found.trials]
    assert {run.id for run in api.history(path)} == {run.id for run in runs}
    again = api.sweep(path, {"scale": "0.5..2:log"}, metric="loss", trials=3, seed=4)
    assert [trial.parameters for trial in again.trials] == [trial.parameters for trial in found.trials]
    assert stages_of(path, again) == {}
    html = (project / ".nbprod" / "sweeps" / f"{found.id}.html").read_text()
    assert (found.page, "seed 4" in html) == (str(project / ".nbprod" / "sweeps" / f"{found.id}.html"), True)


def test_trials_that_do_badly_are_pruned_within_a_stage(project, make_notebook):
    pytest.importorskip("optuna")
    path = make_notebook(project / "nb.ipynb", REPORTING)
    wanted = {"metric": "loss", "search": "optuna", "trials": 12, "seed": 3}
    found = api.sweep(path, {"depth": "1..9", "lr": "0.01..1:log"}, **wanted)
    pruned = [trial for trial in found.trials if str(trial.status) == "pruned"]
    whole = [trial for trial in found.trials if str(trial.status) == "succeeded"]
    assert len(pruned) >= 2
    assert len(pruned) + len(whole) == 12
    assert all(trial.value is None and trial.error is None and trial.reports for trial in pruned)
    assert all(dict(trial.reports).keys() == {0, 1, 2, 3} for trial in whole)
    run = api.show(pruned[0].run, path)
    assert (str(run.status), [str(stage.status) for stage in run.stages]) == ("pruned", ["cached", "pruned", "skipped"])
    assert run.error.code == "NB508"
    last = max(pruned[0].reports)
    assert f"loss {pruned[0].reports[last]:.3g} at step {last}" in run.error.message
    assert api.run(path).status == "succeeded"  # outside a sweep a report does nothing


def test_trials_are_pruned_between_stages_on_an_early_value(project, make_notebook):
    pytest.importorskip("optuna")
    path = make_notebook(project / "nb.ipynb", EARLY)
    found = api.sweep(path, {"depth": "1..30"}, metric="score", maximize=True, search="optuna", trials=12, seed=1)
    pruned = [trial for trial in found.trials if str(trial.status) == "pruned"]
    assert pruned
    run = api.show(pruned[0].run, path)
    assert [str(stage.status) for stage in run.stages] == ["succeeded", "skipped"]
    assert "at the end of stage quick" in run.error.message


MODEL = [
    ("parameters", "slope = 1.0"),
    ("stage:data", "import pandas as pd\nX = pd.DataFrame({'x': [1.0, 2.0, 3.0]})"),
    (
        "stage:fit",
        "fitted = slope\nloss = abs(slope - 2)",
        {"metrics": ["loss"], "gates": ["loss < 0.5"]},
    ),
    ("serve", "def predict(X):\n    return X['x'] * fitted"),
]


def test_the_best_is_promoted_when_its_gates_hold(project, make_notebook, capsys):
    path = make_notebook(project / "line.ipynb", MODEL)
    command = ["sweep", str(path), "--metric", "loss", "--promote-best", "--json"]
    assert cli.run([*command, "-p", "slope=0.5:3.5:1.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["best"], found["model"]["name"]) == (2, "line")
    assert api.load_model(found["model"]["path"]).predict(pd.DataFrame({"x": [3.0]})).tolist() == [6.0]
    assert len(list((project / ".nbprod" / "models" / "line").iterdir())) == 1
    promoted = api.history(path)[0]
    assert {str(stage.status) for stage in promoted.stages} == {"cached"}
    assert api.model(path, RunOptions(parameters={"slope": 2.0}))[0].path == found["model"]["path"]
    assert cli.run([*command, "-p", "slope=0.5,1"]) == 1
    told = capsys.readouterr()
    refused = json.loads(told.out)
    assert (refused["best"], refused["model"], refused["error"]["code"]) == (2, None, "NB625")
    assert "loss < 0.5 did not hold" in told.err
    assert len(list((project / ".nbprod" / "models" / "line").iterdir())) == 1


def test_a_sweep_without_a_metric_or_with_nothing_to_go_on_with_is_refused(project, make_notebook, capsys):
    path = make_notebook(project / "nb.ipynb", THREE)
    assert cli.run(["sweep", str(path), "-p", "depth=1,2"]) == 2
    assert cli.run(["sweep", str(path), "--resume"]) == 1
    assert "NB413" in capsys.readouterr().err
    found = api.sweep(path, {"depth": "1,2"}, metric="loss")
    assert api.sweep(path, resume=True) == found
    assert api.sweep(path, {"depth": "1:2"}, metric="loss", resume=found.id[:3]) == found
    with pytest.raises(PlanError, match="with these values"):
        api.sweep(path, {"depth": "1,3"}, metric="loss", resume=True)
    with pytest.raises(ModelError, match="none succeeded"):
        api.sweep(path, {"depth": "0"}, metric="loss", promote=True)
    make_notebook(path, [*THREE[:-1], ("stage:fit", "loss = depth", {"metrics": ["loss"]})])
    with pytest.raises(PlanError, match="is not what it was"):
        api.sweep(path, resume=found.id)


KILLED = [
    ("parameters", "n = 1\nkind = 'a'"),
    ("stage:load", "base = 10"),
    (
        "stage:wait",
        "import time\nfrom pathlib import Path\nfile = Path(f'{kind}-{n}')\n"
        "with file.open('a') as begun:\n    begun.write('.')\n"
        "if n == 3 and not Path('go').exists():\n    time.sleep(600)\nv = base * n",
        {"metrics": ["v"]},
    ),
]


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_sweep_goes_on_when_asked_to(project, make_notebook, kind):
    path = make_notebook(project / "slow.ipynb", KILLED)
    file = project / ".nbprod" / "sweeps" / "s3.json"
    command = [sys.executable, "-m", "nbprod", "sweep", str(path), "-p", "n=1:5", "--with", "kind=k,l", "--metric", "v"]
    with subprocess.Popen([*command, "--sweep-id", "s3"], stdout=subprocess.DEVNULL) as process:
        while not (project / "k,l-3").exists():
            threading.Event().wait(0.02)
        busy = subprocess.run([*command, "--resume"], capture_output=True, text=True)
        assert (busy.returncode, "another process" in busy.stderr) == (1, True)
        os.kill(process.pid, kind)
    ends = {signal.SIGKILL: (-9, ["succeeded"] * 2 + ["running"] + ["pending"] * 2), signal.SIGINT: (130, None)}
    code, states = ends[kind]
    states = states or ["succeeded"] * 2 + ["failed"] + ["skipped"] * 2
    assert process.returncode == code
    before = json.loads(file.read_text())
    assert [trial["status"] for trial in before["trials"]] == states
    (project / "go").touch()
    done = subprocess.run([*command, "--resume", "--json"], capture_output=True, text=True)
    assert done.returncode == 0
    after = json.loads(done.stdout)
    assert (after["sweep"], [trial["value"] for trial in after["trials"]]) == ("s3", [10.0, 20.0, 30.0, 40.0, 50.0])
    assert after["trials"][:2] == before["trials"][:2]
    assert [len((project / f"k,l-{n}").read_text()) for n in range(1, 6)] == [1, 1, 2, 1, 1]
    assert not list(file.parent.glob("*.lock"))
