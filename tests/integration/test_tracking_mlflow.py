"""Runs told to a real MLflow: what arrives, and that it arrives once, whatever is killed or down meanwhile."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nbprod.config import Project
from nbprod.core.model import Model
from nbprod.core.pipeline import Parameter, Pipeline, Stage
from nbprod.core.run import Event, GateResult, Run, RunOptions, RunStatus, StageRun, StageStatus
from nbprod.core.sweep import Sweep, Trial, TrialStatus
from nbprod.tracking import (
    Journal,
    context,
    journal,
    model_version,
    processes,
    publish,
    spawn_publisher,
    ui_command,
    wait,
)

# MLflow 3 and what it imports use deprecated parts of their own dependencies.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PNG = base64.b64encode(b"\x89PNG not really").decode()
PARAMETERS = (Parameter("rows", "int", 100, "100"), Parameter("alpha", "float", 1.0, "1.0"))
STAGES = (
    Stage("load", (1,), (), parameters=("rows",), writes=("df",), modules=("pandas",)),
    Stage("train", (2,), (), parameters=("alpha",), reads=("df",), writes=("model",), modules=("sklearn", "mlflow")),
)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: making one takes seconds, copying it does not."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    code = f"import mlflow; mlflow.MlflowClient('sqlite:///{path}').search_experiments()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=path.parent, capture_output=True)
    return path


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as the worker writes it."""
    code = """
import sys, pandas as pd
from sklearn.linear_model import LogisticRegression
from nbprod.worker.model import write
X_test = pd.DataFrame({"tenure": [1, 2, 3, 4], "charges": [1.5, 2.5, 3.5, 4.5]})
model = LogisticRegression().fit(X_test, ["no", "no", "yes", "yes"])
write(dict(stage={"buffers": f"{sys.argv[1]}-home/buffers"}, kind="estimator", names=["model"], samples=["X_test"], path=sys.argv[1], name="churn",
           run="aaaa0000", notebook="churn.ipynb"), globals())
"""
    path = tmp_path_factory.mktemp("model") / "aaaa0000"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    return path


@pytest.fixture
def here(project: Path, empty_store: Path) -> Project:
    """A project with a fresh store and a notebook."""
    found = Project.find(project)
    shutil.copy(empty_store, found.home / "mlflow.db")
    (project / "churn.ipynb").write_text("{}")
    (project / "data.csv").write_text("a,b\n1,2\n")
    return found


def executed(project: Project, run: str, stage: str) -> Path:
    """Write an executed notebook with one figure."""
    data = {"image/png": PNG, "text/plain": "<Figure>"}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    cell = {
        "cell_type": "code",
        "id": "c1",
        "metadata": {},
        "source": "plot()",
        "outputs": [output],
        "execution_count": 1,
    }
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = project.home / "runs" / run / f"{stage}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def told(project: Project, run: str = "aaaa0000", **how: Any) -> Run:
    """Write the journal of a run as execution's events would; `how`: status, cached, model, finish."""
    failed = how.get("status") is RunStatus.FAILED
    pipeline = Pipeline("churn.ipynb", STAGES, (), PARAMETERS, (), ())
    options = RunOptions(parameters={"rows": 50}, trial=how.get("trial"))
    listen = Journal(project).listener(pipeline, options)
    started = {"run": run, "notebook": "churn.ipynb", "stages": ["load", "train"], "parameters": {"rows": 50}}
    listen(Event("run-started", None, {**started, "python": "3.11.7"}))
    observed = {
        "files_read": {"data.csv": "blake3:" + "ab" * 32, "absent.csv": None},
        "distributions": {"pandas": "3.1.1"},
        "modules": {},
    }
    for name in ("load", "train"):
        status = "cached" if how.get("cached") else "failed" if failed and name == "train" else "succeeded"
        listen(Event("stage-started", name, {"reason": "no snapshot yet"}))
        listen(Event("output", name, {"cell": 1, "output": {}}))
        reason = "unchanged since run bbbb" if how.get("cached") else "no snapshot yet"
        metrics = {"score of it!": 0.5} if name == "train" else {}
        data = {"status": status, "seconds": 0.1, "outputs": [], "reason": reason, "metrics": metrics}
        notebook = str(executed(project, run, name))
        listen(Event("stage-finished", name, {**data, "notebook": notebook, "html": None, "observed": observed}))
    runs = [StageRun(name, StageStatus.SUCCEEDED) for name in ("load", "train")]
    finished = Run(
        id=run,
        notebook="churn.ipynb",
        status=how.get("status", RunStatus.SUCCEEDED),
        stages=tuple(runs),
        parameters={"rows": 50},
        metrics={"accuracy": 0.9},
        gates=(GateResult("accuracy >= 0.8", True), GateResult("accuracy >= 0.95", False)),
        model=how.get("model"),
    )
    if how.get("finish", True):
        listen(Event("run-finished", None, finished.as_json()))
    return finished


def published(project: Project, run: str = "aaaa0000") -> SimpleNamespace:
    """Return what MLflow holds of the project: client, parent and children by stage."""
    import mlflow

    client = mlflow.MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("churn")
    runs = client.search_runs([experiment.experiment_id], f"tags.`nbprod.run` = '{run}'")
    parents = [item for item in runs if item.data.tags["nbprod.kind"] == "run"]
    children = {item.data.tags["nbprod.stage"]: item for item in runs if item.data.tags["nbprod.kind"] == "stage"}
    assert len(parents) == 1
    assert len(children) == len(runs) - 1
    return SimpleNamespace(client=client, parent=parents[0], children=children, experiment=experiment)


def files(client: Any, run_id: str, folder: str | None = None) -> set[str]:
    """Return all artifact files of an MLflow run."""
    found: set[str] = set()
    for item in client.list_artifacts(run_id, folder):
        found |= files(client, run_id, item.path) if item.is_dir else {item.path}
    return found


def test_a_run_arrives_whole(here: Project, model_directory: Path) -> None:
    place = here.home / "models" / "churn" / "aaaa0000"
    shutil.copytree(model_directory, place)
    told(here, model=Model("churn", str(place)))
    before = {item for item in here.root.rglob("*") if ".nbprod" not in item.parts}

    assert publish(here) == 1

    found = published(here)
    parent, children = found.parent, found.children
    assert parent.info.status == "FINISHED"
    assert parent.data.params == {"rows": "50", "alpha": "1.0"}
    assert parent.data.metrics == {"accuracy": 0.9, "gates_held": 1.0, "gates_failed": 1.0}
    assert parent.data.tags["mlflow.source.name"] == "churn.ipynb"
    assert parent.data.tags["nbprod.gate.2"] == "accuracy >= 0.95: not held"
    assert parent.info.run_name == "churn aaaa"
    assert set(children) == {"load", "train"}
    assert {item.data.tags["mlflow.parentRunId"] for item in children.values()} == {parent.info.run_id}
    assert children["load"].data.params == {"rows": "50"}
    assert children["train"].data.metrics == {"score of it_": 0.5}
    assert files(found.client, children["train"].info.run_id) == {
        "notebook/train.ipynb",
        "notebook/train.html",
        "figures/train-1.png",
    }
    assert files(found.client, parent.info.run_id) == {"environment/environment.json", "environment/requirements.txt"}
    datasets = children["load"].inputs.dataset_inputs
    assert [(item.dataset.name, item.dataset.digest) for item in datasets] == [("data.csv", ("ab" * 32)[:36])]
    names = [item.dataset.name for item in parent.inputs.dataset_inputs]
    assert names[0] == "data.csv"
    assert names[1].endswith("sample.json"), "the rows kept with the model"
    assert len(names) == 2

    version = found.client.get_model_version_by_alias("churn", "candidate")
    assert model_version(here, "aaaa0000") == (str(version.version), f"models:/churn/{version.version}")
    assert version.run_id == parent.info.run_id
    model_id = version.source.removeprefix("models:/")
    logged = found.client.get_logged_model(model_id)
    assert (logged.status, logged.source_run_id) == ("READY", parent.info.run_id)
    assert [item.model_id for item in parent.outputs.model_outputs] == [model_id]
    assert here.home in Path(logged.artifact_location.removeprefix("file://")).parents
    after = {item for item in here.root.rglob("*") if ".nbprod" not in item.parts}
    assert after == before
    assert not journal.ready(here.home)
    assert not list(journal.folder(here.home).glob("aaaa0000*"))

    agree_with_registered(here)


def agree_with_registered(here: Project) -> None:
    """The registered model answers as the notebook did, loaded by plain MLflow where nbprod is not importable."""
    code = """
import sys; sys.modules["nbprod"] = None
import json, mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
sample = json.load(open(sys.argv[2]))
model = mlflow.pyfunc.load_model("models:/churn@candidate")
assert model.metadata.signature.inputs.input_names() == ["tenure", "charges"], model.metadata.signature
frame = pandas.DataFrame(sample["data"], columns=sample["columns"])
assert model.predict(frame).tolist() == sample["predictions"]
assert model.input_example is not None
"""
    sample = here.home / "models" / "churn" / "aaaa0000" / "sample.json"
    command = [sys.executable, "-P", "-W", "ignore", "-c", code, here.tracking_uri, str(sample)]
    subprocess.run(command, check=True, cwd=here.home)


def sweep_of(*values: float | None, planned: int) -> Sweep:
    """Return a sweep of runs as `told` tells of them."""
    ended = {False: TrialStatus.SUCCEEDED, True: TrialStatus.PRUNED}
    trials = [
        Trial(number, {"rows": number}, f"aaaa000{number}", ended[value is None], value)
        for number, value in enumerate(values, 1)
    ]
    space, fixed = {"rows": "1..9"}, {"alpha": "2.0"}
    return Sweep("5weeb", "churn.ipynb", "accuracy", True, tuple(trials), "random", planned, 7, space, fixed)


def test_trials_are_nested_in_their_sweep(here: Project) -> None:
    pipeline, options = Pipeline("churn.ipynb", STAGES, (), PARAMETERS, (), ()), RunOptions()
    tell = Journal(here)
    tell.sweep(pipeline, options, sweep_of(planned=3), ended=False)
    told(here, "aaaa0001", trial=("5weeb", 1))
    assert publish(here) == 1  # the sweep goes on
    found = published(here, "aaaa0001")
    parent = found.client.get_run(found.parent.data.tags["mlflow.parentRunId"])
    assert parent.info.status == "RUNNING"
    assert (parent.data.tags["nbprod.kind"], parent.data.tags["nbprod.sweep"]) == ("sweep", "5weeb")
    assert (found.parent.data.tags["nbprod.trial"], found.parent.info.run_name) == ("1", "trial 1 aaaa")
    assert found.parent.data.metrics["accuracy"] == 0.9

    told(here, "aaaa0002", trial=("5weeb", 2))
    (here.home / "sweeps").mkdir()
    (here.home / "sweeps" / "5weeb.html").write_text("<!doctype html>")
    tell.sweep(pipeline, options, sweep_of(0.9, None, planned=3), ended=True)  # interrupted
    assert publish(here) == 2
    assert published(here, "aaaa0002").parent.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert found.client.get_run(parent.info.run_id).info.status == "KILLED"

    tell.sweep(pipeline, options, sweep_of(0.9, None, 0.8, planned=3), ended=True)  # and gone on with
    assert publish(here) == 1
    parent = found.client.get_run(parent.info.run_id)
    assert parent.info.status == "FINISHED"
    assert {name: parent.data.params[name] for name in ("search", "seed", "space.rows", "alpha")} == {
        "search": "random",
        "seed": "7",
        "space.rows": "1..9",
        "alpha": "2.0",
    }
    assert (parent.data.metrics, parent.data.tags["nbprod.best_run"]) == ({"trials": 3.0, "accuracy": 0.9}, "aaaa0001")
    assert files(found.client, parent.info.run_id) == {"5weeb.html"}
    assert [path.name for path in (here.home / "journal").iterdir() if "5weeb" in path.name] == []


def test_a_sweep_whose_process_is_gone_is_told(here: Project) -> None:
    pipeline = Pipeline("churn.ipynb", STAGES, (), PARAMETERS, (), ())
    Journal(here).sweep(pipeline, RunOptions(), sweep_of(0.5, planned=3), ended=False)
    path = here.home / "journal" / "sweep-5weeb.jsonl"
    entry = json.loads(path.read_text())
    entry["context"]["process"] = {"pid": 2**22 + 1, "born": "1"}
    path.write_text(json.dumps(entry) + "\n")
    assert publish(here) == 1
    import mlflow

    client = mlflow.MlflowClient(here.tracking_uri)
    experiment = client.get_experiment_by_name("churn")
    (found,) = client.search_runs([experiment.experiment_id], "tags.`nbprod.kind` = 'sweep'")
    assert (found.info.status, found.data.metrics["accuracy"]) == ("KILLED", 0.5)


def test_a_run_told_twice_arrives_once(here: Project, model_directory: Path) -> None:
    place = here.home / "models" / "churn" / "aaaa0000"
    shutil.copytree(model_directory, place)
    for _ in range(2):  # the second time nothing is left of what the first noted
        told(here, model=Model("churn", str(place)))
        assert publish(here) == 1

    found = published(here)
    assert len(found.client.search_model_versions("name = 'churn'")) == 1
    assert len(found.client.search_logged_models([found.experiment.experiment_id])) == 1
    assert len(found.client.get_metric_history(found.children["train"].info.run_id, "score of it_")) <= 2


def test_a_reused_model_is_linked_not_logged_again(here: Project, model_directory: Path) -> None:
    place = here.home / "models" / "churn" / "aaaa0000"
    shutil.copytree(model_directory, place)
    told(here, "aaaa0000", model=Model("churn", str(place)))
    told(here, "bbbb0000", model=Model("churn", str(place)), cached=True)
    assert publish(here) == 2

    second = published(here, "bbbb0000")
    assert model_version(here, "bbbb0000") == model_version(here, "aaaa0000")
    assert len(second.client.search_model_versions("name = 'churn'")) == 1
    assert len(second.parent.outputs.model_outputs) == 1
    assert second.children["load"].data.tags["nbprod.cached_from"] == "bbbb"
    assert files(second.client, second.children["load"].info.run_id) == set()


def test_failed_and_killed_runs_are_told_as_such(here: Project) -> None:
    told(here, "aaaa0000", status=RunStatus.FAILED)
    told(here, "bbbb0000", status=RunStatus.INTERRUPTED)
    told(here, "cccc0000", finish=False)
    path = journal.folder(here.home) / "cccc0000.jsonl"
    text = path.read_text()
    assert publish(here) == 2, "the process of the third still runs"
    path.write_text(
        text.replace(f'"pid": {json.loads(text.splitlines()[0])["context"]["process"]["pid"]}', '"pid": 4194305')
    )
    assert publish(here) == 1

    failed = published(here, "aaaa0000")
    assert (failed.parent.info.status, failed.children["train"].info.status) == ("FAILED", "FAILED")
    assert failed.children["load"].info.status == "FINISHED"
    assert published(here, "bbbb0000").parent.info.status == "KILLED"
    assert published(here, "cccc0000").parent.info.status == "KILLED"


@pytest.mark.slow
def test_publisher_killed_in_the_middle_leaves_no_duplicates(here: Project, model_directory: Path) -> None:
    place = here.home / "models" / "churn" / "aaaa0000"
    shutil.copytree(model_directory, place)
    told(here, model=Model("churn", str(place)))
    state = journal.folder(here.home) / "aaaa0000.mlflow.json"
    for mark in ("parent", "done:load", "model"):
        process = subprocess.Popen(
            [sys.executable, "-m", "nbprod.tracking", str(here.root), "--home", str(here.home)],
            env=context.child_environment(),
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and mark not in (state.read_text() if state.exists() else ""):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if mark == "parent":
            state.unlink(missing_ok=True)  # killed after the effect, before the note: found again by its tags
    wait(here, "aaaa0000", 60)

    found = published(here)
    assert set(found.children) == {"load", "train"}
    assert len(found.client.search_model_versions("name = 'churn'")) == 1
    assert len(found.client.search_logged_models([found.experiment.experiment_id])) == 1
    assert found.parent.info.status == "FINISHED"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_mlflow_down_keeps_the_journal_until_it_is_back(
    here: Project, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    place = here.home / "models" / "churn" / "aaaa0000"
    shutil.copytree(model_directory, place)
    told(here, model=Model("churn", str(place)))
    assert publish(here) == 0
    assert [path.stem for path in journal.ready(here.home)] == ["aaaa0000"]

    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)),
            *(f"--backend-store-uri=sqlite:///{here.home}/mlflow.db", f"--artifacts-destination={here.home}/served"),
        ],
        env=context.child_environment(),
        cwd=here.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        done = 0
        while done == 0 and server.poll() is None:
            done = publish(here)
            time.sleep(0.2)
        assert done == 1
        found = published(here)
        assert "notebook/load.ipynb" in files(found.client, found.children["load"].info.run_id)
        agree_with_registered(here)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def test_mlflow_down_keeps_the_journal(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    told(here)
    assert publish(here, (0.01,)) == 0
    assert [path.stem for path in journal.ready(here.home)] == ["aaaa0000"]


def log_param(spec: Any, name: str, value: str) -> None:
    import mlflow

    mlflow.MlflowClient(spec["tracking_uri"]).log_param(spec["run_id"], name, value)


def test_the_users_own_calls_get_the_stages_run(here: Project) -> None:
    pipeline = Pipeline("churn.ipynb", STAGES, (), PARAMETERS, (), ())
    tracking = Journal(here)
    listen = tracking.listener(pipeline, RunOptions())
    listen(Event("run-started", None, {"run": "aaaa0000", "notebook": "churn.ipynb", "stages": ["train"]}))
    listen(Event("stage-started", "train", {"reason": "x"}))
    spec = tracking.stage("train")
    assert spec is not None
    assert spec["experiment"] == "churn"
    log_param(spec, "alpha", "by autolog")
    data = {"status": "succeeded", "metrics": {"m": 1.0}, "observed": {}}
    listen(Event("stage-finished", "train", data))
    listen(Event("run-finished", None, {"status": "succeeded"}))
    publish(here)
    found = published(here)
    assert found.children["train"].info.run_id == spec["run_id"]
    assert found.children["train"].data.metrics == {"m": 1.0}
    assert found.children["train"].data.params == {"alpha": "by autolog"}


def test_without_mlflow_the_users_calls_are_kept_aside(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    tracking = Journal(here)
    listen = tracking.listener(Pipeline("churn.ipynb", STAGES, (), PARAMETERS, (), ()), RunOptions())
    listen(Event("run-started", None, {"run": "aaaa0000"}))
    spec = tracking.stage("train")
    assert spec is not None
    assert spec["tracking_uri"] == f"sqlite:///{here.home}/offline/mlflow.db"
    assert tracking.stage("train") == spec
    assert tracking.notes == tuple(listen.notes)
    assert "are kept in" in listen.notes[0]
    assert "cannot be fed" in listen.notes[1]
    assert "Traceback" not in "".join(listen.notes)


def test_two_publishers_and_a_detached_one(here: Project) -> None:
    for number in range(3):
        told(here, f"aaaa000{number}")
    threads = [threading.Thread(target=spawn_publisher, args=(here,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait(here, "aaaa0002", 60) is None
    for number in range(3):
        wait(here, f"aaaa000{number}", 60)
        assert published(here, f"aaaa000{number}").parent.info.status == "FINISHED"
    assert spawn_publisher(here) is None, "nothing is left to tell"
    while processes(here):
        time.sleep(0.02)


def test_ui_command_shows_the_store(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ui_command(here)
    assert "127.0.0.1" in command
    assert here.tracking_uri in command
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    assert ui_command(here) == []
