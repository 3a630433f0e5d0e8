"""Core: errors speak, runs turn into the contract's JSON, pipelines know what is upstream."""

from __future__ import annotations

import pickle

import pytest

from nbprod.core import errors
from nbprod.core.errors import AnalysisError, MissingValue, NbprodError, StageFailed, Where
from nbprod.core.pipeline import Diagnostic, Edge, Pipeline, Stage
from nbprod.core.run import Run, RunStatus, StageRun, StageStatus


def all_errors():
    return [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, NbprodError)]


@pytest.mark.parametrize("kind", all_errors())
def test_every_error_says_what_where_and_what_next(kind):
    error = kind("NB999", "it broke", "mend it", Where("a.ipynb", 3, "c3", 2))
    assert str(error) == "NB999  a.ipynb cell 3 line 2  it broke\n  mend it"
    assert error.as_json() == {
        "code": "NB999",
        "message": "it broke",
        "hint": "mend it",
        "where": {"notebook": "a.ipynb", "cell": 3, "cell_id": "c3", "line": 2},
    }
    assert error.exit_code in (1, 2, 3)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_boundary_is_a_plan_error_and_stage_failed_an_execution_error():
    assert issubclass(errors.BoundaryError, errors.PlanError)
    assert issubclass(StageFailed, errors.ExecutionError)
    assert issubclass(MissingValue, KeyError)


def test_refusal_is_worded_after_the_first_error():
    found = (
        Diagnostic("NB301", "warning", "hm", "a.ipynb", 1),
        Diagnostic("NB201", "error", "no `x`", "a.ipynb", 2, "c2", 1, fix="define it"),
    )
    error = AnalysisError.of(found)
    assert (error.code, error.hint, error.where) == ("NB201", "define it", Where("a.ipynb", 2, "c2", 1))
    assert error.diagnostics == found


def test_upstream_and_downstream():
    stages = tuple(Stage(name, (), ()) for name in "abcd")
    edges = (Edge("a", "b", ("x",)), Edge("b", "d", ("y",)))
    pipeline = Pipeline("folder/n.ipynb", stages, edges, (), (), ())
    assert pipeline.name == "n"
    assert pipeline.upstream("d") == ("a", "b")
    assert pipeline.downstream("a") == ("b", "d")
    assert pipeline.stage("c").name == "c"


def test_run_as_json():
    error = StageFailed("NB501", "KeyError: 'k'", None, Where("n.ipynb", 2))
    run = Run(
        "8c21aa00", "n.ipynb", RunStatus.FAILED, (StageRun("a", StageStatus.FAILED, "KeyError", 0.1),), error=error
    )
    found = run.as_json()
    assert (found["run"], found["status"], found["model"]) == ("8c21aa00", "failed", None)
    assert found["stages"][0]["status"] == "failed"
    assert found["error"]["where"]["cell"] == 2
    with pytest.raises(MissingValue):
        run["df"]
    with pytest.raises(MissingValue, match="no stage zz"):
        run.stage("zz")
