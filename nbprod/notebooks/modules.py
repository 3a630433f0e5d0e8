"""The modules beside a notebook that its cells import: what they do is part of what a stage does."""

from __future__ import annotations

import re
import tokenize
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbprod.core.notebook import Notebook

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+([^#\n]+)|import[ \t]+([^#\n]+))", re.MULTILINE)


def with_modules(notebook: Notebook, folder: Path) -> Notebook:
    """Return the notebook with the texts of the modules in `folder` that it imports, directly or by way of another."""
    every = (notebook, *notebook.runs.values())
    todo = [name for book in every for cell in book.cells if cell.kind == "code" for name in _imports(cell.body, "")]
    found: dict[str, str] = {}
    asked: set[str] = set()
    while todo:
        name = todo.pop()
        file = _file(folder, name) if name not in asked else None
        asked.add(name)
        todo += [name.rpartition(".")[0]] if "." in name else []  # a package is imported before what is in it
        text = _text(file) if file is not None else None
        if file is not None and text is not None:
            found[name] = text
            todo += _imports(text, name if file.name == "__init__.py" else name.rpartition(".")[0])
    return replace(notebook, modules=found) if found else notebook


def _imports(text: str, package: str) -> Iterator[str]:
    """Yield the dotted names of all modules that a text may import."""
    if "import" not in text:
        return
    for match in _IMPORT.finditer(text):
        if match[3]:
            names = [part.split()[0] for part in match[3].split(",") if part.split()]
            yield from (name for name in names if name.replace(".", "").isidentifier())
            continue
        origin = match[1]
        dots = len(origin) - len(origin.lstrip("."))
        parts = package.split(".")[: len(package.split(".")) - dots + 1] if dots else []
        home = ".".join(filter(None, [*parts, origin.lstrip(".")]))
        if home:
            yield home
        for part in match[2].strip("() \t").split(","):
            if part.split() and part.split()[0].isidentifier():
                yield f"{home}.{part.split()[0]}".lstrip(".")


def _file(folder: Path, name: str) -> Path | None:
    parts = name.split(".")
    if not (folder / parts[0]).is_dir() and len(parts) > 1:
        return None
    path = folder.joinpath(*parts)
    try:
        return next(
            (file for file in (path / "__init__.py", path.with_name(f"{path.name}.py")) if file.is_file()), None
        )
    except OSError:
        return None


def _text(file: Path) -> str | None:
    """Return a module's text, None where it is none: importing it will say so."""
    try:
        with tokenize.open(file) as stream:
            return stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None
