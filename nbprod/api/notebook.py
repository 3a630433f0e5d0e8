"""A notebook read and judged; nothing is executed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import Project, require_notebook
from nbprod.core.errors import AnalysisError
from nbprod.core.run import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis import Readiness
    from nbprod.core.notebook import Notebook, Tag
    from nbprod.core.pipeline import Diagnostic, Pipeline

Source = str | os.PathLike[str]
PINS = (
    "requirements.txt",
    "constraints.txt",
    "uv.lock",
    "poetry.lock",
    "pixi.lock",
    "environment.yml",
    "conda-lock.yml",
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What `check` found: the pipeline with its diagnostics, and how ready the notebook is."""

    pipeline: Pipeline
    readiness: Readiness
    notebooks: tuple[Notebook, ...] = ()

    def line(self, item: Diagnostic) -> str | None:
        """Return the line of code a finding is about."""
        for notebook in (*self.notebooks, *(run for one in self.notebooks for run in one.runs.values())):
            for cell in notebook.cells if notebook.path == item.notebook else ():
                lines = cell.source.splitlines()
                if cell.number == (item.cell or 0) and item.line and item.line <= len(lines):
                    return lines[item.line - 1]
        return None

    def as_json(self) -> dict[str, Any]:
        """Return the object of `check --json`."""
        fields = ("code", "severity", "cell", "cell_id", "line", "message", "fix", "notebook")
        found = [{name: getattr(item, name) for name in fields} for item in self.pipeline.diagnostics]
        return {"diagnostics": found, "readiness": self.readiness.as_json()}


def read(paths: Source | Sequence[Source], project: Project, draft: Path | None = None) -> list[Notebook]:
    """Return the notebooks at `paths`, or what `draft` holds in their place; raises `NotebookError` if unreadable."""
    from nbprod import notebooks

    many = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = [notebooks.read(draft or require_notebook(path), project.relative(path)) for path in many]
    return [notebooks.with_runs(item, project.notebook(item.path).parent, project.relative) for item in found]


def analyze(path: Source | Sequence[Source]) -> Pipeline:
    """Return the pipeline of a notebook, or of several in the order given; the user's mistakes are its diagnostics."""
    from nbprod import analysis

    return analysis.analyze(read(path, project_of(path)))


def project_of(path: Source | Sequence[Source], profile: str | None = None) -> Project:
    """Return the project of a notebook, or of the first of several."""
    first = path if isinstance(path, str | os.PathLike) else path[0]
    return Project.find(first, profile)


def check(path: Source | Sequence[Source], *, draft: Path | None = None) -> CheckResult:
    """Return diagnostics and readiness of a notebook; nothing is executed. `draft` is a file of its unsaved content."""
    from nbprod import analysis

    read_now = read(path, project_of(path), draft)
    pipeline = analysis.analyze(read_now)
    ready = analysis.readiness(pipeline, _facts(pipeline, project_of(path)))
    return CheckResult(pipeline, ready, tuple(read_now))


def explain(code: str) -> str:
    """Return why a diagnostic exists, with an example; raises `UsageError` for an unknown code."""
    from nbprod import analysis

    return analysis.explain(code)


def graph(path: Source | Sequence[Source], style: str = "text") -> str:
    """Return the pipeline's picture: `text`, `json`, `mermaid` or `svg`."""
    import json

    from nbprod.analysis import graph as drawn
    from nbprod.analysis.picture import to_svg

    pipeline = analyze(path)
    if style == "json":
        return json.dumps(drawn.to_json(pipeline), ensure_ascii=False)
    return {"text": drawn.to_text, "mermaid": drawn.to_mermaid, "svg": to_svg}[style](pipeline)


def tag(path: Source, cell: int | str, tag: Tag | None) -> None:
    """Write (or with None, remove) the tag of a cell, named by its number or id; nothing else in the file changes."""
    from nbprod import notebooks

    notebooks.write_tag(require_notebook(path), cell, tag)


def sound(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline when it may run; raises `AnalysisError` with all diagnostics otherwise."""
    if pipeline.errors:
        raise AnalysisError.of(pipeline.diagnostics)
    return pipeline


def export(path: Source | Sequence[Source], to: str, out: Source) -> list[Path]:
    """Write the pipeline for another system below `out`; returns the files."""
    from nbprod import plugins

    return list(plugins.exporter(to).export(sound(analyze(path)), Path(out)))


def exporters() -> tuple[str, ...]:
    """Return the names of the systems `export` can write for."""
    from nbprod import plugins

    return plugins.names("exporters")


def _facts(pipeline: Pipeline, project: Project) -> dict[str, bool]:
    """Return what past runs say of a notebook's readiness."""
    from nbprod import store
    from nbprod.scheduling import Schedules

    past = store.history(project, pipeline.notebook, 20)
    done = [item for item in past if item.status is RunStatus.SUCCEEDED]
    return {
        "ran": bool(done),
        "verified": store.verified(project, pipeline),
        "pinned": any((project.root / name).is_file() for name in PINS),
        "recorded": any(item.model for item in done),
        "image": any((project.home / "images").glob(f"{pipeline.name}*")),
        "scheduled": any(item.notebook == pipeline.notebook for item in Schedules(project).list()),
    }
