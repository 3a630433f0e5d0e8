"""The example notebooks: how they are written, what they give without nbprod, by nbprod, and by every engine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

import nbprod
from nbprod.config import Project
from nbprod.core.run import RunOptions

EXAMPLES = Path(__file__).parents[2] / "example-notebooks"
STAGES = {
    "churn": ["load", "features", "split", "train", "evaluate"],
    "house_prices": ["load", "features", "train", "evaluate"],
    "orders": ["database", "load", "features", "train", "evaluate", "report"],
}
METRICS = {
    "churn": ["accuracy", "roc_auc"],
    "house_prices": ["r2", "typical_error"],
    "orders": ["error", "naive_error"],
}
VALUES = {
    "churn": ["df", "X_train", "y_test", "predicted", "probability"],
    "house_prices": ["sales", "homes_test", "estimated"],
    "orders": ["daily", "X", "forecast", "report"],
}
ENGINES = ["nbprod", "papermill", "ploomber"]
ONE = pytest.param("churn", id="churn")
OTHERS = [pytest.param(name, id=name, marks=pytest.mark.slow) for name in STAGES if name != "churn"]


def example(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(EXAMPLES / f"{name}.ipynb", folder))


def by_hand(path):
    """Run a notebook top to bottom as Jupyter does; return its metrics and all it printed."""
    names = METRICS[path.stem]
    notebook = nbformat.read(path, 4)
    report = (
        "import json\nprint('METRICS', json.dumps({" + ", ".join(f"{name!r}: float({name})" for name in names) + "}))"
    )
    notebook.cells.append(nbformat.v4.new_code_cell(report))
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    streams = [out for cell in notebook.cells for out in cell.get("outputs", ()) if out["output_type"] == "stream"]
    assert [out["text"] for out in streams if out["name"] == "stderr"] == []
    text = "".join(out["text"] for out in streams)
    return json.loads(text.partition("METRICS ")[2]), text


def by_pipeline(path, engine):
    from nbprod import execution

    pipeline = nbprod.analyze(path)
    run = execution.run(pipeline, Project.find(path), RunOptions(engine=engine))
    assert run.error is None, run.error
    return run


def same(left, right):
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, check_exact=True)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right, check_exact=True)
    else:
        assert type(left) is type(right)
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", STAGES)
def test_how_an_example_is_written(name):
    text = (EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8")
    content = json.loads(text)
    nbformat.validate(content)
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert text == json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert not any("%%mlops" in "".join(cell["source"]) for cell in code)
    assert max(len(line.rstrip("\n")) for cell in code for line in cell["source"]) <= 120


@pytest.mark.parametrize("name", STAGES)
def test_an_example_is_sound(name):
    pipeline = nbprod.analyze(EXAMPLES / f"{name}.ipynb")
    assert [item for item in pipeline.diagnostics if item.severity != "info"] == []
    assert [stage.name for stage in pipeline.stages] == STAGES[name]
    assert pipeline.parameters
    assert all(parameter.help for parameter in pipeline.parameters)


def test_only_what_asks_the_database_is_volatile():
    pipeline = nbprod.analyze(EXAMPLES / "orders.ipynb")
    assert [stage.name for stage in pipeline.stages if stage.volatile] == ["database", "load", "report"]
    for name in ("churn", "house_prices"):
        assert not any(stage.volatile for stage in nbprod.analyze(EXAMPLES / f"{name}.ipynb").stages)


@pytest.mark.parametrize("name", [ONE, *OTHERS])
def test_the_pipeline_gives_what_the_notebook_gives(name, project):
    metrics, _ = by_hand(example(name, project / "by-hand"))
    run = by_pipeline(example(name, project / "by-nbprod"), "nbprod")
    assert {key: run.metrics[key] for key in metrics} == pytest.approx(metrics, rel=1e-12)
    assert all(gate.held for gate in run.gates)
    assert run.gates
    assert run.model is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_every_engine_gives_the_same(name, project):
    runs = {}
    for engine in ENGINES:
        (project / engine / ".git").mkdir(parents=True)
        runs[engine] = by_pipeline(example(name, project / engine), engine)
    first = runs["nbprod"]
    for engine in ENGINES[1:]:
        assert runs[engine].metrics == first.metrics
        assert [stage.outputs for stage in runs[engine].stages] == [stage.outputs for stage in first.stages]
        for value in VALUES[name]:
            same(first[value], runs[engine][value])


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_each_job_runs_under_plain_papermill(name, project):
    import papermill

    path = example(name, project)
    _, printed = by_hand(path)
    out = project / "jobs"
    jobs = [job for job in nbprod.api.extract(path, out) if job.suffix == ".ipynb"]
    assert len(jobs) >= len(STAGES[name])
    said = []
    for job in jobs:
        done = papermill.execute_notebook(job, project / f"done-{job.name}", cwd=project, progress_bar=False)
        said += [out["text"] for cell in done.cells for out in cell.get("outputs", ()) if out.get("name") == "stdout"]
    for line in printed.partition("METRICS")[0].splitlines():
        assert line in "".join(said)


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_verify_finds_no_difference(name, project):
    found = nbprod.verify(example(name, project))
    assert found.differences == ()
    assert found.equal


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_nothing_but_volatile_stages_runs_twice(name, project):
    path = example(name, project)
    volatile = {stage.name for stage in nbprod.analyze(path).stages if stage.volatile}
    by_pipeline(path, "nbprod")
    again = by_pipeline(path, "nbprod")
    assert {
        stage.name for stage in again.stages if stage.status == "succeeded" and stage.name in STAGES[name]
    } == volatile
