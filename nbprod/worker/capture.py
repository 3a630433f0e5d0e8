"""What cells write: Python's own streams and, below them, file descriptors 1 and 2.

Text of Python's streams is gathered and sent in pieces. Bytes that C code and other programs write to the descriptors
arrive through pipes; they are fetched before each Python text and display, which keeps the order.
"""

from __future__ import annotations

import codecs
import faulthandler
import io
import os
import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .channel import Channel
    from .comms import Taking

PIECE = 32_768  # characters sent at once at most, about
PAUSE = 0.05  # seconds between two sendings of small pieces
NAMES = {1: "stdout", 2: "stderr"}


class Stream(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr`.

    Parameters
    ----------
    capture
        Where text goes.
    fd
        The descriptor it stands over, 1 or 2.
    """

    encoding = "UTF-8"
    errors = "replace"

    def __init__(self, capture: Capture, fd: int) -> None:
        self._capture = capture
        self._fd = fd
        self.name = f"<{NAMES[fd]}>"
        self.mode = "w"
        self.line_buffering = True
        self.write = capture.writer(fd)  # type: ignore[method-assign]  # a method of ours on top would cost a third

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]  # the stub wants buffers too
        """Take several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send soon; a hundred thousand flushed lines are not a hundred thousand messages."""
        self._capture.flush_soon()

    def fileno(self) -> int:
        """Return the descriptor, so that programs started with `stdout=sys.stdout` are caught too."""
        return self._fd

    def isatty(self) -> bool:
        """Return False, as in a notebook."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Do nothing: the cells after this one print too."""

    def reconfigure(self, **_options: Any) -> None:
        """Accept what `sys.stdout.reconfigure` takes; there is nothing to change."""

    @property
    def buffer(self) -> _Bytes:
        """The stream that takes bytes."""
        return _Bytes(self)


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        """Take bytes."""
        raw = bytes(data)
        self._stream.write(raw.decode("utf-8", "replace"))
        return len(raw)

    def writable(self) -> bool:
        """Return True."""
        return True

    def flush(self) -> None:
        """Send soon."""
        self._stream.flush()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._stream.fileno()

    def close(self) -> None:
        """Do nothing."""


class Capture:
    """Gathers what is written and sends it, in order with everything else that is told.

    Parameters
    ----------
    channel
        To the driver, without which nobody wants to know.
    """

    def __init__(self, channel: Channel) -> None:
        self._send = channel.send
        self._driver = channel.driver
        self._end = channel.end
        self._lock = threading.RLock()
        self._pieces: list[str] = []
        self._size = 0
        self._fd = 1
        self._sent = 0.0
        self._forked = False
        self._poll = select.poll()
        self._reads: dict[int, int] = {}
        self._decoders = {fd: codecs.getincrementaldecoder("utf-8")("replace") for fd in NAMES}
        self.index = 0
        self.widget: Taking | None = None

    def install(self) -> None:
        """Put our streams and pipes in the place of the process's own."""
        # What a crash in C code has to say goes past the pipes, whose reader dies with the process.
        faulthandler.enable(os.dup(2))
        # first, while these still are what Python opened: of a file it would ask its position, which a pipe has not
        for stream in (sys.__stdout__, sys.__stderr__):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True, errors="replace")
        for fd in NAMES:
            read, write = os.pipe()
            os.set_blocking(read, False)
            os.dup2(write, fd, inheritable=True)
            os.close(write)
            self._reads[read] = fd
            self._poll.register(read, select.POLLIN)
        sys.stdout, sys.stderr = Stream(self, 1), Stream(self, 2)
        os.register_at_fork(after_in_child=self._in_child)
        threading.Thread(target=self._watch, name="nbprod-capture", daemon=True).start()

    def writer(self, fd: int) -> Callable[[str], int]:
        """Return what takes text of one of Python's streams: in one piece, for a hundred thousand lines go through."""
        lock, pieces, waiting, now = self._lock, self._pieces, self._poll.poll, time.monotonic

        def write(text: str) -> int:
            """Take text."""
            if not isinstance(text, str):
                raise TypeError(f"write() argument must be str, not {type(text).__name__}")
            if self._forked:
                _write_raw(fd, text.encode("utf-8", "replace"))
                return len(text)
            with lock:
                # in the middle of what one print writes nothing of others belongs
                inside = (text == "\n" or text == " ") and pieces and pieces[-1][-1:] != "\n"
                if not inside and waiting(0):
                    self._fetch()
                if fd != self._fd:
                    self._emit()
                    self._fd = fd
                pieces.append(text)
                self._size += len(text)
                if self._size > PIECE or (text[-1:] == "\n" and now() - self._sent > PAUSE):
                    self._emit()
            return len(text)

        return write

    def event(self, event: dict[str, Any]) -> None:
        """Send an event after everything written so far."""
        if self._forked:
            return
        with self._lock:
            self._fetch()
            self._emit()
            self._send(event)

    def output(self, output: dict[str, Any]) -> None:
        """Send an nbformat output of the current cell, or of the `Output` widget that takes what it shows."""
        if self._forked:
            return
        with self._lock:
            self._fetch()
            self._emit()
            self._show(output)

    def clear(self, *, wait: bool) -> None:
        """Clear what the current cell shows, or such a widget."""
        if self.widget is None:
            self.event({"event": "clear", "index": self.index, "wait": wait})
        else:
            self.event({"event": "widget-clear", "index": self.index, "id": self.widget.name, "wait": wait})
            self.widget.clear(wait=wait)

    def flush(self) -> None:
        """Send everything written so far, whoever wrote it; C's own buffers first."""
        if self._forked:
            return
        _flush_c()
        with self._lock:
            self._fetch()
            self._emit()

    def flush_soon(self) -> None:
        """Send what there is, unless something was sent a moment ago; then the watcher does it."""
        if not self._forked and time.monotonic() - self._sent > PAUSE:
            with self._lock:
                self._emit()

    def _emit(self) -> None:
        if not self._size:
            return
        text = "".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        self._sent = time.monotonic()
        self._show({"output_type": "stream", "name": NAMES[self._fd], "text": text})

    def _show(self, output: dict[str, Any]) -> None:
        if self.widget is None:
            self._send({"event": "output", "index": self.index, "output": output})
            return
        self._send({"event": "widget-output", "index": self.index, "id": self.widget.name, "output": output})
        self.widget.add(output)

    def _fetch(self) -> None:
        """Read what waits in the pipes, without waiting for more; a flood is left to the next call."""
        for _ in range(64):
            ready = self._poll.poll(0)
            if not ready:
                return
            for read, _happened in ready:
                self._fetch_one(read)

    def _fetch_one(self, read: int) -> None:
        try:
            data = os.read(read, 65_536)
        except BlockingIOError:
            return
        fd = self._reads[read]
        text = self._decoders[fd].decode(data)
        if fd != self._fd:
            self._emit()
            self._fd = fd
        self._pieces.append(text)
        self._size += len(text)
        if self._size > PIECE or time.monotonic() - self._sent > PAUSE:
            self._emit()

    def _watch(self) -> None:
        """Empty the pipes while the cell is busy, send what was left lying, and see the driver die."""
        poll = select.poll()
        for read in self._reads:
            poll.register(read, select.POLLIN)
        gone = _watched(self._driver, poll)
        while True:
            ready = poll.poll(100)
            if gone(ready):  # an orphan computes for nobody, and neither does what it has started
                self._end()
            with self._lock:
                self._fetch()
                if self._size and time.monotonic() - self._sent > PAUSE:
                    self._emit()

    def _in_child(self) -> None:
        """In a forked child write to the descriptors themselves; the worker's watcher reads them."""
        self._forked = True
        self._lock = threading.RLock()
        self._pieces = []
        self._size = 0


def _watched(driver: int, poll: select.poll) -> Callable[[list[tuple[int, int]]], bool]:
    """Return what tells from a poll's answer whether the driver is gone; a zygote's child is no child of it."""
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(driver)
        except ProcessLookupError:
            return lambda _ready: True
        except OSError:  # an old kernel
            return lambda _ready: os.getppid() != driver
        poll.register(descriptor, select.POLLIN)
        return lambda ready: any(each == descriptor for each, _ in ready)
    return lambda _ready: os.getppid() != driver


def _write_raw(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _flush_c() -> None:
    """Empty the buffers of C's stdio; only where something loaded ctypes, so something else may use stdio."""
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None and os.name == "posix":
        ctypes.CDLL(None).fflush(None)
