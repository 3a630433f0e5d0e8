"""The user's own MLflow calls land in the run of their stage."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """Create the tables once: it takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    _client(folder).search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def store(empty_store, tmp_path):
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return Store(tmp_path)


def _client(folder: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{folder}/mlflow.db")


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = _client(folder)
        location = (folder / "mlartifacts").as_uri()
        self.experiment = self.client.create_experiment("churn", artifact_location=location)
        self.run = self.client.create_run(self.experiment, run_name="train").info.run_id
        uri = f"sqlite:///{folder}/mlflow.db"
        self.spec = {"tracking_uri": uri, "run_id": self.run, "experiment": "churn"}

    def data(self):
        return self.client.get_run(self.run).data

    def runs(self):
        return [run for run in self.client.search_runs([self.experiment]) if run.info.run_id != self.run]


def run(driver, store, *sources, **more):
    result = driver.run(*sources, mlflow=store.spec, **more)
    assert result.last["event"] == "stage-finished", "\n".join(result.last.get("traceback", [str(result.last)]))
    return result


@pytest.mark.slow
def test_calls_land_in_the_stages_run(drive, store):
    made = run(
        drive(),
        store,
        "import mlflow\nexperiment = mlflow.set_experiment('my own')\nprint(experiment.name)",
        "with mlflow.start_run(run_name='mine', tags={'k': 'v'}) as active:\n"
        "    mlflow.log_metric('a', 1)\n    mlflow.log_params({'p': 2})\n    mlflow.log_text('hello', 'note.txt')",
        "mlflow.log_metric('b', 2)\nmlflow.set_tag('late', 'yes')\nprint(mlflow.active_run().info.run_id)\nmlflow.end_run()",
        "with mlflow.start_run(run_name='second'):\n    mlflow.log_metric('c', 3)\n"
        "    with mlflow.start_run(nested=True, run_name='inner'):\n        mlflow.log_metric('d', 4)",
        "mlflow.log_metric('e', 5)\nrun_id = mlflow.last_active_run().info.run_id",
    )
    data = store.data()
    assert data.metrics == {"a": 1, "b": 2, "e": 5}
    assert data.params == {"p": "2"}
    assert data.tags["nbprod.experiment"] == "my own"
    assert (data.tags["k"], data.tags["nbprod.run_name"], data.tags["mlflow.runName"]) == ("v", "mine", "train")
    assert store.run in made.stream()
    assert [item.path for item in store.client.list_artifacts(store.run)] == ["note.txt"]
    children = {run.info.run_name: run for run in store.runs()}
    assert {name: dict(child.data.metrics) for name, child in children.items()} == {
        "second": {"c": 3},
        "inner": {"d": 4},
    }
    assert children["second"].data.tags["mlflow.parentRunId"] == store.run
    assert children["inner"].data.tags["mlflow.parentRunId"] == children["second"].info.run_id
    assert store.client.get_run(store.run).info.status == "FINISHED"
    assert made.manifest["state"].get("environ") is None
    assert made.manifest["observed"]["volatile"] == []


@pytest.mark.slow
def test_autolog_and_models(drive, store):
    run(
        drive(),
        store,
        "import mlflow, warnings\nfrom sklearn.linear_model import LogisticRegression\nmlflow.sklearn.autolog(log_models=False)\n"
        "model = LogisticRegression().fit([[0], [1]], [0, 1])",
        "info = mlflow.sklearn.log_model(model, name='m', registered_model_name='reg', pip_requirements=['scikit-learn'],"
        " serialization_format='cloudpickle')",
    )
    assert "training_score" in store.data().metrics
    assert store.client.get_model_version("reg", "1").run_id == store.run
    result = run(drive(), store, "import mlflow\nprint(mlflow.sklearn.load_model('models:/reg/1').predict([[1]]))")
    assert result.stream().endswith("[1]\n")
    assert "MLflow's model registry" in result.manifest["observed"]["volatile"]


@pytest.mark.slow
def test_the_users_own_store_wins(drive, store, empty_store, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(empty_store, own / "mlflow.db")
    made = run(
        drive(),
        store,
        f"import mlflow\nmlflow.set_tracking_uri('sqlite:///{own}/mlflow.db')\nmlflow.set_experiment('theirs')\n"
        "with mlflow.start_run(): mlflow.log_metric('a', 1)",
    )
    run(drive(), store, ("replay", "import mlflow"), "mlflow.log_metric('z', 1)", state=[made.spec["manifest"]])
    client = _client(own)
    experiment = client.get_experiment_by_name("theirs").experiment_id
    assert sorted(next(iter(run.data.metrics)) for run in client.search_runs([experiment])) == ["a", "z"]
    assert store.data().metrics == {}
    assert store.runs() == []


@pytest.mark.slow
def test_stages_of_one_process_have_runs_of_their_own(drive, store):
    driver = drive()
    run(driver, store, "import mlflow\nmlflow.log_metric('a', 1)")
    first = store.run
    store.run = store.client.create_run(store.experiment, run_name="next").info.run_id
    store.spec = {**store.spec, "run_id": store.run}
    run(driver, store, "mlflow.log_metric('b', 1)")
    assert store.data().metrics == {"b": 1}
    assert store.client.get_run(first).data.metrics == {"a": 1}


@pytest.mark.slow
def test_without_tracking_mlflow_is_untouched(drive, empty_store, tmp_path):
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    driver = drive(MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/mlflow.db")
    os.environ.pop("MLFLOW_RUN_ID", None)
    assert driver.run("import mlflow\nmlflow.log_metric('a', 1)").last["event"] == "stage-finished"
    assert [dict(run.data.metrics) for run in _client(tmp_path).search_runs(["0"])] == [{"a": 1}]
