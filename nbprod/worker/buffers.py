"""Content-addressed files: `root/<aa>/<hex>`, written once, verified whenever they are read.

Several processes may write the same content at the same time: each writes a file of its own and renames it into place,
so a reader sees all of it or nothing. Nothing is synced to the disk on purpose: what a crash leaves behind fails its
verification, is removed, and is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

ALGORITHMS = ("blake3", "sha256")
MAPPED = 1 << 20
"""Smaller files are read into memory instead: a mapping costs a file descriptor."""
THREADED = 8 << 20
CHUNK = 64 << 20

_blake3: Any
try:
    import blake3 as _blake3
except ImportError:  # the user's interpreter need not have it
    _blake3 = None


class BufferDamaged(LookupError):
    """A buffer is missing, cut short, or not what its digest says."""


def digest(data: bytes | memoryview | mmap.mmap, algorithm: str | None = None) -> str:
    """Return `algorithm:hex` of `data`; the fastest algorithm at hand unless one is named."""
    algorithm = algorithm or ("blake3" if _blake3 is not None else "sha256")
    if algorithm == "sha256":
        return f"sha256:{hashlib.sha256(data).hexdigest()}"
    if algorithm != "blake3" or _blake3 is None:
        raise BufferDamaged(f"this Python cannot verify a {algorithm} digest: python -m pip install {algorithm}")
    threads = _blake3.blake3.AUTO if len(data) >= THREADED else 1
    return f"blake3:{_blake3.blake3(data, max_threads=threads).hexdigest()}"


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
        algorithm, _, value = name.partition(":")
        if algorithm not in ALGORITHMS or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
            raise BufferDamaged(f"{name!r} is not the digest of a buffer")
        return self.root / value[:2] / value

    def put(self, data: bytes | memoryview) -> str:
        """Store `data` and return its digest.

        Raises
        ------
        OSError
            When it cannot be written (disk full, read-only); nothing half-written is left behind.
        """
        view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
        name = digest(view)
        path = self.path(name)
        with contextlib.suppress(OSError):
            if path.stat().st_size == view.nbytes:
                return name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write(path, view)
        return name

    @staticmethod
    def _write(path: Path, view: memoryview) -> None:
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
                for start in range(0, view.nbytes, CHUNK):
                    piece = view[start : start + CHUNK]
                    while piece.nbytes:
                        piece = piece[file.write(piece) :]
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise

    def get(self, name: str, *, writable: bool = True) -> memoryview:
        """Return the content; when `writable`, changes stay private to this process.

        Raises
        ------
        BufferDamaged
            When it is missing or not what its digest says; a damaged file is removed, so that it can be written again.
        """
        path = self.path(name)
        try:
            content = _read(path, writable)
        except FileNotFoundError:
            raise BufferDamaged(f"buffer {name} is missing from {self.root}") from None
        except OSError as error:
            raise BufferDamaged(f"buffer {name} cannot be read: {error.strerror or error}") from error
        if digest(content, name.partition(":")[0]) == name:
            return memoryview(content)
        with contextlib.suppress(OSError):
            path.unlink()
        raise BufferDamaged(f"buffer {name} is damaged; it was removed and has to be computed again")


def _read(path: Path, writable: bool) -> Any:
    with path.open("rb", buffering=0) as file:
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
