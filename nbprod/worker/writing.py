"""Writes many buffers at once: large ones are hashed and written by threads, while the caller goes on.

What a table is stored in holds several columns. The digest of such a buffer is made of those of its columns, and the
canonical digest of the table needs the same ones: each is computed once, by whoever needs it first.
"""

from __future__ import annotations

import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from .buffers import digest, flat, joined

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .buffers import Buffers

LARGE = 1 << 18
THREADS = 2


class Writing:
    """What is being written to `buffers`; all of it is there when the `with` block is left.

    The threads end with the block: a process that forks afterwards has none of them. Nobody may be told of a buffer
    before.
    """

    def __init__(self, buffers: Buffers) -> None:
        self._buffers = buffers
        self._todo: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._failed: BaseException | None = None
        self._parts: dict[tuple[int, int], _Part] = {}

    def __enter__(self) -> Writing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failed = self._failed or error  # what is still to be written need not be
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()
        if error is None and self._failed is not None:
            raise self._failed

    def put(self, data: bytes | memoryview) -> Callable[[], str]:
        """Store `data`, by rows where it has two dimensions; what is returned gives its digest after the block."""
        view = flat(data)
        rows, *rest = memoryview(data).shape or (0,)
        job = _Job(view, view.nbytes // rows if rest else 0)
        if view.nbytes < LARGE or not self._helped():
            self._buffers.keep(job.name(), view)
            return job.name
        for piece in job.parts:
            address = _address(piece.view)
            if address is not None:
                self._parts[address, piece.view.nbytes] = piece
        self._todo.put(job)
        return job.name

    def digest(self, data: bytes | memoryview) -> str:
        """Return the digest of bytes, which may be a part of what is being written."""
        view = flat(data)
        address = _address(view)
        known = self._parts.get((address, view.nbytes)) if address is not None else None
        return known.digest() if known is not None else digest(view)

    def _helped(self) -> bool:
        """Whether there is a thread to write; one more is started for each of the first large buffers."""
        if len(self._threads) < THREADS:
            thread = threading.Thread(target=self._work, name="nbprod-writing", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads are allowed here
                return bool(self._threads)
            self._threads.append(thread)
        return True

    def _work(self) -> None:
        while (job := self._todo.get()) is not None:
            if self._failed is None:
                try:
                    self._buffers.keep(job.name(), job.view)
                except BaseException as error:  # noqa: BLE001 - it is raised where the block ends
                    self._failed = error


class _Job:
    """A buffer to write, and the size of its parts, 0 where it is one."""

    def __init__(self, view: memoryview, size: int) -> None:
        self.view = view
        self.size = size if size < view.nbytes else 0
        step = self.size or max(view.nbytes, 1)
        self.parts = [_Part(view[at : at + step]) for at in range(0, max(view.nbytes, 1), step)]

    def name(self) -> str:
        """Return its digest; from the last part on, as the one who needs them for the table begins with the first."""
        for part in reversed(self.parts):
            part.digest()
        found = [part.digest() for part in self.parts]
        return joined(found, self.size) if self.size else found[0]


class _Part:
    """Bytes, and their digest from when it is asked for first."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self._lock = threading.Lock()
        self._digest = ""

    def digest(self) -> str:
        with self._lock:
            self._digest = self._digest or digest(self.view)
            return self._digest


def _address(view: memoryview) -> int | None:
    np = sys.modules.get("numpy")
    if np is None or not hasattr(np, "frombuffer") or not view.nbytes:
        return None
    return int(np.frombuffer(view, "u1").__array_interface__["data"][0])
