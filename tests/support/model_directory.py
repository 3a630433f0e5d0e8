"""Model directories for tests, written by the worker as a run writes them, from the source of a small notebook."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from nbprod.core.model import Model
from nbprod.worker.model import write

CHURN = """
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

rng = np.random.default_rng(0)
n = 400
X = pd.DataFrame({
    "tenure": rng.integers(1, 72, n),
    "monthly": rng.normal(60, 20, n).round(2),
    "plan": rng.choice(["basic", "pro", "team"], n),
    "paperless": rng.random(n) < 0.5,
})
X.loc[::17, "monthly"] = np.nan
y = np.where(X.tenure + rng.normal(0, 20, n) > 36, "no", "yes")
model = make_pipeline(
    ColumnTransformer([
        ("num", StandardScaler(), ["tenure", "monthly"]),
        ("cat", OneHotEncoder(sparse_output=False), ["plan"]),
    ], remainder="passthrough"),
    DecisionTreeClassifier(max_depth=6, random_state=0),
).fit(X, y)
"""

LINEAR = """
import numpy as np
from sklearn.linear_model import LinearRegression

X = np.random.default_rng(0).normal(size=(60, 3))
model = LinearRegression().fit(X, X @ [1.0, -2.0, 0.5])
"""

CAREFUL = """
rows = [{"age": 30, "name": "ann"}, {"age": 41, "name": "bob"}]

def predict(row: dict):
    if row["age"] < 0:
        raise ValueError("age is negative")
    if row["age"] > 200:
        raise RuntimeError("the model's own fault")
    if row["age"] > 150:
        raise SystemExit(3)
    return row["age"] * 0.1 if row["age"] else float("nan")
"""


def write_model(path: Path, source: str = CHURN, name: str = "churn") -> Path:
    """Run `source` as a notebook would and write its model to `path`."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), namespace)
    kind = "function" if "def predict(" in source else "estimator"
    spec: Any = {
        "stage": {"buffers": str(path.parent / "buffers")},
        "kind": kind,
        "names": ["model"],
        "samples": ["X", "rows"],
        "path": str(path),
        "name": name,
        "run": "8c21aa00",
        "notebook": f"{name}.ipynb",
    }
    return Path(write(spec, namespace))


def copied(source: Path, target: Path) -> Model:
    """Return a copy of a model directory, for tests that change it or deploy it."""
    shutil.copytree(source, target)
    return Model("churn", str(target), version="1")
