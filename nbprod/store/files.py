"""Files: written whole or not at all, and hashed no more often than they change."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "lustre", "glusterfs", "beegfs", "afs")


@contextmanager
def storing(place: Path) -> Iterator[None]:
    """Turn the file system's refusals below `place` into `StoreError`s that say what to do."""
    try:
        yield
    except OSError as error:
        raise refusal(place, error) from error


def refusal(place: Path, error: OSError) -> StoreError:
    """Return the `StoreError` for what the file system said of `place`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError("NB601", f"no space left for {place}", "free some space, or set NBPROD_HOME to another disk")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        hint = "set NBPROD_HOME to a folder that can be written"
        return StoreError("NB602", f"{place} cannot be written: {error.strerror}", hint)
    return StoreError("NB603", f"{place} cannot be used: {error}", "look at the disk, or set NBPROD_HOME")


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically: readers see the old file or the new one, never a part."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".new-{path.name}.{os.urandom(6).hex()}")  # tempfile takes 3 ms to import
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON to `path`, atomically."""
    write_text(path, json.dumps(value, ensure_ascii=False, default=str))


def digest_text(text: str) -> str:
    """Return a short digest of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def digest_json(value: Any) -> str:
    """Return a short digest of a JSON value, whatever the order of its keys."""
    return digest_text(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str))


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_system(path: Path) -> str:
    """Return the type of the file system `path` is on, such as `ext4` or `nfs4`; empty where that is not known."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    best, found = "", ""
    text = str(path.resolve())
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        inside = text == point or text.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, found = point, kind
    return found


def on_network(path: Path) -> bool:
    """Whether `path` is on a file system shared between machines, where SQLite's WAL must not be used."""
    kind = file_system(path)
    return kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse.")


def locks_work(folder: Path) -> bool:
    """Whether POSIX locks work in `folder`; SQLite depends on them."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows: SQLite uses that system's own locks
    with storing(folder):
        handle = os.open(folder / "ledger.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    finally:
        os.close(handle)
    return True
