"""Content-addressed files: `root/<aa>/<hex>`, written once, verified once in each boot of the machine.

Several processes may write the same content at the same time: each writes a file of its own and renames it into place,
so a reader sees all of it or nothing. Nothing is synced to the disk on purpose: what a crash leaves behind fails its
verification, is removed, and is computed again.

What was verified is told by an extended attribute of the file itself: it goes with the file, needs no lock and no
cleaning up. It stands for boot, inode, size and time of the last change; where one of them is another, or the system
has no such thing (macOS, Windows, some file systems), the content is hashed whenever it is read.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import mmap
import os
import re
import time
from pathlib import Path
from typing import Any

_NAME = re.compile(r"(blake3|sha256)(-[1-9][0-9]{0,18})?:[0-9a-f]{64}")
MAPPED = 1 << 20
"""Smaller files are read into memory instead: a mapping costs a file descriptor."""
CHUNK = 64 << 20
ATTRIBUTE = "user.nbprod"
TICK_NS = 50_000_000
"""A file changed so short a time ago may change again without its time telling."""
SECOND_NS = 1_000_000_000

_blake3: Any
try:
    import blake3 as _blake3
except ImportError:  # the user's interpreter need not have it
    _blake3 = None


class BufferDamaged(LookupError):
    """A buffer is missing, cut short, or not what its digest says."""


def hashing(algorithm: str = "") -> Any:
    """Return what hashes bytes piece by piece: `update` and `hexdigest`; the fastest algorithm at hand unless named.

    On one thread: the threads that blake3 would start are not there in a fork, which would wait for them for ever.
    """
    if (algorithm or fastest()) == "sha256":
        return hashlib.sha256()
    if _blake3 is None:
        raise BufferDamaged(f"this Python cannot verify a {algorithm} digest: python -m pip install {algorithm}")
    return _blake3.blake3()


def fastest() -> str:
    """Return the name of the fastest algorithm at hand."""
    return "sha256" if _blake3 is None else "blake3"


def digest(data: Any, algorithm: str = "") -> str:
    """Return `algorithm:hex` of bytes; the fastest algorithm at hand unless one is named.

    Parameters
    ----------
    data
        Bytes, or a flat view of them.
    algorithm
        `blake3` or `sha256`. `blake3-8000000` hashes parts of that many bytes, then their digests one after another.
    """
    base, _, size = (algorithm or fastest()).partition("-")
    if size:
        view = memoryview(data)
        return joined([digest(view[at : at + int(size)], base) for at in range(0, len(view), int(size))], int(size))
    found = hashing(base)
    found.update(data)
    return f"{base}:{found.hexdigest()}"


def joined(parts: list[str], size: int) -> str:
    """Return the digest of content whose parts of `size` bytes have these digests."""
    base = parts[0].partition(":")[0]
    found = hashing(base)
    for part in parts:
        found.update(bytes.fromhex(part.partition(":")[2]))
    return f"{base}-{size}:{found.hexdigest()}"


class Buffers:
    """The store's buffers, as a worker or a reader sees them.

    Parameters
    ----------
    root
        Folder of the buffers; made when the first one is written.
    """

    def __init__(self, root: str) -> None:
        self.root = Path(root)

    def path(self, name: str) -> Path:
        """Return where the buffer with this digest is kept.

        Raises
        ------
        BufferDamaged
            When `name` is not a digest, so that no manifest can point outside the store.
        """
        if not _NAME.fullmatch(name):
            raise BufferDamaged(f"{name!r} is not the digest of a buffer")
        value = name.partition(":")[2]
        return self.root / value[:2] / value

    def put(self, data: bytes | memoryview) -> str:
        """Store `data` and return its digest; what is there already is only marked as used now.

        Raises
        ------
        OSError
            When it cannot be written (disk full, read-only); nothing half-written is left behind.
        """
        view = flat(data)
        name = digest(view)
        self.keep(name, view)
        return name

    def keep(self, name: str, view: memoryview) -> None:
        """Store bytes under the digest that the caller has found out; raises as `put` does."""
        path = self.path(name)
        if not use(path, view.nbytes):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, view)

    def adopt(self, name: str, file: Path) -> None:
        """Move a file of the same file system into the store, verified; raises `BufferDamaged`, and `OSError`."""
        path = self.path(name)
        with file.open("rb", buffering=0) as opened:
            if digest(_read(opened, writable=False), name.partition(":")[0]) != name:
                raise BufferDamaged(f"what was to be buffer {name} is something else")
            _seal(opened.fileno())
        file.replace(path)

    def get(self, name: str, *, writable: bool = True, again: bool = False) -> memoryview:
        """Return the content; when `writable`, changes stay private to this process.

        With `again` it is hashed even if it was verified since the machine was started.

        Raises
        ------
        BufferDamaged
            When it is missing or not what its digest says; a damaged file is removed, so that it can be written again.
        """
        path = self.path(name)
        try:
            with path.open("rb", buffering=0) as file:
                content = _read(file, writable)
                if (not again and _verified(file.fileno())) or _verify(file.fileno(), content, name):
                    return memoryview(content)
        except FileNotFoundError:
            raise BufferDamaged(f"buffer {name} is missing from {self.root}") from None
        except OSError as error:
            raise BufferDamaged(f"buffer {name} cannot be read: {error.strerror or error}") from error
        with contextlib.suppress(OSError):
            path.unlink()
        raise BufferDamaged(f"buffer {name} is damaged; it was removed and has to be computed again")


def flat(data: bytes | memoryview) -> memoryview:
    """Return a view of bytes as bytes."""
    return memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")


def use(path: Path, size: int | None = None) -> bool:
    """Whether a file is there, of that size; if so, `store gc` is told that somebody is about to refer to it."""
    try:
        status = path.stat()
        if size not in (None, status.st_size):
            return False
        os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
    except FileNotFoundError:
        return False
    except OSError:  # not ours, or a read-only store: nobody can remove it either
        return True
    return True


def _write(path: Path, view: memoryview) -> None:
    import tempfile

    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
            _reserve(file.fileno(), view.nbytes)
            for start in range(0, view.nbytes, CHUNK):
                piece = view[start : start + CHUNK]
                while piece.nbytes:
                    piece = piece[file.write(piece) :]
            _seal(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _reserve(handle: int, size: int) -> None:
    """Tell the file system how much will come: it takes it faster, and says at once when there is no room."""
    if size < MAPPED or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise


def _read(file: Any, writable: bool) -> Any:
    size = os.fstat(file.fileno()).st_size
    if size >= MAPPED:
        access = mmap.ACCESS_COPY if writable else mmap.ACCESS_READ
        try:
            return mmap.mmap(file.fileno(), 0, access=access)
        except OSError:  # out of descriptors or of mappings: reading still works
            file.seek(0)
    content = bytearray(size)
    filled = 0
    while filled < size and (count := file.readinto(memoryview(content)[filled:])):
        filled += count
    if filled < size:
        raise OSError(f"only {filled} of {size} bytes were there")
    return content if writable else bytes(content)


# what was verified


def _verify(handle: int, content: Any, name: str) -> bool:
    """Whether content is what its name says; that it is, is remembered unless it may have changed meanwhile."""
    before = os.fstat(handle)
    if digest(content, name.partition(":")[0]) != name:
        return False
    if time.time_ns() - before.st_mtime_ns > TICK_NS:
        with contextlib.suppress(OSError):
            _mark(handle, before)
    return True


def _verified(handle: int) -> bool:
    """Whether this very file was verified, or written, since the machine was started."""
    token = _token(os.fstat(handle))
    try:
        return token is not None and os.getxattr(handle, ATTRIBUTE) == token
    except OSError:
        return False


def _seal(handle: int) -> None:
    """Remember that a new file, which nobody else has yet, is what its name will say."""
    now = time.time_ns()
    with contextlib.suppress(OSError):  # dated back, so that any later change has another time
        os.utime(handle, ns=(now, now - SECOND_NS))
        _mark(handle)


def _mark(handle: int, status: os.stat_result | None = None) -> None:
    token = _token(status or os.fstat(handle))
    if token is not None:
        os.setxattr(handle, ATTRIBUTE, token)


def _token(status: os.stat_result) -> bytes | None:
    """Return what stands for a file as it is in this boot; None where that cannot be told."""
    boot = _boot()
    if not boot:
        return None
    text = f"{boot}:{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
    return hashlib.sha256(text.encode()).digest()[:16]  # short: it fits into the inode


_boots: list[str] = []


def _boot() -> str:
    """Return the id of this boot of the machine, empty where there is none."""
    if not _boots:
        try:
            _boots.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        except OSError:
            _boots.append("")
    return _boots[0] if hasattr(os, "getxattr") else ""
