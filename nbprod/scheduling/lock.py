"""One server a project: a file lock the operating system lets go when the process ends, however it ends."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from nbprod.core.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_server(path: Path) -> Iterator[None]:
    """Hold the lock; raises `ScheduleError` naming the process that holds it."""
    with path.open("a+", encoding="utf-8") as file:
        if not _lock(file):
            found = holder(path) or {}
            hint = f"process {found.get('pid', 'unknown')} does; stop that one first"
            raise ScheduleError("NB826", "another process already serves the schedules of this project", hint)
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}))
        file.flush()
        yield


def holder(path: Path) -> dict[str, Any] | None:
    """Return `pid` and `since` of the process that holds the lock, None when none does."""
    try:
        with path.open("r+", encoding="utf-8") as file:
            if _lock(file, shared=True):
                return None
            found: dict[str, Any] = json.loads(file.read() or "{}")
            return found
    except FileNotFoundError:
        return None


def _lock(file: IO[str], *, shared: bool = False) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _lock_byte(file)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        hint = "set NBPROD_HOME to a folder on a local disk"
        raise ScheduleError("NB827", f"{file.name} cannot be locked: {error.strerror}", hint) from error
    return True


def _lock_byte(file: IO[str]) -> bool:
    import msvcrt

    file.seek(1 << 20)  # beyond the text, which others may read
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # Windows only
    except OSError:
        return False
    finally:
        file.seek(0)
    return True
