"""`check`: diagnostics, what may be mended by itself, and how ready a notebook is; nothing is executed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.api.mending import changed_cells, mend
from nbprod.api.notebook import Source, analyze, analyzed, project_of, read, with_files
from nbprod.config import Project
from nbprod.core.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.analysis import Readiness, Surroundings
    from nbprod.core.notebook import Notebook
    from nbprod.core.pipeline import Diagnostic

FIELDS = ("code", "severity", "cell", "cell_id", "line", "message", "fix", "notebook")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What `check` found: the pipeline with its diagnostics, how ready the notebook is, and what was mended.

    `diff` is what mending changed, with secrets masked.
    """

    pipeline: Pipeline
    readiness: Readiness
    notebooks: tuple[Notebook, ...] = ()
    fixed: tuple[Diagnostic, ...] | None = None
    diff: tuple[str, ...] = ()

    def line(self, item: Diagnostic) -> str | None:
        """Return the line of code a finding is about, secrets masked."""
        from nbprod import analysis

        for notebook in (*self.notebooks, *(run for one in self.notebooks for run in one.runs.values())):
            for cell in notebook.cells if notebook.path == item.notebook else ():
                lines = analysis.masked(cell.source).splitlines() if cell.number == (item.cell or 0) else []
                if item.line and item.line <= len(lines):
                    return lines[item.line - 1]
        return None

    def as_json(self) -> dict[str, Any]:
        """Return the object of `check --json`."""
        found = {
            "diagnostics": [_as_json(item) for item in self.pipeline.diagnostics],
            "readiness": self.readiness.as_json(),
        }
        return found if self.fixed is None else {**found, "fixed": [_as_json(item) for item in self.fixed]}


def check(path: Source | Sequence[Source], *, draft: Path | None = None, fix: bool = False) -> CheckResult:
    """Return diagnostics and readiness of a notebook, or of several as one pipeline; nothing is executed.

    Parameters
    ----------
    path
        The notebook, or several.
    draft
        A file of its unsaved content.
    fix
        Make the edits that findings offer, and write the notebooks; what is left is in the result.
    """
    from nbprod import analysis

    project = project_of(path)
    books = read(path, project, draft)
    fixed: tuple[Diagnostic, ...] | None = None
    diff: tuple[str, ...] = ()
    if fix:
        fixed, diff = _mended(books, project)
        books = read(path, project)
    pipeline = analyzed(books, project, _around(project, books[0]))
    given = [path] if isinstance(path, str | os.PathLike) else path
    named = {book.path: _shown(item) for book, item in zip(books, given, strict=True)}
    ready = analysis.readiness(pipeline, _facts(pipeline, project, books), named)
    return CheckResult(pipeline, ready, tuple(books), fixed, diff)


def fixes(
    path: Source, *, draft: Path | None = None, code: str | None = None, cell_id: str | None = None
) -> dict[str, Any]:
    """Return what `check` with `fix` would do to a notebook, for an editor to do so that it can be undone.

    Parameters
    ----------
    path
        The notebook; nothing is written.
    draft
        A file of its unsaved content.
    code, cell_id
        Mend only findings of that code, or of that cell.

    Returns
    -------
    dict
        `cells` (`cell_id`, `clear_outputs`, and `source` and `metadata` where they change), `requirements` (lines that
        requirements.txt lacks), `fixed` (the findings, as `check` has them).
    """
    from nbprod import analysis, notebooks

    project = project_of(path)
    book = read(path, project, draft)[0]
    around = _around(project, book)
    before = notebooks.text_of(draft or project.notebook(book.path), book.path)

    def analysed(texts: dict[str, str]) -> Pipeline:
        return analysis.analyze([_parsed(name, text, project) for name, text in texts.items()], around)

    def wanted(item: Diagnostic) -> bool:
        return code in (None, item.code) and cell_id in (None, item.cell_id)

    texts, fixed, requirements = mend({book.path: before}, analysed, wanted)
    return {
        "cells": changed_cells(before, texts[book.path], book.path),
        "requirements": _lacking(project, requirements),
        "fixed": [_as_json(item) for item in fixed],
    }


def stale_stages(given: Pipeline | Source, path: Source = ".") -> list[str]:
    """Return the stages whose code is not that of their last run; those that never ran are not among them.

    Parameters
    ----------
    given
        The notebook, or its pipeline where that is at hand; then `path` is the notebook, or a folder of the project.
    path
        See there.
    """
    from nbprod import store

    if isinstance(given, Pipeline):
        return store.stale(Project.find(path), given)
    return store.stale(project_of(given), analyze(given))


def explain(code: str) -> str:
    """Return why a diagnostic or an error exists, with an example; raises `UsageError` for an unknown code."""
    from nbprod import analysis

    return analysis.explain(code)


def codes() -> str:
    """Return all codes with their titles, one a line."""
    from nbprod import analysis

    return analysis.codes()


def _as_json(item: Diagnostic) -> dict[str, Any]:
    return {name: getattr(item, name) for name in FIELDS}


def _mended(books: Sequence[Notebook], project: Project) -> tuple[tuple[Diagnostic, ...], tuple[str, ...]]:
    """Make the edits that findings offer, until none is left, then write once; return the findings and the diff."""
    from nbprod import analysis, notebooks

    before = {book.path: notebooks.text_of(project.notebook(book.path), book.path) for book in books}
    around = _around(project, books[0])

    def analysed(texts: dict[str, str]) -> Pipeline:
        return analysis.analyze([_parsed(name, text, project) for name, text in texts.items()], around)

    texts, fixed, requirements = mend(before, analysed)
    diff: list[str] = []
    for name, text in texts.items():
        diff += _diff(notebooks.parse(before[name], name), notebooks.parse(text, name))
    diff += _with_requirements(project, requirements)
    for name, text in texts.items():
        notebooks.rewrite(project.notebook(name), text)
    return fixed, tuple(diff)


def _parsed(name: str, text: str, project: Project) -> Notebook:
    from nbprod import notebooks

    return with_files(notebooks.parse(text, name), project)


def _with_requirements(project: Project, wanted: Sequence[str]) -> list[str]:
    """Add lines to the project's requirements.txt; return them as a diff."""
    file = project.root / "requirements.txt"
    added = _lacking(project, wanted)
    if added:
        present = file.read_text(encoding="utf-8") if file.is_file() else ""
        start = present if not present or present.endswith("\n") else f"{present}\n"
        file.write_text(start + "".join(f"{line}\n" for line in added), encoding="utf-8")
    return [f"--- requirements.txt\n+++ requirements.txt\n+{line}" for line in added]


def _lacking(project: Project, wanted: Sequence[str]) -> list[str]:
    """Return the lines whose distribution the project's requirements.txt does not name."""
    file = project.root / "requirements.txt"
    present = file.read_text(encoding="utf-8") if file.is_file() else ""
    known = {_distribution(line) for line in present.splitlines()}
    return [line for line in wanted if _distribution(line) not in known]


def _distribution(line: str) -> str:
    import re

    return re.split(r"[\s\[<>=!~;@#]", line.strip(), maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def _diff(before: Notebook, after: Notebook) -> Iterator[str]:
    """Yield what changed of each cell as a unified diff, secrets masked."""
    from nbprod import analysis

    for old, new in zip(before.cells, after.cells, strict=True):
        name = f"{before.path} cell {old.number}"
        left, right = (analysis.masked(cell.source).splitlines() for cell in (old, new))
        yield from unified_diff(left, right, fromfile=name, tofile=name, lineterm="", n=1)
        if old.source == new.source and old.tag != new.tag:
            said = [cell.tag.stage or cell.tag.role if cell.tag else "no tag" for cell in (old, new)]
            moved = "metadata" if said[0] == said[1] else said[1]
            yield f"{name}: tag {said[0]} → {moved}"
        if len(old.outputs) > len(new.outputs):
            yield f"{name}: {len(old.outputs)} outputs cleared"


def _around(project: Project, notebook: Notebook) -> Surroundings:
    """Return what diagnostics must know of the project."""
    from nbprod.analysis import Surroundings
    from nbprod.api.environment import tools, unpinned

    folder = project.notebook(notebook.path).parent
    return Surroundings(str(project.root), str(folder), unpinned(project.root, folder), tools(project.root))


def _facts(pipeline: Pipeline, project: Project, books: Sequence[Notebook]) -> dict[str, bool | str]:
    """Return what is known of a notebook's readiness beyond its text."""
    from nbprod import analysis, deploy, store
    from nbprod.api.environment import freeze, pinned
    from nbprod.core.run import RunStatus
    from nbprod.scheduling import Schedules

    past = store.history(project, pipeline.notebook, 20)
    done = [item for item in past if item.status is RunStatus.SUCCEEDED]
    models = {item.model.name for item in done if item.model}
    folder = project.notebook(pipeline.notebook).parent
    ran = store.ran(project, pipeline) or all(analysis.executed_in_order(book) for book in books)
    return {
        "ran": ran,
        "verified": store.verified(project, pipeline),
        "pinned": pinned(project.root, folder),
        "freeze": freeze(project.root),
        "recorded": bool(models),
        "image": any(store.image(project, name) for name in models),
        "monitored": any(item.model in models for item in deploy.watched(project)),
        "scheduled": any(item.notebook == pipeline.notebook for item in Schedules(project).list()),
    }


def _shown(path: Source) -> str:
    """Return a path as a command started here would take it."""
    given = Path(path)
    if given.is_absolute() and given.is_relative_to(Path.cwd()):
        return str(given.relative_to(Path.cwd()))
    return str(given)
