"""The contract of an engine: the same job gives the same values, and a failing cell is told, whichever executes it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from nbprod import analysis, execution, notebooks, plugins
from nbprod.config import Project
from nbprod.core.errors import StageFailed, UsageError
from nbprod.core.run import RunOptions, RunStatus

ENGINES = ("nbprod", "papermill", "ploomber")
CELLS = [
    ("parameters", "n = 3"),
    ("setup", "import math\nclass Point:\n    def __init__(self, x):\n        self.x = x"),
    ("stage:make", "points = [Point(v) for v in range(n)]\nshared = points[:1]\nprint('made', n)"),
    ("stage:use", "total = sum(point.x for point in points) + math.floor(0.5)\nshared[0].x = 10"),
    ("stage:end", "first = points[0].x\nfirst"),
]


def pipeline_of(path: Path):
    return analysis.analyze([notebooks.read(path, path.name)])


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_is_registered(engine):
    assert plugins.engine(engine).name == engine


def test_an_unknown_engine_is_named():
    with pytest.raises(UsageError, match="no engine named warp"):
        plugins.engine("warp")


@pytest.mark.parametrize("engine", [ENGINES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in ENGINES[1:])])
def test_equal_results(engine, project, make_notebook):
    path = make_notebook(project / "nb.ipynb", CELLS)
    options = RunOptions(engine=engine, parameters={"n": 4})
    run = execution.run(pipeline_of(path), Project.find(project), options)
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert (run["total"], run["first"]) == (6, 10)
    executed = nbformat.read(run.stages[0].notebook, 4)
    nbformat.validate(executed)
    assert "made 4\n" in str([cell.get("outputs") for cell in executed.cells]).replace("\\n", "\n")
    again = execution.run(pipeline_of(path), Project.find(project), RunOptions(parameters={"n": 4}))
    assert {str(stage.status) for stage in again.stages} == {"cached"}, "engines share fingerprints"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("source", "code"), [("\n1 / 0", "NB501"), ("import sys\nsys.exit(0)", "NB502")])
def test_a_failing_cell(engine, source, code, project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:bad", source), ("stage:rest", "x = 1")])
    run = execution.run(pipeline_of(path), Project.find(project), RunOptions(engine=engine))
    assert [str(stage.status) for stage in run.stages] == ["failed", "skipped"]
    assert isinstance(run.error, StageFailed)
    assert (run.error.code, run.error.where.cell, run.error.where.line) == (code, 1, 2)
    assert run.error.traceback


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_job_on_its_own(engine, tmp_path, make_notebook):
    job = make_notebook(tmp_path / "job.ipynb", [("parameters", "n = 1"), "print('n is', n)"])
    plugins.engine(engine).execute(job, tmp_path / "out.ipynb", {"n": 7}, kernel="python3", cwd=tmp_path)
    text = json.dumps(json.loads((tmp_path / "out.ipynb").read_text()))
    assert "n is 7" in text
