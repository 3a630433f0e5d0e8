"""Files that a stage reads and writes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import origins
from .claims import Claims
from .digests import kind_digest, listing_digest, path_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = ("/proc", "/dev", "/sys", "/etc", "/usr", "/lib", "/bin", "/opt/homebrew", "/System", "/Library")
CACHES = (".cache", ".config", ".local", ".ipython", ".jupyter", ".matplotlib", ".keras", "Library/Caches")
SUFFIXES = (".pyc", ".pyo", ".so", ".pyd", ".dylib", ".dll")
PARTS = frozenset({"__pycache__", ".git", ".nbprod", ".ipynb_checkpoints"})


class Files:
    """Keeps what was read and written; every path is absolute, but in the results those of the project's files.

    Parameters
    ----------
    project
        Folder of the project: files in it count wherever it lies.
    home
        Folder in which nbprod keeps its own files.
    folder
        The notebook's folder.
    run
        The run's id.
    """

    def __init__(self, project: str, home: str, folder: str, run: str = "") -> None:
        self.project = project
        self._folder = folder
        self._ignored = tuple(sorted(_ignored(home)))
        self._stamps: dict[str, tuple[int, int] | None] = {}
        self._before: dict[str, str | None] = {}
        self._written: set[str] = set()
        self._replaced: set[str] = set()
        self._claims = Claims(os.path.join(home, "writing.lock"), run)  # noqa: PTH118 - a text
        self.disturbed: list[str] = []
        self.contended: list[str] = []

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

    def asked(self, path: str) -> None:
        """Take note that it is asked whether there is such a file."""
        key = f"{path}?"
        if key not in self._before and path not in self._written and not self.uninteresting(path):
            self._before[key] = kind_digest(path)

    def write(self, path: str) -> None:
        """Take note that a file is about to be written, moved or removed."""
        if self.uninteresting(path):
            return
        if path in self._stamps and path not in self._before:
            self._before[path] = path_digest(path)
        if path not in self._written and _stamp(path) is not None:
            self._replaced.add(path)
        self._written.add(path)
        self._claims.claim(path)

    def rewritten(self, earlier: Mapping[str, str | None]) -> None:
        """Take note of files that are no longer as they were: opened before anybody watched, or another run's doing."""
        for name, digest in earlier.items():
            path = os.path.join(self._folder, name)  # noqa: PTH118 - a text
            if path_digest(path) != digest:
                self._written.add(os.path.normpath(path))
                if self._claims.foreign(os.path.normpath(path)):
                    self.contended.append(os.path.normpath(path))

    def results(self) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """Return digests of what was read, as it was then, and of what was written, as it is now."""
        read = dict(self._before)
        for path, stamp in self._stamps.items():
            if path not in read and not Path(path).is_dir():
                read[path] = path_digest(path)
                if _stamp(path) != stamp:
                    self.disturbed.append(path)
        made = {f"{path}?" for path in self._written if Path(path).is_dir()}
        read = {path: digest for path, digest in read.items() if path not in made}
        written = {path: path_digest(path) for path in sorted(self._written) if not Path(path).is_dir()}
        self.contended += [path for path in written if self._claims.contended(path)]
        self._claims.release()
        kept = {path: value for path, value in written.items() if self._kept(path, value)}
        return self.portable(dict(sorted(read.items()))), self.portable(kept)

    def release(self) -> None:
        """Let others write what this stage wrote."""
        self._claims.release()

    def portable(self, digests: dict[str, str | None]) -> dict[str, str | None]:
        """Return digests with the paths of the project's files relative to the notebook: a project can be moved."""
        return {self._portable(path): digest for path, digest in digests.items()}

    def _portable(self, path: str) -> str:
        inside = path.startswith(self.project + os.sep)
        return os.path.relpath(path, self._folder) + "/" * path.endswith("/") if inside else path

    def _kept(self, path: str, digest: str | None) -> bool:
        """Leave out what is gone again, and temporary files outside the project."""
        if path.startswith(self.project + os.sep):
            return digest is not None or path in self._before or path in self._replaced
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
