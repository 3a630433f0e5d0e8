"""SQLite files on file systems that are not as they should be: locks that do not work, and what refusals mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING

from nbprod.core.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

BUSY_SECONDS = 30.0
STALE_LOCK_SECONDS = 60.0
_LEFT_OPEN: list[sqlite3.Connection] = []


def close_later(link: sqlite3.Connection, *, wal: bool) -> None:
    """Leave a connection to a file with a write-ahead log open until another takes its place, or the process ends.

    Closing the last one of a file makes SQLite move the log into the file and sync both, and the next that writes sync
    a new log: milliseconds of every command, on a slow disk many of them. A log that stays is as safe.
    """
    if not wal or os.name != "posix":  # elsewhere a file that is open cannot be removed
        link.close()
        return
    before, _LEFT_OPEN[:] = [*_LEFT_OPEN], [link]
    for other in before:
        other.close()


def patiently(link: sqlite3.Connection, statement: str) -> None:
    """Execute what SQLite's own busy timeout does not cover: two first runs may change the journal mode at once."""
    for _ in range(int(BUSY_SECONDS * 100)):
        try:
            link.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.01)
        else:
            return
    link.execute(statement)


def locks_are_broken(error: sqlite3.Error) -> bool:
    """Whether an error says that the file system's locks do not work."""
    return any(text in str(error) for text in ("locking protocol", "disk I/O error"))


def break_stale_lock(path: Path) -> None:
    """Remove the lock a killed process left, on file systems where the lock is a folder beside the file."""
    lock = path.with_name(path.name + ".lock")
    with contextlib.suppress(OSError):
        if time.time() - lock.stat().st_mtime > STALE_LOCK_SECONDS:
            lock.rmdir()


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """Return the `StoreError` for what SQLite said of the file."""
    text = str(error)
    if "full" in text:
        return StoreError("NB601", f"no space left for {path}", "free some space, or set NBPROD_HOME to another disk")
    if "readonly" in text or "unable to open" in text:
        return StoreError("NB602", f"{path} cannot be written", "set NBPROD_HOME to a folder that can be written")
    if "locked" in text or "locking" in text:
        return StoreError("NB606", f"{path} is locked by another process", "wait for the other run, then try again")
    if "malformed" in text or "not a database" in text:
        return StoreError("NB607", f"{path} is damaged", f"delete {path}; that costs recomputation only")
    return StoreError("NB603", f"{path} cannot be used: {text}", "look at the disk, or set NBPROD_HOME")
