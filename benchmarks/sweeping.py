"""A sweep of 16 trials of one stage, what is before it cached: against a loop in one process, and 16 papermills."""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING

from harness import Row, alone, interleaved, nbprod, project, python, settled, write_notebook
from peers import papermill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMPORTS = """\
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split"""
PARAMETERS = "rate = 0.1\nleaves = 31"
DATA = """\
rng = np.random.default_rng(0)
df = pd.DataFrame(rng.normal(size=(60_000, 20)), columns=[f'f{i}' for i in range(20)])
y = ((df.f0 + df.f1 * df.f2 + rng.normal(size=len(df))) > 0).astype(int)
X_train, X_test, y_train, y_test = train_test_split(df, y, random_state=0)"""
TRAIN = """\
model = HistGradientBoostingClassifier(max_iter=10, learning_rate=rate, max_leaf_nodes=leaves, random_state=0)
model.fit(X_train, y_train)
auc = float(roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))"""
RATES, LEAVES = (0.05, 0.1, 0.2, 0.4), (7, 15, 31, 63)
NAMES = "X_train, X_test, y_train, y_test"


def results(rounds: int = 2) -> Iterator[Row]:
    """Yield the rows."""
    grid = [f"rate={','.join(map(str, RATES))}", f"leaves={','.join(map(str, LEAVES))}"]
    with project() as folder:
        _write(folder)
        nbprod("run", "sweep.ipynb", cwd=folder)
        python("prepare.py", cwd=folder)
        kept = folder / "first"
        settled(folder)
        shutil.copytree(folder / ".nbprod", kept)

        def ours() -> None:
            nbprod("sweep", "sweep.ipynb", "-p", grid[0], "-p", grid[1], "--metric", "auc", "--maximize", cwd=folder)

        def settle() -> None:
            """Put the store back as it was, so that the trials of the round before are not reused."""
            settled(folder)
            shutil.rmtree(folder / ".nbprod")
            shutil.copytree(kept, folder / ".nbprod")

        def peer() -> None:
            for number, (rate, leaves) in enumerate(itertools.product(RATES, LEAVES)):
                papermill(folder / "train.ipynb", folder / f"trial-{number}.ipynb", rate=rate, leaves=leaves)

        found = interleaved({"ours": ours, "loop": lambda: python("loop.py", cwd=folder)}, rounds + 1, settle)
        found |= interleaved({"papermill": peer}, max(1, rounds // 2), warm_up=0)
    yield Row("16 trials: nbprod sweep", found["ours"], "a loop in one process", found["loop"], 1.2, at_most=True)
    yield Row("16 trials: nbprod sweep", found["ours"], "16 x papermill", found["papermill"], 10)


def _write(folder: Path) -> None:
    write_notebook(
        folder / "sweep.ipynb",
        [
            (PARAMETERS, {"tags": ["parameters"]}),
            (IMPORTS, {"nbprod": {"role": "setup"}}),
            (DATA, {"nbprod": {"stage": "data"}}),
            (TRAIN, {"nbprod": {"stage": "train", "metrics": ["auc"]}}),
        ],
    )
    load = f"import pickle\nwith open('data.pkl', 'rb') as file:\n    {NAMES} = pickle.load(file)"
    write_notebook(
        folder / "train.ipynb",
        [(PARAMETERS, {"tags": ["parameters"]}), (IMPORTS, {}), (load, {}), (TRAIN, {}), ("auc", {})],
    )
    save = f"import pickle\nwith open('data.pkl', 'wb') as file:\n    pickle.dump(({NAMES}), file, protocol=5)"
    (folder / "prepare.py").write_text(f"{IMPORTS}\n{DATA}\n{save}\n", encoding="utf-8")
    body = "\n".join(f"        {line}" for line in TRAIN.splitlines())
    body += "\n        best = max(best, auc)"
    loop = f"best = 0\nfor rate in {RATES}:\n    for leaves in {LEAVES}:\n{body}\nprint(best)"
    (folder / "loop.py").write_text(f"{IMPORTS}\n{load}\n{loop}\n", encoding="utf-8")


if __name__ == "__main__":
    alone(results)
