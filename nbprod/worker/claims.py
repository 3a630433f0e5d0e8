"""Which files this process writes: of two that write one file at once, neither knows what it has left.

A claim is a lock on one byte of a file in nbprod's home, held as long as the process lives. Who finds it taken sets
that byte, so that its holder knows too. Nobody waits for anybody; where there are no locks, nothing is claimed.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from contextlib import suppress
from typing import Any

SLOTS = 1 << 20
"""Two paths that share one seem to be the same file: their stages run again once more than they had to."""

_fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None


class Claims:
    """The claims of this process; those of a forked child are none.

    Parameters
    ----------
    file
        Where they are made; the same for all that share a home.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._pid = os.getpid()
        self._descriptor = -1
        self._held: dict[str, int] = {}
        self._lost: set[str] = set()

    def claim(self, path: str) -> None:
        """Take note that this process is about to write a file."""
        if path in self._held or path in self._lost or _fcntl is None or self._pid != os.getpid():
            return
        slot = int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:8], "big") % SLOTS
        with suppress(OSError):
            if self._descriptor == -1:
                self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if self._taken(slot):
                self._lost.add(path)
                os.pwrite(self._descriptor, b"!", slot)
                return
            self._held[path] = slot
            if self._marked(slot):
                os.pwrite(self._descriptor, b"\0", slot)

    def contended(self, path: str) -> bool:
        """Whether another process has written that file too since this one began to."""
        return path in self._lost or (path in self._held and self._marked(self._held[path]))

    def _taken(self, slot: int) -> bool:
        try:
            _fcntl.lockf(self._descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB, 1, slot)
        except (BlockingIOError, PermissionError):
            return True
        return False

    def _marked(self, slot: int) -> bool:
        return os.pread(self._descriptor, 1, slot) == b"!"


_known: dict[str, Claims] = {}


def of(home: str) -> Claims:
    """Return the claims of this process in a home."""
    return _known.setdefault(home, Claims(os.path.join(home, "writing.lock")))  # noqa: PTH118 - a text
