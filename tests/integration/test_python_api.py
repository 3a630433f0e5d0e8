"""`nbprod.run` as a library: values, aliases, definitions, errors that carry the run."""

from __future__ import annotations

import numpy as np
import pytest

import nbprod
from nbprod import api
from nbprod.core.run import RunOptions

CELLS = [
    ("parameters", "n = 3"),
    ("setup", "K = 7\ndef f(x):\n    return x + K + n\nclass A:\n    pass"),
    ("stage:load", "x = f(n)\nrows = [1]\nsame = rows\ngone = 1\nstream = (i for i in rows)"),
    ("stage:use", "y = x + K\na = A()\nboth = [a]\nrows.append(y)\ndel gone"),
]


@pytest.fixture
def run(project, make_notebook):
    return nbprod.run(make_notebook(project / "k.ipynb", CELLS), {"n": 5})


def test_values_of_a_run(run):
    assert run.status == "succeeded"
    assert (run["x"], run["y"], run["n"], run["K"]) == (17, 24, 5, 7)
    assert run["f"](1) == 13
    assert run["both"][0] is run["a"]
    assert isinstance(run["a"], run["A"])
    assert run["rows"] is run["same"]
    assert run["rows"] == [1, 24]
    assert run.stage("load")["rows"] == [1]
    assert run.stage("load")["gone"] == 1


@pytest.mark.parametrize(("name", "reason"), [("gone", "deleted"), ("stream", "generator"), ("nothing", "names there")])
def test_missing_values_say_why(run, name, reason):
    with pytest.raises(nbprod.MissingValue, match=reason):
        run[name]
    with pytest.raises(KeyError):
        run[name]


def test_a_failed_stage_carries_the_run(project, make_notebook):
    path = make_notebook(project / "bad.ipynb", [("stage:a", "x = 1"), ("stage:b", "y = x / 0")])
    with pytest.raises(nbprod.StageFailed) as caught:
        nbprod.run(path)
    assert caught.value.run.stage("a")["x"] == 1
    assert caught.value.where.cell == 2
    assert "ZeroDivisionError" in caught.value.message


def test_a_refusal_carries_its_diagnostics(project, make_notebook):
    path = make_notebook(project / "bad.ipynb", [("stage:a", "x = nowhere")])
    with pytest.raises(nbprod.AnalysisError) as caught:
        nbprod.run(path)
    assert [item.code for item in caught.value.diagnostics if item.severity == "error"] == ["NB201"]
    assert nbprod.analyze(path).errors


def test_secret_is_read_and_never_kept(project, make_notebook, monkeypatch):
    monkeypatch.setenv("DB_URL", "postgres://user:hunter2@host/db")
    path = make_notebook(project / "s.ipynb", [("stage:a", "import nbprod\nlong = len(nbprod.secret('DB_URL'))")])
    assert nbprod.run(path)["long"] == 31
    kept = [file for file in (project / ".nbprod").rglob("*") if file.is_file()]
    assert not [file for file in kept if b"hunter2" in file.read_bytes()]


def test_equal(project, make_notebook):
    found = nbprod.verify(make_notebook(project / "k.ipynb", CELLS))
    assert found.equal, found.differences
    assert found.compared >= 5


def test_the_folder_a_stage_changed_to_is_kept_in_its_process(project, make_notebook):
    (project / "inner").mkdir()
    cells = [
        ("stage:a", "import os\nos.chdir('inner')\nstream = (i for i in [1])"),
        ("stage:b", "import os\nhere = os.path.basename(os.getcwd())\nfirst = next(stream)"),
    ]
    assert nbprod.run(make_notebook(project / "k.ipynb", cells))["here"] == "inner"


@pytest.mark.parametrize("engine", ["nbprod", pytest.param("papermill", marks=pytest.mark.slow)])
def test_a_seed_in_the_parameters_cell_counts_in_later_stages(project, make_notebook, engine):
    cells = [
        ("parameters", "import numpy as np\nN = 3\nnp.random.seed(42)"),
        ("stage:a", "x = 1"),
        ("stage:b", "drawn = np.random.rand(N).tolist()"),
        ("stage:c", "more = np.random.rand(N).tolist()"),
    ]
    options = RunOptions(engine=engine)
    run = api.run(make_notebook(project / "k.ipynb", cells), options=options)
    generator = np.random.RandomState(42)
    assert run["drawn"] == generator.rand(3).tolist()
    assert run["more"] == generator.rand(3).tolist()


def test_from_prefers_the_snapshots_that_belong_together(project, make_notebook):
    cells = [
        ("parameters", "n = 1"),
        ("stage:a", "x = [0] * n"),
        ("stage:b", "y = len(x) + 0 * n"),
        ("stage:c", "z = (len(x), y)"),
    ]
    path = make_notebook(project / "k.ipynb", cells)
    nbprod.run(path)
    nbprod.run(path, {"n": 4})
    assert api.run(path, options=RunOptions(start="c"))["z"] == (1, 1)
    assert api.run(path, {"n": 4}, options=RunOptions(start="c"))["z"] == (4, 4)


def test_a_new_alias_of_one_member_joins_its_group(project, make_notebook):
    cells = [
        ("stage:a", "rows = []\nsame = rows"),
        ("stage:b", "third = rows"),
        ("stage:c", "third.append(1)"),
        ("stage:d", "seen = (list(rows), list(same), rows is same is third)"),
    ]
    assert nbprod.run(make_notebook(project / "k.ipynb", cells))["seen"] == ([1], [1], True)
