"""Causes of chance are found where they are, and followed to the values they reach."""

from __future__ import annotations

import pytest

from nbprod.execution.verifying.causes import Causes, Text


def causes(*cells):
    return Causes(Text("a.ipynb", number, source) for number, source in enumerate(cells, 1))


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import numpy as np\nx = np.random.rand(3)", "random"),
        ("import random\nx = random.choice([1, 2])", "random"),
        ("rng = np.random.default_rng()\nx = rng.normal()", "generator"),
        ("x = train_test_split(X, y)", "random_state"),
        ("x = df.sample(3)", "random_state"),
        ("x = uuid.uuid4()", "entropy"),
        ("x = os.getpid()", "process"),
        ("x = os.listdir('.')", "folder"),
        ("x = list(set(words))", "order"),
        ("x = [w for w in {1, 2}]", "order"),
        ("x = requests.get(url)", "network"),
        ("x = time.time()", "clock"),
        ("x = datetime.now()", "clock"),
        ("%%time\nx = time.perf_counter()", "clock"),
    ],
)
def test_sources_of_chance(source, kind):
    found = causes("import datetime as datetime, time, os", source.replace("datetime.now", "datetime.datetime.now"))
    assert [item.kind.name for item in found.of_name("x")] == [kind]


@pytest.mark.parametrize(
    "source",
    [
        "np.random.seed(0)\nx = np.random.rand(3)",
        "rng = np.random.default_rng(7)\nx = rng.normal()",
        "x = train_test_split(X, y, random_state=1)",
        "x = df.sample(3, random_state=1)",
        "x = sorted(set(words))",
        "x = len(words)",
        "!pip list\nx = 1",
        "this is no Python",
    ],
)
def test_what_is_settled_is_no_cause(source):
    assert causes(source).of_name("x") == []


def test_chance_is_followed_through_names_and_changes():
    found = causes(
        "import numpy as np, time",
        "def draw():\n    return np.random.rand()",
        "a = draw()\nb = 1",
        "rows = []\nrows.append(a)\nprint(b)",
        "c = sum(rows)\nstarted = time.time()",
        "print(time.time() - started, c)",
    )
    assert [(item.cell, item.line) for item in found.of_name("c")] == [(2, 2)]
    assert found.of_name("b") == []
    assert "np.random.rand draws random numbers without a seed" in found.of_name("c")[0].cause
    assert [item.kind.name for item in found.of_cell("a.ipynb", 6)] == ["random", "clock", "clock"], (
        "chance comes first"
    )
    assert found.of_cell("a.ipynb", 4)[0].cell == 2
    assert [item.kind.name for item in found.of_name("started")] == ["clock"]
