"""Files that a stage reads and writes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import origins
from .digests import listing_digest, path_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = ("/proc", "/dev", "/sys", "/etc", "/usr", "/lib", "/bin", "/opt/homebrew", "/System", "/Library")
CACHES = (".cache", ".config", ".local", ".ipython", ".jupyter", ".matplotlib", ".keras", "Library/Caches")
SUFFIXES = (".pyc", ".pyo", ".so", ".pyd", ".dylib", ".dll")
PARTS = frozenset({"__pycache__", ".git", ".nbprod", ".ipynb_checkpoints"})


class Files:
    """Keeps what was read and written; every path is absolute.

    Parameters
    ----------
    project
        Folder of the project: files in it count wherever it lies.
    home
        Folder in which nbprod keeps its own files.
    """

    def __init__(self, project: str, home: str) -> None:
        self.project = project
        self._ignored = tuple(sorted(_ignored(home)))
        self._stamps: dict[str, tuple[int, int] | None] = {}
        self._before: dict[str, str | None] = {}
        self._written: set[str] = set()
        self.disturbed: list[str] = []

    def read(self, path: str) -> None:
        """Take note that a file is about to be read."""
        if path not in self._stamps and path not in self._written and not self.uninteresting(path):
            self._stamps[path] = _stamp(path)

    def read_now(self, path: str) -> None:
        """Take note of a file as it is at this moment: programs outside Python will change it."""
        if path not in self._written and not self.uninteresting(path):
            self._stamps.setdefault(path, _stamp(path))
            self._before.setdefault(path, path_digest(path))

    def listed(self, path: str) -> None:
        """Take note that the names in a folder are about to be read."""
        key = path.rstrip("/") + "/"
        if key not in self._before and path not in self._written and not self.uninteresting(path):
            self._before[key] = listing_digest(path)

    def write(self, path: str) -> None:
        """Take note that a file is about to be written, moved or removed."""
        if self.uninteresting(path):
            return
        if path in self._stamps and path not in self._before:
            self._before[path] = path_digest(path)
        self._written.add(path)

    def rewritten(self, earlier: Mapping[str, str | None]) -> None:
        """Take note of files that are no longer as they were: they were opened before anybody watched."""
        self._written.update(path for path, digest in earlier.items() if path_digest(path) != digest)

    def results(self) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """Return digests of what was read, as it was then, and of what was written, as it is now."""
        read = dict(self._before)
        for path, stamp in self._stamps.items():
            if path not in read and not Path(path).is_dir():
                read[path] = path_digest(path)
                if _stamp(path) != stamp:
                    self.disturbed.append(path)
        written = {path: path_digest(path) for path in sorted(self._written) if not Path(path).is_dir()}
        return dict(sorted(read.items())), {path: value for path, value in written.items() if self._kept(path, value)}

    def _kept(self, path: str, digest: str | None) -> bool:
        """Leave out what is gone again, and temporary files outside the project."""
        if path.startswith(self.project + os.sep):
            return digest is not None or path in self._before
        return digest is not None and not path.startswith(tempfile.gettempdir() + os.sep)

    def uninteresting(self, path: str) -> bool:
        """Say whether a file is part of the machine, of Python, or of nbprod."""
        if path.endswith(SUFFIXES) or not PARTS.isdisjoint(Path(path).parts):
            return True
        near = max((len(prefix) for prefix in self._ignored if path.startswith(prefix + os.sep)), default=0)
        return near > (len(self.project) if path.startswith(self.project + os.sep) else 0)


def absolute(path: object) -> str | None:
    """Return the absolute form of what `open` was given; None for a descriptor or what no file is called."""
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not isinstance(path, str) or "\0" in path or not path:
        return None
    return os.path.abspath(path)  # noqa: PTH100 - Path.resolve would follow links, which are part of the name


def _ignored(home: str) -> set[str]:
    user = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where there is none
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, home, origins.OWN, *origins.sites(), *origins.STANDARD}
    return {*prefixes, *SYSTEM, *(os.path.join(user, name) for name in CACHES)} - {"/", ""}  # noqa: PTH118 - texts


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - this runs for every file that any library opens
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
