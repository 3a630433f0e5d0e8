"""A pipeline from cells to a run, with the real analysis, worker and store."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod import analysis, execution, notebooks
from nbprod.config import Project
from nbprod.core.run import RunOptions


class Bench:
    """A notebook in a project of its own."""

    def __init__(self, root: Path, make_notebook) -> None:
        self.root = root
        self.make_notebook = make_notebook
        self.path = root / "nb.ipynb"

    def cells(self, *cells, **metadata):
        self.make_notebook(self.path, list(cells), **metadata)
        return self

    @property
    def project(self) -> Project:
        return Project.find(self.root)

    @property
    def pipeline(self):
        found = analysis.analyze([notebooks.read(self.path, "nb.ipynb")])
        assert not found.errors, found.errors
        return found

    def run(self, listeners=(), tracking=None, **options):
        given = {"parameters": execution.parameters(self.pipeline, options.pop("parameters", {}))}
        return execution.run(self.pipeline, self.project, RunOptions(**given, **options), listeners, tracking)

    def plan(self, **options):
        return execution.plan(self.pipeline, self.project, RunOptions(**options))


@pytest.fixture
def bench(project, make_notebook):
    return Bench(project, make_notebook)


@pytest.fixture
def statuses():
    def read(run):
        return {stage.name: str(stage.status) for stage in run.stages}

    return read
