"""Whatever a notebook holds, mending it ends, breaks no JSON, and makes no error that was not there."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from nbprod import notebooks
from nbprod.analysis import Surroundings, analyze
from nbprod.api.mending import mend as mended

LINES = [
    "import numpy as np",
    "import random",
    "from sklearn.model_selection import train_test_split, KFold",
    "from sklearn.ensemble import RandomForestClassifier",
    "import pandas as pd, sqlite3",
    "df = pd.read_csv('/p/data/x.csv')",
    "conn = sqlite3.connect(path)",
    "path = open('/p/where.txt').read()",
    "q = pd.read_sql('select 1', conn)",
    "a, b = train_test_split(df)",
    "m = RandomForestClassifier(\n    10,  # trees\n).fit(a, b)",
    "k = KFold(3, shuffle=True); r = KFold(shuffle=True, n_splits=4,)",
    "x = np.random.rand(); y = random.random()",
    "rng = np.random.default_rng()",
    "s = df.sample(3).sample(\n 2\n)",
    "w = list(set(df.a)); é = tuple({c for c in 'äö'})",
    "for i in list(set('ab')):\n    z = np.random.rand(i)",
    "def f(n):\n    return np.random.rand(n), list(set('ab'))",
    "t = f(2)",
    "!pip install -q lightgbm 'pandas>=2'",
    "if True:\n    !pip install shap",
    "%pip install xgboost",
    "%matplotlib inline",
    "%%time",
    "%%timeit",
    "t = '''a\nlist(set(x))\n'''",
    "password = 'hunter22'",
    "# ünï",
    "@property\ndef g(): return random.random()",
    "u = [random.random() for _ in range(3)] ; v = f'{list(set(w))}'",
    "np = 3",
    "",
]
TAGS: list[Any] = [None, {"stage": "a"}, {"stage": "b"}, {"stage": "c"}, {"role": "setup"}, {"role": "parameters"}]
AROUND = Surroundings("/p", "/p/books", (), {"ruff": {}})


def document(chance: random.Random) -> str:
    cells = []
    for number in range(chance.randint(1, 7)):
        source = "\n".join(chance.choice(LINES) for _ in range(chance.randint(0, 4)))
        tag = chance.choice(TAGS)
        if tag and "stage" in tag and chance.random() < 0.3:
            source, tag = f"%%mlops stage {tag['stage']}\n{source}", None
        if chance.random() < 0.1:
            source = source.replace("\n", "\r\n")
        lines = source.splitlines(keepends=True) if chance.random() < 0.5 else source
        shown = [{"output_type": "stream", "name": "stdout", "text": "AKIAABCDEFGHIJKLMNOP"}]
        outputs = shown if chance.random() < 0.2 else []
        metadata = {"nbprod": tag} if tag else {}
        cells.append(
            {"cell_type": "code", "id": f"c{number}", "metadata": metadata, "source": lines, "outputs": outputs}
        )
    style: dict[str, Any] = chance.choice([{"indent": 1}, {}, {"indent": 2, "ensure_ascii": False}])
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, **style)


def analysed(texts: dict[str, str]) -> Any:
    return analyze([notebooks.parse(text, name) for name, text in texts.items()], AROUND)


def mend(seed: int) -> None:
    text = document(random.Random(seed))
    before = analysed({"n.ipynb": text})
    texts, _, _ = mended({"n.ipynb": text}, analysed)
    after = analysed(texts)
    assert len(after.errors) <= len(before.errors), (seed, text)
    assert mended(texts, analysed) == (texts, (), ()), (seed, text)
    left = {item.code for item in after.diagnostics if item.edits}
    assert left <= {"NB304", "NB312", "NB325"}, (seed, left, text)  # where it would make a cycle, or leave no code


@pytest.mark.parametrize("block", range(4))
def test_mending_ends(block):
    for seed in range(block * 50, block * 50 + 50):
        mend(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_mending_many_ends(block):
    for seed in range(1000 + block * 100, 1100 + block * 100):
        mend(seed)
