"""Which notebook a request means: a path of the server's own tree, never anything outside it."""

from __future__ import annotations

import os.path
import re
from pathlib import Path

from nbprod.core.errors import MissingValue, NotebookError

DRIVE = re.compile(r"^[A-Za-z][A-Za-z0-9_.+-]*:")
"""What some contents managers put before a path, as `RTC:` of real-time collaboration."""


def confined(root: str | Path, path: str, *, hidden: bool = False) -> Path:
    """Return the notebook at `path` (with forward slashes, relative to `root`); raises `NotebookError` otherwise.

    As in Jupyter's own contents manager, links inside the tree are followed: whoever made them meant it. Hidden files
    are not there unless `hidden` says so.
    """
    top = top_of(root)
    for asked in (path, DRIVE.sub("", path, count=1)):
        found = _within(top, asked)
        if found is not None and (hidden or not _hidden(found, top)):
            return found
    shown = path.replace("\0", "") or "(no path)"
    raise NotebookError("NB001", f"there is no notebook {shown}", "save the notebook, then try again")


def folder(root: str | Path, path: str) -> Path:
    """Return the folder at `path` below `root`; raises `NotebookError` for any other place."""
    top = top_of(root)
    for asked in (path, DRIVE.sub("", path, count=1)):
        found = Path(os.path.normpath(top / asked.lstrip("/"))) if "\0" not in asked else top.parent
        if found.is_relative_to(top) and found.is_dir() and not _hidden(found, top):
            return found
    shown = path.replace("\0", "")
    raise NotebookError("NB001", f"there is no folder {shown}", "choose a folder below the server's root")


def relative(root: str | Path, notebook: Path) -> str:
    """Return a notebook's path below `root` with forward slashes, as the front end names it."""
    return notebook.relative_to(top_of(root)).as_posix()


def below(root: str | Path, file: Path) -> bool:
    """Whether a file is in the server's tree, as it is named or where its links lead."""
    top = top_of(root)
    named = Path(os.path.normpath(file.absolute()))
    return named.is_relative_to(top) or named.is_relative_to(top.resolve()) or file.resolve().is_relative_to(top)


def kept(folder: Path, file: Path, what: str) -> Path:
    """Return a file that is where nbprod keeps such files, links followed; raises `MissingValue` for any other."""
    if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
        raise MissingValue("NB619", f"there is no {what}", "it may have been removed; run the notebook again")
    return file


def top_of(root: str | Path) -> Path:
    """Return the server's root as an absolute path without `..`."""
    return Path(os.path.normpath(Path(root).expanduser().absolute()))


def _within(top: Path, path: str) -> Path | None:
    if "\0" in path:
        return None
    found = Path(os.path.normpath(top / path.lstrip("/")))
    try:
        there = found.is_relative_to(top) and found.suffix == ".ipynb" and found.is_file()
    except OSError:  # a name that is too long for a file system
        return None
    return found if there else None


def _hidden(found: Path, top: Path) -> bool:
    from jupyter_core.paths import is_hidden

    return bool(is_hidden(str(found), str(top)))
