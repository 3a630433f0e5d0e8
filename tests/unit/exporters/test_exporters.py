"""What exporters write, compared with files kept beside this one; and that it means what it should."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nbprod import plugins
from nbprod.core.errors import ExportError
from nbprod.core.pipeline import Edge, Pipeline, Stage, Step
from nbprod.exporters.dvc import DvcExporter
from nbprod.exporters.github import GithubExporter

GOLDEN = Path(__file__).parent / "golden"


def stage(name, *, notebook="models/sales figures.ipynb", **more):
    step = Step("cell", 1, "c1", "pass", notebook=notebook)
    return Stage(name, cells=(1,), steps=(step,), **more)


@pytest.fixture
def pipeline():
    stages = (
        stage("load", files_read=("data/sales.csv", "../shared.csv"), volatile=("queries a database",)),
        stage("train"),
        stage("evaluate"),
    )
    edges = (
        Edge("load", "train", ("df",)),
        Edge("train", "evaluate", ("model",)),
        Edge("load", "evaluate", ("df",)),
    )
    return Pipeline("models/sales figures.ipynb", stages, edges, (), (), ())


@pytest.mark.parametrize(
    ("exporter", "written", "golden"),
    [
        (GithubExporter(), ".github/workflows/nbprod-sales-figures.yml", "github.yml"),
        (DvcExporter(), "dvc.yaml", "dvc.yaml"),
    ],
    ids=["github", "dvc"],
)
def test_the_same_bytes_for_the_same_pipeline(exporter, written, golden, pipeline, tmp_path):
    (path,) = exporter.export(pipeline, tmp_path)
    assert path == tmp_path / written
    assert path.read_bytes() == (GOLDEN / golden).read_bytes()
    assert exporter.export(pipeline, tmp_path) == [path]


def test_dvc_sees_the_graph(pipeline, tmp_path):
    (path,) = DvcExporter().export(pipeline, tmp_path)
    stages = yaml.safe_load(path.read_text())["stages"]
    outs = {name: next(iter(spec["outs"][0])) for name, spec in stages.items()}
    needs = {name: {other for other, out in outs.items() if out in spec["deps"]} for name, spec in stages.items()}
    assert needs == {"load": set(), "train": {"load"}, "evaluate": {"load", "train"}}
    assert {"models/data/sales.csv", "shared.csv"} <= set(stages["load"]["deps"])
    assert [name for name, spec in stages.items() if spec.get("always_changed")] == ["load"]


def test_the_workflow_checks_and_runs(pipeline, tmp_path):
    (path,) = GithubExporter().export(pipeline, tmp_path)
    workflow = yaml.safe_load(path.read_text())
    commands = [step.get("run", "") for step in workflow["jobs"]["run"]["steps"]]
    assert "nbprod check 'models/sales figures.ipynb'" in commands
    assert "nbprod run 'models/sales figures.ipynb'" in commands


def test_several_notebooks_are_one_pipeline(tmp_path):
    stages = (stage("load", notebook="a.ipynb"), stage("train", notebook="b.ipynb"))
    both = Pipeline("a.ipynb", stages, (), (), (), ())
    (path,) = DvcExporter().export(both, tmp_path)
    assert "nbprod run a.ipynb b.ipynb --from train --to train" in path.read_text()


@pytest.mark.parametrize("exporter", [GithubExporter(), DvcExporter()], ids=["github", "dvc"])
def test_a_notebook_outside_the_project_is_refused(exporter, tmp_path):
    outside = Pipeline("/elsewhere/a.ipynb", (stage("load"),), (), (), (), ())
    with pytest.raises(ExportError, match="outside the project"):
        exporter.export(outside, tmp_path)


def test_both_are_plug_ins():
    assert {"dvc", "github"} <= set(plugins.names("exporters"))
    assert plugins.exporter("dvc").name == "dvc"
    assert plugins.exporter("github").name == "github"
