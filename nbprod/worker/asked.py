"""Whether files exist and how large they are, asked by the user's own code: Python tells of no event for that."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

from . import origins
from .files import absolute

if TYPE_CHECKING:
    from collections.abc import Callable

    from .files import Files

EXISTENCE = frozenset({"exists", "lexists", "isfile", "isdir", "islink", "is_file", "is_dir", "is_symlink"})
SIZE = frozenset({"getsize", "getmtime", "stat", "lstat"})
THROUGH = ("pathlib", "genericpath", "posixpath", "ntpath", "os")
FUNCTIONS = ("stat", "lstat", "access")

_watching: list[Files] = []


def watch(files: Files) -> None:
    """Tell `files` from now on."""
    for name in FUNCTIONS:
        plain = getattr(os, name)
        if not hasattr(plain, "_nbprod_plain"):
            wrapped = _wrapped(plain)
            for known in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
                if plain in known:
                    known.add(wrapped)
            setattr(os, name, wrapped)
    _watching[:] = [files]


def unwatch() -> None:
    """Tell nobody any more."""
    _watching.clear()


def _wrapped(plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def wrapped(path: Any, *arguments: Any, **options: Any) -> Any:
        asks_itself = sys._getframe(1).f_code.co_filename.startswith(origins.OWN)
        if _watching and not asks_itself and not isinstance(path, int):
            _note(path)
        return plain(path, *arguments, **options)

    wrapped._nbprod_plain = plain  # type: ignore[attr-defined]  # the mark that this was done
    return wrapped


def _note(path: Any) -> None:
    files = _watching[0]
    how = _how()
    file = absolute(os.fspath(path)) if how else None
    if file is None or files.uninteresting(file):
        return
    if how in SIZE and not os.path.isdir(file):  # noqa: PTH112 - as the rest here
        files.read(file)
    else:
        files.asked(file)


def _how() -> str:
    """Return through which function of the standard library the user's own code asks; empty when it does not."""
    how = "stat"
    for frame in origins.frames(own=True):
        file = frame.f_code.co_filename
        if file in (__file__, origins.__file__):
            continue
        if file.startswith(origins.OWN):
            return ""
        if origins.kind(file) == "user":
            return how
        name = frame.f_code.co_name
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in THROUGH:
            return ""
        if how not in EXISTENCE and name in EXISTENCE | SIZE:
            how = name
        elif name not in EXISTENCE | SIZE:
            return ""  # part of something larger, such as makedirs
    return ""
