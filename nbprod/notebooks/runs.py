"""`%run`: what such a line asks for, and the notebooks and scripts it names."""

from __future__ import annotations

import re
import shlex
import tokenize
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.core.errors import NotebookError, Where
from nbprod.core.notebook import Cell, Notebook
from nbprod.notebooks.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LINE = re.compile(r"""^[ \t]*%run[ \t]+(.+)$|run_line_magic\(\s*['"]run['"]\s*,\s*(['"])(.+?)\2\s*\)""", re.MULTILINE)
ALLOWED = frozenset("iG")


@dataclass(frozen=True, slots=True)
class RunLine:
    """A `%run` line: the path as written, arguments, whether a script shares the notebook's names (`-i`).

    `problem` says why it cannot be followed, empty when it can.
    """

    path: str = ""
    arguments: tuple[str, ...] = ()
    shares: bool = False
    problem: str = ""
    fix: str = ""


def parse_run(text: str) -> RunLine:
    """Return what the text after `%run` asks for."""
    if "$" in text or "{" in text:
        return RunLine(problem="which file it runs is known only when it runs", fix="write the file's name")
    try:
        words = shlex.split(text)
    except ValueError as error:
        return RunLine(problem=f"it cannot be read: {error}", fix="%run FILE")
    options: set[str] = set()
    while words and words[0].startswith("-") and words[0] != "--":
        options |= set(words.pop(0)[1:])
    words = words[1:] if words[:1] == ["--"] else words
    if "m" in options:
        return RunLine(problem="-m runs a module out of sight", fix="import the module's function and call it")
    if options - ALLOWED:
        return RunLine(problem=f"-{min(options - ALLOWED)} is not followed", fix="%run FILE, with -i or arguments")
    if not words:
        return RunLine(problem="it names no file", fix="%run FILE")
    if any(set("*?[~") & set(word) for word in words[1:]) and "G" not in options:
        return RunLine(problem="its arguments depend on the files that are there", fix="write them out")
    return RunLine(words[0], tuple(words[1:]), "i" in options)


def with_runs(notebook: Notebook, folder: Path, relative: Callable[[Path], str]) -> Notebook:
    """Return the notebook with all that its `%run` lines name, directly or by way of another.

    Parameters
    ----------
    notebook
        As read.
    folder
        Its folder, where `%run` starts from however deep it is nested.
    relative
        Gives a file its name in the project.
    """
    found: dict[str, Notebook] = {}
    todo = [notebook]
    while todo:
        for path in _named(todo.pop()):
            file = _file(folder, path) if path not in found else None
            if file is not None:
                found[path] = _read(file, relative(file))
                todo.append(found[path])
    return replace(notebook, runs=found) if found else notebook


def _named(notebook: Notebook) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.kind == "code" and "run" in cell.body:
            for match in _LINE.finditer(cell.body):
                line = parse_run(match[1] or match[3])
                if line.path:
                    yield line.path


def _file(folder: Path, path: str) -> Path | None:
    """Return the file that IPython would run: as written, else with `.py` at its end."""
    try:
        near = folder / Path(path).expanduser()
        return next((item for item in (near, near.with_name(near.name + ".py")) if item.is_file()), None)
    except (OSError, RuntimeError, ValueError):
        return None


def _read(file: Path, name: str) -> Notebook:
    if file.suffix == ".ipynb":
        return read(file, name)
    try:
        with tokenize.open(file) as stream:
            text = stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise NotebookError("NB001", f"{name} cannot be read: {error}", None, Where(name)) from error
    return Notebook(name, (Cell(0, "script", "code", text, text),))
