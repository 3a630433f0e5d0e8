"""Twice the cells are twice the work: calls of functions are counted, as time depends on the machine."""

from __future__ import annotations

import sys

import pytest

from nbprod.analysis import analyze, cells, memory, pipeline
from tests.unit.analysis.conftest import notebook_of

CELLS = {
    "plain": "a{i} = {i}\nb{i} = a{i} + 1\nc{i} = [b{i}, a{i}]\nprint(c{i})",
    "chain of values": "x{i} = [x{p}, {i}]\nx{i}.append(x{p})\nfor v in x{i}: print(v)\ny{i} = list(x{i})",
    "chain of constants": "k{i} = k{p} + 1\nfor n in range(3): print(k{i})",
    "chain of functions": "d{i} = make(a={i})\nd{i}['b'] = d{i}.a * f{p}(2)\ndef f{i}(x): return len(f{p}(x)) + k{i}\nk{i} = {i}",
    "functions from functions": "def make{i}(k):\n    return Model{p}(k) if k else lambda: make{p}(k)\nm{i} = make{i}({i})\nm{i}.fit(k0)\nclass Model{i}:\n    kept = []\n    def fit(self, a): self.kept.append(a)",
    "the same import": "import pandas as pd\nfrom os import path\nz{i} = pd.read_csv('f.csv')\nprint(z{p})",
    "missing names": "print(missing)\nz{i} = other.x + z{p}",
    "one table": "df['x{i}'] = df['x{p}'] + 1\ndf = df.dropna()\nlimit{i} = df['x{i}'].max()",
    "definitions": "def g{i}(x, y=k0):\n    return x + y\nclass C{i}:\n    value = {i}",
}  # fmt: skip
START = "import pandas as pd\nk0 = 1\nx0 = [1]\nz0 = 0\ndf = pd.DataFrame()\ndef f0(x): return x\ndef make(**a): return a\ndef make0(k): return k\nclass Model0: pass"


def calls(kind, count):
    found = [("parameters", "rows = 10"), ("setup", START)]
    found += [(f"s{i * 5 // count}", CELLS[kind].format(i=i, p=i - 1)) for i in range(1, count)]
    notebook, total = notebook_of(found), 0

    def note(frame, event, argument):
        nonlocal total
        total += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        stages = analyze([notebook]).stages
    finally:
        sys.setprofile(None)
    assert len(stages) == 5
    return total


@pytest.mark.parametrize("kind", CELLS)
def test_work_grows_with_the_number_of_cells(monkeypatch, kind):
    monkeypatch.setattr(cells, "_KEPT", memory.Kept(0))
    monkeypatch.setattr(pipeline, "KEPT", 0)
    calls(kind, 10)
    assert calls(kind, 80) <= 2.3 * calls(kind, 40)
