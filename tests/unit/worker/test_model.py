"""The model directory: what is found, which rows it is shown on, what is stored, what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbprod.worker.model import ModelFailed, fitted, write

TRAINED = """
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression
df = pd.DataFrame({
    "tenure": range(8), "plan": list("abababab"),
    "pay": [1.0, None, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], "churned": list("nnnnyyyy"),
})
X = df[["tenure", "pay"]].fillna(0.0)
X_train, X_test = X.iloc[:4], X.iloc[4:]
y = df["churned"]
model = LogisticRegression().fit(X, y)
"""


def notebook(source: str) -> dict[str, Any]:
    """Return the namespace that a notebook of this source leaves; what it defines belongs to `__main__`."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace


class Made:
    """A model directory that was written."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.manifest = json.loads((self.path / "nbprod.json").read_text())
        self.sample = json.loads((self.path / "sample.json").read_text())
        self.requirements = (self.path / "requirements.txt").read_text().split()
        self.serving = json.loads((self.path / "serving_input_example.json").read_text())

    def load(self) -> Any:
        return pickle.loads((self.path / "model.pkl").read_bytes())


@pytest.fixture
def made(tmp_path: Path):
    def make(source: str, kind: str = "estimator", names=("model",), samples=(), name: str = "churn") -> Made:
        spec: Any = {
            "stage": {"buffers": str(tmp_path / "buffers")},
            "kind": kind,
            "names": list(names),
            "samples": list(samples),
            "path": str(tmp_path / "models" / name / "8c21aa00"),
            "name": name,
            "run": "8c21aa00",
            "notebook": "churn.ipynb",
        }
        return Made(write(spec, notebook(source)))

    return make


def test_estimator(made) -> None:
    found = made(TRAINED, samples=["X", "y", "X_test"])
    manifest, sample = found.manifest, found.sample
    assert (manifest["kind"], manifest["task"], manifest["input_kind"]) == ("estimator", "classification", "table")
    assert manifest["classes"] == ["n", "y"]
    assert manifest["inputs"] == [
        {"name": "tenure", "type": "long", "required": True},
        {"name": "pay", "type": "double", "required": True},
    ]
    assert manifest["dtypes"] == {"tenure": "int64", "pay": "float64"}
    assert sample["data"] == [[4, 5.0], [5, 6.0], [6, 7.0], [7, 8.0]], "the test set comes first"
    assert sample["predictions"] == ["y", "y", "y", "y"]
    assert len(sample["probabilities"]) == 4
    assert {line.split("==")[0] for line in found.requirements} == {"cloudpickle", "numpy", "pandas", "scikit-learn"}
    assert found.serving["dataframe_split"]["columns"] == ["tenure", "pay"]
    assert found.load().predict(notebook(TRAINED)["X_test"]).tolist() == sample["predictions"]
    assert sorted(item.name for item in found.path.parent.iterdir()) == ["8c21aa00"], "no draft is left"


def test_columns_are_taken_out_of_a_wider_frame(made) -> None:
    found = made(TRAINED + "del X, X_train, X_test\ndf['pay'] = df['pay'].fillna(0.0)", samples=["df"])
    assert found.sample["columns"] == ["tenure", "pay"]
    assert len(found.sample["data"]) == 8


def test_missing_values_make_a_column_optional(made) -> None:
    source = TRAINED + (
        "from sklearn.ensemble import HistGradientBoostingRegressor\n"
        "X = df[['tenure', 'pay']]\nmodel = HistGradientBoostingRegressor().fit(X, range(8))"
    )
    found = made(source, samples=["X"])
    assert [item["required"] for item in found.manifest["inputs"]] == [True, False]
    assert found.sample["data"][1] == [1, None]
    assert "NaN" not in (found.path / "serving_input_example.json").read_text()
    assert found.manifest["task"] == "regression"


def test_array_model(made) -> None:
    found = made(TRAINED + "X = X.to_numpy()\nmodel = LinearRegression().fit(X, range(8))", samples=["X"])
    assert found.manifest["input_kind"] == "array"
    assert [item["name"] for item in found.manifest["inputs"]] == ["0", "1"]
    assert found.manifest["dtypes"] == {"0": "float64", "1": "float64"}
    assert found.serving["inputs"][0] == [0.0, 1.0]
    assert '"tensor-spec": {"dtype": "float64", "shape": [-1, 2]}' in signature_of(found)


def signature_of(found: Made) -> str:
    import yaml

    return yaml.safe_load((found.path / "MLmodel").read_text())["signature"]["inputs"]


def test_text_model(made) -> None:
    source = (
        "from sklearn.feature_extraction.text import CountVectorizer\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.pipeline import make_pipeline\ntexts = ['good day', 'bad day', 'good', 'bad']\n"
        "model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])"
    )
    found = made(source, samples=["texts"])
    assert (found.manifest["input_kind"], found.manifest["batch"]) == ("text", True)
    assert found.sample["data"] == [["good day"], ["bad day"], ["good"], ["bad"]]
    assert found.sample["predictions"] == [1, 0, 1, 0]


FUNCTION = (
    TRAINED
    + """
class Encoder:
    def __init__(self, codes):
        self.codes = codes
    def encode(self, column):
        return column.map(self.codes).to_numpy()

encoder = Encoder({"a": 1.0, "b": 2.0})
FACTOR = 10
unrelated = list(range(100_000))
def helper(frame):
    return encoder.encode(frame["plan"]) * FACTOR
def predict(df: pd.DataFrame) -> np.ndarray:
    return helper(df) + df["tenure"].to_numpy()
"""
)


def test_function_brings_what_it_needs_and_nothing_else(made) -> None:
    found = made(FUNCTION, "function", ["predict"])
    assert (found.manifest["kind"], found.manifest["task"], found.manifest["input_kind"]) == (
        "function",
        "regression",
        "table",
    )
    assert found.sample["predictions"] == [10.0, 21.0, 12.0, 23.0, 14.0, 25.0, 16.0, 27.0]
    optional = {item["name"]: not item["required"] for item in found.manifest["inputs"]}
    assert optional == {"tenure": False, "plan": False, "pay": True, "churned": True}, "unused columns may be left out"
    assert (found.path / "model.pkl").stat().st_size < 20_000, "what predict does not need stays behind"
    code = (
        "import pickle, sys; sys.modules['nbprod'] = None; import pandas as pd\n"
        "predict = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(predict(pd.DataFrame({'plan': ['a', 'b'], 'tenure': [1, 2]})).tolist())"
    )
    command = [sys.executable, "-P", "-c", code, str(found.path / "model.pkl")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[11.0, 22.0]\n"


@pytest.mark.parametrize(
    ("definition", "kind", "batch", "first"),
    [
        ("def predict(rows: list[dict]) -> list: return [row['tenure'] + 1 for row in rows]", "records", True, 1),
        ("def predict(row: dict) -> dict: return {'next': row['tenure'] + 1}", "record", False, {"next": 1}),
        ("def predict(tenure, plan): return f'{plan}{tenure}'", "scalar", False, "a0"),
        ("words = ['one', 'two']\ndef predict(words: str): return len(words)", "text", False, 3),
        ("n = 3\ndef predict(n: int) -> float: return n / 2", "scalar", False, 1.5),
        ("def predict(X): return X.to_numpy()[:, 0] * 2.0", "table", True, 0.0),
    ],
)
def test_forms_of_functions(made, definition: str, kind: str, batch: bool, first: Any) -> None:
    found = made(TRAINED + definition, "function", ["predict"], ["df"])
    assert (found.manifest["input_kind"], found.manifest["batch"]) == (kind, batch)
    assert found.sample["predictions"][0] == first
    assert len(found.sample["predictions"]) == len(found.sample["data"])


def test_probabilities_of_a_function(made) -> None:
    source = TRAINED + "def predict(X): return model.predict(X)\ndef predict_proba(X): return model.predict_proba(X)"
    found = made(source, "function", ["predict"])
    assert len(found.sample["probabilities"][0]) == 2
    assert found.manifest["task"] == "classification"
    assert found.load().predict_proba(notebook(TRAINED)["X"]).tolist() == found.sample["probabilities"]


def test_modules_beside_the_notebook_come_along(made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "local_features.py").write_text(
        "import local_units\ndef widen(frame):\n    return local_units.TWICE * frame\n"
    )
    (tmp_path / "local_units.py").write_text("TWICE = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    source = TRAINED + "import local_features\ndef predict(X): return local_features.widen(X['pay']).to_numpy()"
    try:
        found = made(source, "function", ["predict"])
    finally:
        for name in ("local_features", "local_units"):
            sys.modules.pop(name, None)
    code = {item.name for item in (found.path / "code").iterdir()}
    assert {"local_features.py", "local_units.py"} < code
    assert len(code) == 3


def test_same_model_same_bytes(made) -> None:
    first = made(FUNCTION, "function", ["predict"], name="one").path
    second = made(FUNCTION, "function", ["predict"], name="two").path
    files = [item.relative_to(first) for item in first.rglob("*") if item.is_file() and item.name != "nbprod.json"]
    assert [name for name in files if (first / name).read_bytes() != (second / name).read_bytes()] == []


def test_500_rows_at_most(made) -> None:
    source = TRAINED + "big = pd.concat([X] * 100)\n"
    found = made(source, samples=["big"])
    assert len(found.sample["data"]) == len(found.sample["predictions"]) == 500
    assert len(found.serving["dataframe_split"]["data"]) == 5


def test_categories_and_types_are_kept(made) -> None:
    source = TRAINED + (
        "X = pd.DataFrame({'size': pd.Categorical(['s', 'm'] * 4, ['s', 'm', 'l'], ordered=True),\n"
        " 'on': [True, False] * 4,\n"
        " 'day': pd.to_datetime(['2024-01-01'] * 8), 'text': pd.Series(['a', None] * 4, dtype=object)})\n"
        "def predict(X): return X['size'].cat.codes.to_numpy()\n"
    )
    manifest = made(source, "function", ["predict"]).manifest
    assert manifest["categories"] == {"size": ["s", "m", "l"]}
    assert manifest["ordered"] == ["size"]
    assert manifest["none"] == ["text"]
    assert [item["type"] for item in manifest["inputs"]] == ["string", "boolean", "datetime", "string"]


@pytest.mark.parametrize(
    ("source", "kind", "names", "code", "words"),
    [
        ("model = LogisticRegression()", "estimator", ["model"], "NB620", "no fitted estimator among model"),
        ("other = LinearRegression().fit(X, range(8))", "estimator", [], "NB621", "several fitted estimators"),
        ("del df, X, X_train, X_test", "estimator", ["model"], "NB622", "no value of the notebook holds rows"),
        ("", "function", ["predict"], "NB620", "no function predict"),
        ("def predict(): return 1", "function", ["predict"], "NB627", "no argument"),
        ("def predict(df): return df['nowhere']", "function", ["predict"], "NB623", "KeyError: 'nowhere'"),
        (
            "import threading\nlock = threading.Lock()\ndef predict(X):\n    lock\n    return X['pay']",
            "function",
            [],
            "NB624",
            "cannot be stored",
        ),
        ("def predict(X): return (X['pay'] - X['pay'].mean()).tolist()", "function", [], "NB626", "a row alone"),
        (
            "n = []\ndef predict(X):\n    n.append(1)\n    return [len(n)] * len(X)",
            "function",
            [],
            "NB626",
            "differently",
        ),
        ("def predict(X): return pd.get_dummies(X['tenure'])[7].tolist()", "function", [], "NB623", "KeyError"),
        ("def predict(df): return [1]", "function", ["predict"], "NB623", "1 answers for 3 rows"),
    ],
)
def test_refusals(made, source: str, kind: str, names: list[str], code: str, words: str) -> None:
    with pytest.raises(ModelFailed) as caught:
        made(TRAINED + source, kind, names)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


def test_a_failing_predict_shows_the_users_traceback(made) -> None:
    with pytest.raises(ModelFailed) as caught:
        made(
            TRAINED + "def predict(df: pd.DataFrame):\n    return inner(df)\ndef inner(df):\n    return 1 / 0",
            "function",
            ["predict"],
        )
    assert "in inner" in caught.value.message
    assert "model_samples" not in caught.value.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), (int, False), ("text", False), (type("Fitted", (), {"predict": print, "coef_": 1})(), True)],
)
def test_fitted(value: object, expected: bool) -> None:
    assert fitted(value) is expected
