"""What is remembered of a cell's text is what would be found out again."""

from __future__ import annotations

import random
from dataclasses import fields

import pytest

from nbprod.analysis import analyze, cells, memory, pipeline
from nbprod.analysis.context import Context
from tests.property.test_analysis_robust import SEEDS
from tests.unit.analysis.conftest import notebook_of

PIECES = [
    *SEEDS,
    "def f(x):\n    x.append(g)\n    return x",
    "def f(x):\n    return len(x)",
    "f = print",
    "y = f(x)",
    "x = [1, 2]",
    "x = 3",
    "x.append(4)",
    "from math import sin as f",
    "class A:\n    def run(self, x):\n        x.append(1)",
    "class A:\n    def run(self, x):\n        return 1",
    "a = A()\na.run(x)",
    "z = eval('f(' + 'x)')",
    "z = eval('\\x66(x)')",
    "%time y = f(x)",
    "df = df.query('a > @x')",
    "del x",
    "global g\ng = 2",
    "from __future__ import annotations",
    "def f(x: g) -> g:\n    return x",
]


def forget(monkeypatch):
    monkeypatch.setattr(cells, "_KEPT", memory.Kept(memory.CELLS))
    monkeypatch.setattr(pipeline, "_LAST", [])


@pytest.mark.parametrize("seed", range(25))
def test_a_cell_seen_elsewhere_is_analysed_as_if_it_were_new(monkeypatch, seed):
    chance = random.Random(seed)
    books = [notebook_of([(f"s{i}", chance.choice(PIECES)) for i in range(chance.randint(2, 6))]) for _ in range(6)]
    forget(monkeypatch)
    remembered = [analyze([book]) for book in [*books, *books]]
    for book, *seen in zip(books, remembered[:6], remembered[6:], strict=True):
        forget(monkeypatch)
        assert [analyze([book])] * 2 == seen


def test_all_that_statements_can_ask_for_is_compared():
    """A new field of the context must be part of `memory.view`."""
    told = {
        "imports",
        "definitions",
        "bound",
        "global_names",
        "methods",
        "immutable",
        "flat",
        "nested",
        "lazy",
        "at_names",
        "frames_as_tables",
        "retypes",
    }
    assert {field.name for field in fields(Context)} - {"names", "enumerated"} == told


def test_the_older_half_goes():
    kept = memory.Kept(4)
    for number in range(9):
        kept.put(number, str(number))
    assert list(kept.items) == [6, 7, 8]
    assert kept.get(0) is None


def test_texts_that_ipython_rewrote_can_be_given(monkeypatch):
    forget(monkeypatch)
    texts = {}
    book = notebook_of([("a", "x = !ls")])
    assert analyze([book], texts=texts).stages[0].writes == ("x",)
    assert list(texts.values()) == ["x = get_ipython().getoutput('ls')\n"]
    forget(monkeypatch)
    texts[next(iter(texts))] = "y = 1\n"
    assert analyze([book], texts=texts).stages[0].writes == ("y",)


def test_the_same_notebook_gives_the_same_pipeline_at_once(monkeypatch):
    forget(monkeypatch)
    first = analyze([notebook_of([("a", "x = 1")])])
    assert analyze([notebook_of([("a", "x = 1")])]) is first
    assert analyze([notebook_of([("a", "x = 2")])]) != first
    assert analyze([notebook_of([("b", "x = 1")])]) != first
