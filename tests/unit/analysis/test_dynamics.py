"""Names looked up by text."""

from __future__ import annotations

import pytest

from nbprod import notebooks
from nbprod.analysis import analyze

BEFORE = "x = 1\ny = [2]\nz = {}\nz[0] = y"


def pipeline(make_notebook, tmp_path, source):
    path = make_notebook(tmp_path / "n.ipynb", [("stage:a", BEFORE), ("stage:b", source)])
    return analyze([notebooks.parse(path.read_text(), "n.ipynb")])


@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("w = eval('x + 1')", {"x"}, {"w"}),
        ("exec('x = x + len(y)\\nimport json')", {"x", "y"}, {"x"}),
        ("w = globals()['x']", {"x"}, {"w"}),
        ("globals()['w'] = locals()['x']", {"x"}, {"w"}),
        ("del vars()['x']", {"x"}, set()),
        ("w = globals().get('x', 0)", {"x"}, {"w"}),
        ("w = 'x' in globals(), 'nowhere' not in globals()", {"x"}, {"w"}),
        ("w = '{x:>3} {y[0]} {v}'.format(v=1, **locals())", {"x", "y"}, {"w"}),
        ("w = eval(f'y{1}')", {"x", "y", "z"}, {"w", "y", "z"}),
        ("w = eval('a + 1', {'a': 2})", set(), {"w"}),
        ("def f(a):\n    return locals()\nw = f(x)", {"x"}, {"w"}),
        ("w = vars(z)", {"z"}, {"w"}),
    ],
)
def test_what_a_text_names(make_notebook, tmp_path, source, reads, writes):
    found = pipeline(make_notebook, tmp_path, source)
    assert [item.code for item in found.diagnostics if item.severity == "error"] == []
    stage = found.stage("b")
    assert set(stage.reads) >= reads
    assert set(stage.writes) >= writes
    assert "x" in reads or "x" not in stage.reads


@pytest.mark.parametrize("source", ["exec(text)", "w = globals()", "globals().update(a=1)", "w = dir()", "locals()[x]"])
def test_what_cannot_be_told_is_refused(make_notebook, tmp_path, source):
    found = pipeline(make_notebook, tmp_path, f"text = 'p = 1'\n{source}")
    errors = [item for item in found.diagnostics if item.severity == "error"]
    assert [(item.code, item.cell, item.line) for item in errors] == [("NB208", 2, 2)]
    assert errors[0].fix
