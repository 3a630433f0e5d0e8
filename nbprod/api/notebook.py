"""A notebook read and judged; nothing is executed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.config import Project, require_notebook
from nbprod.core.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis import Suggestion, Surroundings
    from nbprod.core.notebook import Notebook, Tag
    from nbprod.core.pipeline import Pipeline

Source = str | os.PathLike[str]


def read(paths: Source | Sequence[Source], project: Project, draft: Path | None = None) -> list[Notebook]:
    """Return the notebooks at `paths`, or what `draft` holds in their place; raises `NotebookError` if unreadable."""
    from nbprod import notebooks

    many = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = [notebooks.read(draft or require_notebook(path), project.relative(path)) for path in many]
    return [with_files(item, project) for item in found]


def with_files(notebook: Notebook, project: Project) -> Notebook:
    """Return a notebook with the files that are part of it: what it runs, and the modules it imports."""
    from nbprod import notebooks

    folder = project.notebook(notebook.path).parent
    return notebooks.with_modules(notebooks.with_runs(notebook, folder, project.relative), folder)


def analyze(path: Source | Sequence[Source]) -> Pipeline:
    """Return the pipeline of a notebook, or of several in the order given; the user's mistakes are its diagnostics."""
    from nbprod import store

    project = project_of(path)
    books = read(path, project)
    kept = store.KeptPipeline(project, books)
    pipeline = kept.get()
    if pipeline is None:
        pipeline = analyzed(books, project)
        kept.put(pipeline)
    return pipeline


def analyzed(books: Sequence[Notebook], project: Project, around: Surroundings | None = None) -> Pipeline:
    """Return the pipeline of notebooks as they were read; what IPython had to say of their cells is kept."""
    from nbprod import analysis, store

    with store.kept_texts(project, books[0].path) as texts:
        return analysis.analyze(books, around or analysis.Surroundings(), texts)


def project_of(path: Source | Sequence[Source], profile: str | None = None) -> Project:
    """Return the project of a notebook, or of the first of several."""
    first = path if isinstance(path, str | os.PathLike) else path[0]
    return Project.find(first, profile)


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


def suggest(path: Source, *, apply: bool = False, draft: Path | None = None) -> Suggestion:
    """Return stages for what of a notebook is untagged; with `apply`, also write the tags into the file.

    The proposal is sound: with its tags, analysis finds no error that it does not find without. `draft` is a file of
    the notebook's unsaved content.
    """
    from nbprod import analysis, notebooks

    found = analysis.suggest(read(path, project_of(path), draft)[0])
    if apply and found.tags:
        notebooks.write_tags(require_notebook(path), found.tags)
    return found


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
