"""Which files a stage writes: of two that write one file at once, neither knows what it has left.

A claim is a lock on a few bytes of a file in nbprod's home, held until the stage ends. Whoever claims writes into them
which run and which stage it is, also where the lock is taken: so its holder knows too. Nobody waits for anybody; where
there are no locks, nothing is claimed.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from contextlib import suppress
from typing import Any

SLOTS = 1 << 18
"""Two paths that share one seem to be the same file: their stages run again once more than they had to."""
WIDTH = 16

_fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None


class Claims:
    """The claims of one stage; a process that its cells fork has none.

    Parameters
    ----------
    file
        Where they are made; the same for all that share a home.
    run
        The run that the stage is part of.
    """

    def __init__(self, file: str, run: str) -> None:
        self._file = file
        self._pid = os.getpid()
        self._run = hashlib.sha256(run.encode()).digest()[: WIDTH // 2]
        self._sign = self._run + os.urandom(WIDTH // 2)
        self._descriptor = -1
        self._held: set[str] = set()
        self._lost: set[str] = set()

    def claim(self, path: str) -> None:
        """Take note that the stage is about to write a file."""
        if path in self._held or path in self._lost or _fcntl is None or self._pid != os.getpid():
            return
        with suppress(OSError):
            at = _place(path)
            (self._held if self._locked(at) else self._lost).add(path)
            os.pwrite(self._opened(), self._sign, at)

    def contended(self, path: str) -> bool:
        """Whether another stage has begun to write that file too while this one did."""
        return path in self._lost or (path in self._held and self._last(path) != self._sign)

    def foreign(self, path: str) -> bool:
        """Whether it was a stage of another run that wrote that file last."""
        return self._last(path)[: WIDTH // 2] not in (self._run, bytes(WIDTH // 2), b"")

    def release(self) -> None:
        """End all claims."""
        if self._descriptor != -1 and self._pid == os.getpid():
            os.close(self._descriptor)
            self._descriptor = -1
        self._held.clear()

    def _opened(self) -> int:
        """Return the one descriptor: closing another of the same file would end all locks of the process."""
        if self._descriptor == -1:
            self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptor

    def _locked(self, at: int) -> bool:
        try:
            _fcntl.lockf(self._opened(), _fcntl.LOCK_EX | _fcntl.LOCK_NB, WIDTH, at)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _last(self, path: str) -> bytes:
        """Return the sign of the stage that has claimed a file last."""
        with suppress(OSError):
            return os.pread(self._opened(), WIDTH, _place(path)) if _fcntl is not None else b""
        return b""


def _place(path: str) -> int:
    return int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:8], "big") % SLOTS * WIDTH
