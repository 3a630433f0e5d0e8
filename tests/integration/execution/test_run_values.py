"""`run["name"]`: every name alive at the end, whoever read it."""

from __future__ import annotations

import pytest

import nbprod

CELLS = [
    ("parameters", "rate = 0.1\nunused = 5\nderived = rate * 2"),
    (
        "setup",
        "import math\nfrom math import sqrt\nK = 3\nread = 4\ndef helper(x): return x + K\nclass Own:\n    k = 7\n"
        "double = lambda x: 2 * x\nfor i in range(3): pass",
    ),
    ("stage:a", "x = read\nshared = [1]\ngone = 1\nlazy = (i for i in range(3))\ndef local(): return x\nd = derived"),
    ("stage:b", "y = x + 1\ndel gone\nshared.append(2)\nfirst, *rest = 1, 2, 3"),
]


def test_what_no_stage_reads_is_there_too(project, make_notebook, forked_stages):
    make_notebook(project / "a.ipynb", CELLS)
    run = nbprod.run("a.ipynb")
    assert [run[name] for name in ("rate", "unused", "derived", "K", "read", "i", "d")] == [0.1, 5, 0.2, 3, 4, 2, 0.2]
    assert run["sqrt"](4) == run["math"].sqrt(4) == 2
    assert (run["helper"](1), run["double"](2), run["Own"].k, run["local"]()) == (4, 4, 7, 4)
    assert (run["first"], run["rest"], run["shared"], run.stage("a")["shared"]) == (1, [2, 3], [1, 2], [1])
    for name, why in (("gone", "deleted by stage b"), ("lazy", "generator"), ("nobody", "has no value")):
        with pytest.raises(nbprod.MissingValue, match=why):
            run[name]
    again = nbprod.run("a.ipynb", parameters={"rate": 0.5, "unused": 7})
    assert [again[name] for name in ("rate", "unused", "derived", "d")] == [0.5, 7, 0.2, 0.2]
