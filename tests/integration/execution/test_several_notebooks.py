"""`%run` and several notebooks, executed: values, caching, tracebacks, jobs, `verify`."""

from __future__ import annotations

import pytest

import nbprod
from nbprod.core.run import RunOptions

SCRIPT = """import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=1)
n = parser.parse_args().n


def helper(value):
    return [10 / item + n for item in value]
"""
MAIN = [
    ("stage:load", "first = 1\nfirst\n%run parts/prep.ipynb\nxs.append(first)"),
    ("stage:use", "%run script.py --n 7\nys = helper(xs)"),
    ("stage:sum", "total = sum(ys) + LIMIT\ntotal"),
]


@pytest.fixture
def main(project, make_notebook):
    (project / "script.py").write_text(SCRIPT)
    (project / "parts").mkdir()
    (project / "parts" / "beside.py").write_text("VALUES = [1, 2]\n")
    make_notebook(
        project / "parts" / "prep.ipynb", [("md", "# prep"), "import beside\nLIMIT = 2", "xs = list(beside.VALUES)\nxs"]
    )
    return make_notebook(project / "main.ipynb", MAIN)


def ran(run):
    return {stage.name: str(stage.status) for stage in run.stages}


def test_what_is_run_is_part_of_the_pipeline(main, project, make_notebook):
    first = nbprod.run("main.ipynb")
    assert first["total"] == 17.0 + 12.0 + 17.0 + 2
    assert set(ran(nbprod.run("main.ipynb")).values()) == {"cached"}
    (project / "script.py").write_text(SCRIPT.replace("10 /", "20 /"))
    again = nbprod.run("main.ipynb")
    assert ran(again) == {"load": "cached", "use": "succeeded", "sum": "succeeded"}
    assert next(stage.reason for stage in again.stages if stage.name == "use") == "code of script.py changed"
    make_notebook(project / "parts" / "prep.ipynb", ["LIMIT = 2\nimport beside", "xs = [0]"])
    (project / "script.py").write_text(SCRIPT)
    with pytest.raises(nbprod.StageFailed) as caught:
        nbprod.run("main.ipynb")
    assert (caught.value.where.notebook, caught.value.where.line) == ("main.ipynb", 2)
    assert "script.py" in "\n".join(caught.value.traceback)
    assert "return [10 / item + n for item in value]" in "\n".join(caught.value.traceback)


@pytest.mark.slow
def test_verify_and_jobs_of_what_is_run(main, project):
    assert nbprod.verify("main.ipynb").equal
    run = nbprod.run("main.ipynb", options=RunOptions(engine="papermill"))
    assert run["total"] == 48.0


@pytest.mark.slow
def test_notebooks_given_together(project, make_notebook):
    make_notebook(project / "01_load.ipynb", [("parameters", "n = 3"), "rows = list(range(n))"])
    make_notebook(
        project / "02_train.ipynb", [("stage:fit", "mean = sum(rows) / n"), "rows", ("stage:end", "rows.append(mean)")]
    )
    both = ["01_load.ipynb", "02_train.ipynb"]
    run = nbprod.run(both, {"n": 5})
    assert (run["mean"], run["rows"]) == (2.0, [0, 1, 2, 3, 4, 2.0])
    assert ran(run) == {"load": "succeeded", "fit": "succeeded", "end": "succeeded"}
    found = nbprod.verify(both, {"n": 5})
    assert found.equal, found.differences
    assert [(item.notebook, item.cell) for item in found.left_out] == [("02_train.ipynb", 2)]
