"""Readiness: each of the ten steps is done only when it is true, and the next command is one that works."""

from __future__ import annotations

import json
import os
import shlex

import pytest

from nbprod import api, store
from nbprod.api.environment import pinned, unpinned
from nbprod.config import Project
from nbprod.core.model import Model
from nbprod.core.run import Run, RunStatus, StageRun, StageStatus
from nbprod.deploy.process import started
from nbprod.deploy.state import Files, Status
from nbprod.interfaces.cli.app import VERBS, nbprod

CELLS = [
    "import numpy as np",
    "n_rows = 100  # how many\nname = 'a'",
    ("stage:load", "df = list(range(100))"),
    ("stage:train", "from sklearn.metrics import accuracy_score\naccuracy = accuracy_score(df, df)"),
]
STEPS = (
    "runs top to bottom",
    "stages",
    "parameters",
    "verified",
    "reproducible",
    "gate",
    "recorded model",
    "image",
    "monitored endpoint",
    "schedule",
)


@pytest.fixture
def path(project, make_notebook):
    return make_notebook(project / "n.ipynb", CELLS)


def done(path):
    return {step.name for step in api.check(path).readiness.steps if step.done}


def ran(project, pipeline, status=StageStatus.SUCCEEDED, model=None, stages=("load", "train")):
    """Put a run on record, as one of the pipeline would."""
    overall = RunStatus.SUCCEEDED if status is StageStatus.SUCCEEDED else RunStatus.FAILED
    run = Run("f00d", pipeline.notebook, overall, tuple(StageRun(name, status) for name in stages), model=model)
    with store.Ledger(project.home) as ledger:
        ledger.begin_run(run.id, run.notebook, store.to_record(run))
        ledger.save_run(run.id, str(run.status), store.to_record(run))
    store.remember_ran(project, pipeline, run)


def edit(path, cell, **changes):
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"][cell].update(changes)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_ten_steps(path):
    found = api.check(path).readiness
    assert tuple(step.name for step in found.steps) == STEPS
    assert (done(path), found.percent) == ({"stages"}, 10)
    assert found.missing == tuple(name for name in STEPS if name != "stages")


def test_a_run_of_this_code(path):
    project = Project.find(path)
    ran(project, api.analyze(path))
    assert "runs top to bottom" in done(path)
    edit(path, 2, source="df = list(range(101))")
    assert "runs top to bottom" not in done(path)


@pytest.mark.parametrize(
    "wrong", [{"status": StageStatus.FAILED}, {"stages": ("load",)}], ids=["failed", "part of the stages"]
)
def test_a_run_that_was_not_whole(wrong, path):
    ran(Project.find(path), api.analyze(path), **wrong)
    assert "runs top to bottom" not in done(path)


def executed(path, counts, **changes):
    for cell, count in enumerate(counts):
        edit(path, cell, execution_count=count)
    for cell, outputs in changes.items():
        edit(path, int(cell.removeprefix("cell")), outputs=outputs)


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}


def test_saved_after_one_run_in_order(path):
    executed(path, [1, 2, 3, 4])
    assert "runs top to bottom" in done(path)


@pytest.mark.parametrize("counts", [[2, 3, 4, 5], [1, 3, 2, 4], [1, 2, None, 3], [1, 2, 4, 5]])
def test_saved_otherwise(counts, path):
    executed(path, counts)
    assert "runs top to bottom" not in done(path)


def test_saved_with_an_error(path):
    executed(path, [1, 2, 3, 4], cell3=[ERROR])
    assert "runs top to bottom" not in done(path)


def test_what_is_refused_does_not_run(path):
    executed(path, [1, 2, 3, 4])
    edit(path, 2, source="df = nobody")
    found = api.check(path).readiness.steps
    assert not found[0].done
    assert found[0].next == "nbprod check --explain NB201"


def test_stages_and_parameters_and_gate(path):
    edit(path, 2, metadata={})
    edit(path, 3, metadata={})
    assert "stages" not in done(path)
    edit(path, 1, metadata={"tags": ["parameters"]})
    assert "parameters" in done(path)
    assert "gate" not in done(path)
    edit(path, 3, metadata={"nbprod": {"role": "gate"}})
    assert "gate" in done(path)
    edit(path, 3, metadata={"nbprod": {"stage": "train", "gates": ["accuracy >= 0.9"]}})
    assert {"stages", "gate"} <= done(path)


@pytest.mark.parametrize("equal", [True, False])
def test_verified(equal, path):
    project = Project.find(path)
    with store.Ledger(project.home) as ledger:
        store.remember_verified(ledger, api.analyze(path), equal=equal)
    assert ("verified" in done(path)) is equal
    assert "runs top to bottom" in done(path)
    edit(path, 2, source="df = [1]")
    assert not {"verified", "runs top to bottom"} & done(path)


def test_reproducible(path, project):
    assert "reproducible" not in done(path)
    (project / "requirements.txt").write_text("numpy==2.1.0\n", encoding="utf-8")
    assert "reproducible" in done(path)
    edit(path, 2, source="df = list(np.random.rand(100))")
    found = api.check(path).readiness.steps[4]
    assert (found.done, found.next) == (False, "nbprod check n.ipynb --fix")


PINS = {
    "uv.lock": ("", True),
    "requirements.txt": ("# all\nnumpy==2.1.0 --hash=sha256:00\npandas[io]==2.2.3 ; python_version > '3.9'\n", True),
    "constraints.txt": ("-c more.txt\nnumpy==2.1\nown @ file:///x\n", True),
    "environment.yml": ("name: x\ndependencies:\n  - python=3.12\n  - numpy=2.1\n", True),
    "environment.yaml": ("dependencies:\n  - python\n", False),
    "requirements.lock": ("", False),
}
LOOSE = {
    "numpy\n": ("numpy",),
    "numpy>=2\npandas==2.2.3\n": ("numpy>=2",),
    "numpy==2.*\n": ("numpy==2.*",),
    "-e .\n": (),
}


@pytest.mark.parametrize("name", PINS)
def test_files_that_pin(name, tmp_path):
    (tmp_path / name).write_text(PINS[name][0], encoding="utf-8")
    assert pinned(tmp_path) is PINS[name][1]


@pytest.mark.parametrize("text", LOOSE)
def test_requirements_that_do_not_pin(text, tmp_path):
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    assert not pinned(tmp_path)
    assert unpinned(tmp_path) == LOOSE[text]


def test_requirements_without_versions_are_told(path, project):
    (project / "requirements.txt").write_text("numpy\n", encoding="utf-8")
    assert "NB321" in {item.code for item in api.check(path).pipeline.diagnostics}


def test_recorded_model_image_and_endpoint(path):
    project = Project.find(path)
    store.remember_image(project, "n", "n:1")
    serving(project, "n", os.getpid())
    assert not {"recorded model", "image", "monitored endpoint"} & done(path)
    ran(project, api.analyze(path), model=Model("n", str(project.home / "models" / "f00d")))
    assert {"recorded model", "image", "monitored endpoint"} <= done(path)
    serving(project, "n", None)
    assert "monitored endpoint" not in done(path)
    serving(project, "other", os.getpid())
    assert "monitored endpoint" not in done(path)


def serving(project, model, pid):
    """Write the status of an endpoint whose processes are this one, or none."""
    token = started(os.getpid()) or ""
    status = Status(
        endpoint="n",
        model=model,
        version=None,
        model_path="m",
        predictions="p",
        host="127.0.0.1",
        port=1,
        state="healthy",
        since="",
        generation=1,
        supervisor=pid or 0,
        supervisor_started=token if pid else "",
        pid=pid,
        started=token if pid else None,
    )
    Files(project.home, "n").write(status)


def test_schedule(path):
    api.schedule_add(path, "0 6 * * 1-5", "UTC", {}, None)
    assert "schedule" in done(path)


def commands(path):
    return {step.name: step.next for step in api.check(path).readiness.steps}


def test_commands_that_tag(path):
    assert commands(path)["parameters"] == "nbprod tag n.ipynb 2 parameters"
    assert commands(path)["gate"] == "nbprod tag n.ipynb 4 train --metric accuracy --gate 'accuracy >= 0.8'"


def test_commands_are_of_this_folder(path, project, make_notebook, monkeypatch):
    inner = make_notebook(project / "my books" / "m.ipynb", CELLS)
    assert commands("my books/m.ipynb")["verified"] == "nbprod verify 'my books/m.ipynb'"
    monkeypatch.chdir(inner.parent)
    assert commands("m.ipynb")["verified"] == "nbprod verify m.ipynb"
    assert commands(inner)["verified"] == "nbprod verify m.ipynb"
    assert commands(inner)["reproducible"].endswith("-m uv pip freeze > ../requirements.txt")


def test_every_command_is_one(path):
    for text in commands(path).values():
        words = shlex.split(text)
        if words[0] != "nbprod":
            assert "uv pip freeze" in text
            continue
        assert words[1] in VERBS, text
        command, left = nbprod.get_command(None, words[1]), words[2:]
        if hasattr(command, "commands"):
            command, left = command.commands[left[0]], left[1:]
        command.make_context(words[1], left)
