"""The model directory under plain MLflow, in a process that cannot import nbprod, beside what MLflow itself writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

# The notebook: one model of each sort, in one process, as the worker would have them.
WRITE = """
import json, sys
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from nbprod.worker.model import write
import local_features

out = sys.argv[1]
rng = np.random.default_rng(0)
table = pd.DataFrame({
    "tenure": rng.integers(0, 9, 40), "charges": rng.normal(size=40), "plan": rng.choice(["a", "b"], 40),
    "ok": rng.random(40) < 0.5, "small": rng.integers(0, 9, 40).astype("int32"),
    "single": rng.random(40).astype("float32"), "day": pd.date_range("2024-01-01", periods=40),
    "code": pd.Series(rng.choice(["x", "y"], 40), dtype=object),
})
churned = np.where(rng.random(40) < 0.5, "yes", "no")
gappy = table[["tenure", "charges"]].assign(charges=table["charges"].where(table["tenure"] > 2))
transform = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["plan", "ok", "code"]), ("passthrough", ["tenure", "small", "single"])
)
class Encoder:
    def __init__(self, codes):
        self.codes = codes
    def encode(self, column):
        return column.map(self.codes).astype("float64")
encoder = Encoder({"a": 1.0, "b": 2.0})
def helper(frame):
    return encoder.encode(frame["plan"])
price = LinearRegression().fit(helper(table).to_frame(), table["charges"])

def save(name, kind, names, samples, **more):
    write(dict(stage={"buffers": f"{out}/buffers"}, kind=kind, names=names, samples=samples, path=f"{out}/{name}", name=name, run="8c21aa00",
               notebook="nb.ipynb"), {**globals(), **more})

strings = make_pipeline(transform, RandomForestClassifier(5, random_state=0)).fit(table, churned)
save("strings", "estimator", ["strings"], ["table"])
regression = HistGradientBoostingRegressor(max_iter=5).fit(gappy, table["single"])
save("regression", "estimator", ["regression"], ["gappy"])
X = rng.normal(size=(30, 3))
array = LogisticRegression().fit(X, rng.integers(0, 2, 30))
save("array", "estimator", ["array"], ["X"])
def predict(table: pd.DataFrame) -> np.ndarray:
    return price.predict(helper(table).to_frame()) + local_features.shift(table["tenure"])
save("function", "function", ["predict"], [])
records = [{"tenure": 3, "plan": "a"}, {"tenure": 4, "plan": "b"}]
def predict_records(records: list[dict]) -> list[float]:
    return [encoder.codes[row["plan"]] * row["tenure"] for row in records]
save("records", "function", ["predict"], [], predict=predict_records)
def predict_record(record: dict) -> float:
    return encoder.codes[record["plan"]] * record["tenure"]
save("record", "function", ["predict"], ["records"], predict=predict_record)
def predict_text(texts: str) -> int:
    return len(texts)
save("text", "function", ["predict"], [], predict=predict_text, texts=["one", "three"])

if len(sys.argv) > 2:
    import mlflow
    for name, model, rows in (("strings", strings, table), ("regression", regression, gappy), ("array", array, X)):
        complete = rows.dropna().head(5) if hasattr(rows, "dropna") else rows[:5]
        mlflow.sklearn.save_model(
            model, f"{out}/mlflow-{name}", signature=mlflow.models.infer_signature(rows, model.predict(rows)),
            input_example=complete, serialization_format="cloudpickle", pip_requirements=["scikit-learn"],
        )
"""
LOAD = """
import json, sys
sys.modules["nbprod"] = None
import mlflow, numpy, pandas
for name in sys.argv[2:]:
    path = f"{sys.argv[1]}/{name}"
    sample = json.load(open(f"{path}/sample.json"))
    manifest = json.load(open(f"{path}/nbprod.json"))
    model = mlflow.pyfunc.load_model(path)
    if manifest["input_kind"] == "array":
        rows = numpy.array(sample["data"])
    elif manifest["input_kind"] == "text":
        rows = [row[0] for row in sample["data"]]
    else:
        rows = pandas.DataFrame(sample["data"], columns=sample["columns"])
        for column, dtype in manifest["dtypes"].items():
            rows[column] = rows[column].astype(dtype)
    found = model.predict(rows)
    assert [getattr(item, "item", lambda item=item: item)() for item in found] == sample["predictions"], name
    assert model.input_example is not None
    assert model.metadata.signature is not None
    if "sklearn" in model.metadata.flavors:
        again = mlflow.sklearn.load_model(path)
        assert again.predict(rows).tolist() == sample["predictions"]
        assert manifest["task"] == "regression" or again.predict_proba(rows).tolist() == sample["probabilities"]
    from mlflow.models import validate_serving_input
    serving = open(f"{path}/serving_input_example.json").read()
    assert len(validate_serving_input(path, serving)) == min(5, len(sample["data"])), name
    print(name)
"""
NAMES = ("strings", "regression", "array", "function", "records", "record", "text")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our directories, and for estimators MLflow's own beside them."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "local_features.py").write_text("def shift(column):\n    return column.to_numpy() * 0.5\n")
    (folder / "write.py").write_text(WRITE)
    out = folder / "models"
    command = [sys.executable, "-W", "ignore", "write.py", str(out), "mlflow"]
    root = str(Path(__file__).parents[2])
    subprocess.run(command, check=True, cwd=folder, env={**os.environ, "PYTHONPATH": root}, capture_output=True)
    return out


def test_plain_mlflow_gives_the_notebooks_own_answers(models: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-W", "ignore", "-c", LOAD, str(models), *NAMES]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(NAMES)
    assert (models / "function" / "code" / "local_features.py").is_file()


def mlmodel(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((path / "MLmodel").read_text())
    return found


def python_env(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((path / "python_env.yaml").read_text())
    return found


@pytest.mark.parametrize("name", ["strings", "regression", "array"])
def test_the_files_are_those_mlflow_writes(models: Path, name: str) -> None:
    ours, theirs = models / name, models / f"mlflow-{name}"
    for file in ("input_example.json", "serving_input_example.json"):
        assert (ours / file).read_bytes() == (theirs / file).read_bytes()
    one, other = mlmodel(ours), mlmodel(theirs)
    for part in ("inputs", "outputs"):
        assert json.loads(one["signature"][part]) == json.loads(other["signature"][part])
    assert one["saved_input_example_info"] == other["saved_input_example_info"]
    assert one["mlflow_version"] == other["mlflow_version"]
    assert {**one["flavors"]["sklearn"], "code": None} == other["flavors"]["sklearn"]
    assert python_env(ours) == python_env(theirs)
