"""`%run` in its place, and several notebooks as one pipeline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbprod.analysis import analyze
from nbprod.core.notebook import Cell, Notebook


def script(text, name="prep.py"):
    return Notebook(name, (Cell(0, "script", "code", text, text),))


@pytest.fixture
def with_run(book):
    """Return the pipeline of cells whose `%run` lines find the given files."""

    def make(cells, **files):
        runs = {}
        for name, content in files.items():
            is_script = isinstance(content, str)
            path = name + (".py" if is_script else ".ipynb")
            runs[path] = script(content, path) if is_script else replace(book(content), path=path)
        return analyze([replace(book(cells), runs=runs)])

    return make


@pytest.fixture
def several(book):
    return lambda *many: analyze([replace(book(cells), path=path) for path, cells in many])


def steps(pipeline, stage):
    return [(item.notebook, item.cell, item.kind, item.source) for item in pipeline.stage(stage).steps]


def test_a_notebook_that_is_run_stands_in_the_place_of_the_line(with_run):
    cells = [("a", "x = 1\n%run other.ipynb\nz = y + 1"), ("b", "w = z")]
    found = with_run(cells, other=[("md", "# text"), "y = x + 1"])
    assert not found.errors
    assert steps(found, "a") == [
        ("book.ipynb", 1, "cell", "x = 1\n\n"),
        ("other.ipynb", 2, "cell", "y = x + 1"),
        ("book.ipynb", 1, "cell", "\n\nz = y + 1"),
    ]
    assert found.stage("a").cells == (1,)
    assert found.stage("b").reads == ("z",)


def test_definitions_of_what_is_run_are_replayed_where_they_are_needed(with_run):
    cells = ["%run helpers.py", ("a", "x = f(1)"), ("b", "y = f(x)")]
    found = with_run(cells, helpers="import math\n\ndef f(v):\n    return math.sqrt(v)\n")
    assert not found.errors
    assert steps(found, "b")[:2] == [
        ("helpers.py", 0, "replay", "import math"),
        ("helpers.py", 0, "replay", "def f(v):\n    return math.sqrt(v)"),
    ]
    assert [item.first_line for item in found.stage("b").steps[:2]] == [1, 3]
    assert [(role.cell, role.role) for role in found.roles] == [(1, "setup"), (2, "stage"), (3, "stage")]


def test_results_in_the_middle_of_a_cell_are_not_shown(with_run):
    found = with_run([("a", "x = 1\nx\n%run other.ipynb\nx")], other=["y = 2\ny"])
    assert [item[3] for item in steps(found, "a")] == ["x = 1\nx\nNone\n", "y = 2\ny\nNone", "\n\n\nx"]


def test_tags_of_a_notebook_that_is_run_count_where_the_line_has_none(with_run):
    other = [("parameters", "n = 3"), ("load", "df = [n]"), ("gate", "assert df"), ("skip", "k = 1")]
    found = with_run(["%run other.ipynb", ("train", "m = sum(df) + k")], other=other)
    assert not found.errors
    assert [item.name for item in found.stages] == ["load", "train"]
    assert not found.parameters  # %run executes it with its defaults
    tagged = with_run([("get", "%run other.ipynb"), ("train", "m = sum(df) + k")], other=other)
    assert [item.name for item in tagged.stages] == ["get", "train"]


def test_an_untagged_notebook_with_run_is_one_stage(with_run):
    found = with_run(["%run other.ipynb", "z = y"], other=["y = 1"])
    assert [(item.name, item.cells) for item in found.stages] == [("notebook", (1, 2))]


def test_what_is_run_may_run_more(with_run):
    found = with_run([("a", "%run one.ipynb")], one=["%run two.py\nx = f()"], two="def f():\n    return 1")
    assert not found.errors
    assert [item[0] for item in steps(found, "a")] == ["two.py", "one.ipynb"]


REFUSED = {
    "no file": ("%run nowhere.ipynb", {}, "there is no file"),
    "by a variable": ("%run {name}.ipynb", {}, "known only when it runs"),
    "a module": ("%run -m pkg.mod", {}, "out of sight"),
    "an option": ("%run -p s.py", {"s": "x = 1"}, "-p is not followed"),
    "itself": ("%run one.ipynb", {"one": ["%run two.ipynb"], "two": ["%run one.ipynb"]}, "run by itself"),
    "exit": ("%run s.py", {"s": "exit()"}, "are the shell's"),
    "future": ("%run s.py", {"s": "from __future__ import annotations\nx = 1"}, "__future__"),
    "reads the notebook's name": ("d = 1\n%run s.py", {"s": "x = d + 1"}, "no names but its own"),
    "its function reads the notebook's name": ("d = 1\n%run s.py", {"s": "def f():\n    return d"}, "no names but"),
    "a name its function reads is rebound": ("%run s.py\nk = 2", {"s": "k = 1\ndef f():\n    return k"}, "keep their own"),
    "global": ("%run s.py", {"s": "n = 0\ndef f():\n    global n\n    n = 1"}, "by `global`"),
    "after a change of folder": ("import os\nos.chdir('..')\n%run s.py", {"s": "x = 1"}, "depends on the folder"),
    "shared line": ("x = 1; get_ipython().run_line_magic('run', 's.py')", {"s": "y = 1"}, "shares its line"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused(name, with_run):
    source, files, text = REFUSED[name]
    found = with_run([("a", source)], **files)
    assert [item for item in found.errors if item.code == "NB216" and text in item.message], found.errors


def test_run_inside_a_block_is_refused(with_run):
    found = with_run([("a", "for i in range(2):\n    %run s.py")], s="x = 1")
    assert [item.code for item in found.errors] == ["NB206"]


def test_a_script_may_share_the_notebooks_names(with_run):
    found = with_run([("a", "d = 1\n%run -i s.py 3 4\ny = x")], s="x = d + 1")
    assert not found.errors
    assert [item.argv for item in found.stage("a").steps] == [(), ("s.py", "3", "4"), ()]


def test_findings_point_to_the_file_that_is_run(with_run):
    found = with_run([("a", "%run other.ipynb"), ("b", "%run s.py")], other=[("md", "x"), "1 +"], s="\n\nx = nope")
    places = {item.severity: (item.code, item.notebook, item.cell, item.line) for item in found.diagnostics}
    assert places["error"] == ("NB110", "other.ipynb", 2, 1)
    assert places["warning"] == ("NB201", "s.py", None, 3)  # what a script raises does not end its cell


def test_notebooks_in_the_order_given(several):
    found = several(("1.ipynb", [("load", "x = 1\ny = 2")]), ("2.ipynb", [("a", "x = x + y"), ("b", "z = x")]))
    assert not found.errors
    assert [(item.name, item.reads) for item in found.stages] == [("load", ()), ("a", ("x", "y")), ("b", ("x",))]
    assert {step.notebook for step in found.stage("a").steps} == {"2.ipynb"}
    assert (found.notebook, found.notebooks, found.name) == ("1.ipynb", ("1.ipynb", "2.ipynb"), "2")
    assert [(role.notebook, role.cell) for role in found.roles] == [("1.ipynb", 1), ("2.ipynb", 1), ("2.ipynb", 2)]


def test_untagged_notebooks_are_a_stage_each(several):
    found = several(("01_load.ipynb", ["x = 1"]), ("02-train.ipynb", ["y = x"]), ("3.ipynb", ["z = y"]))
    assert [item.name for item in found.stages] == ["load", "train", "notebook_3"]


TOGETHER = {
    "a stage in both": ([("a", "x = 1")], [("a", "y = x")], "NB107"),
    "two parameters cells": ([("parameters", "n = 1"), ("a", "x = n")], [("parameters", "m = 1"), ("b", "y = m")], "NB105"),
    "a name nobody defines": ([("a", "x = y")], [("b", "y = 1")], "NB201"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOGETHER)
def test_what_forbids_one_pipeline(name, several):
    first, second, code = TOGETHER[name]
    assert [item.code for item in several(("1.ipynb", first), ("2.ipynb", second)).errors] == [code]


def test_notebooks_of_other_folders_and_kernels_are_refused(book):
    one, two = (
        replace(book(["x = 1"]), path=path, kernel=kernel) for path, kernel in (("1.ipynb", "p"), ("d/2.ipynb", "q"))
    )
    assert [item.code for item in analyze([one, two]).errors] == ["NB217", "NB217"]


def test_left_out_cells_are_told_with_their_notebook(several):
    found = several(("1.ipynb", [("a", "x = 1"), "x"]), ("2.ipynb", [("b", "y = x"), "y"]))
    assert found.left_out == (2, "2.ipynb cell 2")
