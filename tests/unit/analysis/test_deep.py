"""Deep nesting and long cells are no reason to crash."""

from __future__ import annotations

import sys

import pytest

from nbprod.analysis import analyze, stack
from tests.unit.analysis.conftest import notebook_of

DEEP = {
    "sum": "y = " + " + ".join(["x"] * 900),
    "texts": "y = (" + "\n".join(f"'a{n}' + x +" for n in range(450)) + "'')",
    "methods": "y = x" + ".strip()" * 450,
    "attributes": "y = x" + ".a" * 900,
    "lists": "y = " + "[" * 90 + "x" + "]" * 90,
    "items": "x" + "[0]" * 900 + " = 1",
    "choices": "y = " + "1 if x else " * 450 + "2",
    "branches": "if x == 0:\n    y = 0\n" + "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(1, 450)),
    "functions": "y = " + "(lambda a: " * 60 + "x" + ")" * 60,
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_expressions(kind):
    limit = sys.getrecursionlimit()
    pipeline = analyze([notebook_of([("parameters", "seed = 1"), ("a", "x = 'a'"), ("b", DEEP[kind])])])
    assert pipeline.stage("b").reads == ("x",)
    assert not pipeline.errors
    assert sys.getrecursionlimit() == limit


def test_what_is_too_deep_even_so_is_refused_with_its_place(monkeypatch):
    monkeypatch.setattr(stack, "FRAMES", 0)
    pipeline = analyze([notebook_of([("a", "x = 1"), ("b", "z = " + " + ".join(["x"] * 901))])])
    (problem,) = pipeline.errors
    assert (problem.code, problem.cell) == ("NB110", 2)


def test_a_cell_of_ten_thousand_lines():
    cell = "\n".join(f"a{n} = {n}\ndef f{n}(x):\n    return x + a{n}" for n in range(500)) + "\n" * 9000
    pipeline = analyze([notebook_of([("setup", cell), ("s", "y = f300(1)")])])
    assert not pipeline.errors
    assert [step.source for step in pipeline.stages[0].steps][-1] == "y = f300(1)"
