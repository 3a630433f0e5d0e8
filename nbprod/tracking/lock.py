"""One process at a time, also where file locks do not work; and whether a process is still the one that was meant."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import time
from pathlib import Path
from typing import Any

_fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None


def identity(pid: int) -> str | None:
    """Return what tells a process from a later one with the same id; None where the system does not say.

    A process that ended and was not yet waited for (state Z) has none either.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def alive(pid: int, born: str | None) -> bool:
    """Say whether the process that had this id, and this identity, still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it belongs to somebody else, but it runs
    return born is None or identity(pid) == born


def me() -> dict[str, Any]:
    """Return how this process is recognised later."""
    return {
        "pid": os.getpid(),
        "born": identity(os.getpid()),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


class ProcessLock:
    """A lock held by one process; a killed holder loses it.

    Parameters
    ----------
    path
        The lock's file; it says who holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._marker: Path | None = None

    def acquire(self, timeout: float = 0.0) -> bool:
        """Take the lock, waiting at most `timeout` seconds; False when another process holds it."""
        end = time.monotonic() + timeout
        while not self._try():
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._marker is not None:
            self._marker.unlink(missing_ok=True)
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
        self._descriptor = self._marker = None

    def holder(self) -> dict[str, Any] | None:
        """Return the process that holds the lock, None when nobody does."""
        for file in (self.path, self._held()):
            with contextlib.suppress(OSError, ValueError, KeyError):
                found: dict[str, Any] = json.loads(file.read_text())
                if alive(found["pid"], found["born"]):
                    return found
        return None

    def _try(self) -> bool:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        taken = self._lock(descriptor)
        if taken is None:
            taken = self._mark()
        if not taken:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(me()).encode())
        self._descriptor = descriptor
        return True

    def _lock(self, descriptor: int) -> bool | None:
        """Lock the file; None where the file system has no locks."""
        if _fcntl is None:
            return None
        try:
            _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True

    def _held(self) -> Path:
        return self.path.with_name(self.path.name + ".held")

    def _mark(self) -> bool:
        """Take the lock by making a file; one left by a dead process is moved away first."""
        marker = self._held()
        if marker.exists() and self.holder() is None:
            stale = marker.with_name(f"{marker.name}.{os.getpid()}")
            with contextlib.suppress(OSError):
                marker.rename(stale)
                stale.unlink()
        try:
            descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        os.write(descriptor, json.dumps(me()).encode())
        os.close(descriptor)
        self._marker = marker
        return True
