"""The two pipes to the driver: operations in, events out, one JSON object a line."""

from __future__ import annotations

import os
import signal
import threading
from json import dumps as to_json  # bound here: cells may patch the module
from json import loads as from_json
from os import _exit as leave_at_once
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from types import FrameType


class Channel:
    """Newline-delimited JSON over two file descriptors which programs started by cells do not inherit.

    Parameters
    ----------
    read, write
        File descriptors as in NBPROD_CONTROL.
    driver
        Process id of the driver.
    """

    def __init__(self, read: int, write: int, driver: int) -> None:
        os.set_inheritable(read, False)
        os.set_inheritable(write, False)
        self.read = read
        self.driver = driver
        self._write = write
        self._lines = open(read, "rb", closefd=False)  # noqa: SIM115 - a descriptor, open as long as we live
        self._lock = threading.Lock()
        self._sending = False
        self._interrupted = False
        self._gone = False
        self.busy = False
        os.register_at_fork(after_in_child=self._leave)

    @classmethod
    def from_environment(cls) -> Channel:
        """Return the channel named in NBPROD_CONTROL, and take that variable out of the cells' sight."""
        read, write, driver = os.environ.pop("NBPROD_CONTROL").split(",")
        return cls(int(read), int(write), int(driver))

    def receive(self) -> dict[str, Any] | None:
        """Return the next operation, or None when the driver has closed its end."""
        line = self._lines.readline()
        if not line.endswith(b"\n"):
            return None
        operation: dict[str, Any] = from_json(line)
        return operation

    def send(self, event: dict[str, Any]) -> None:
        """Send one event whole; blocks while the driver is busy, ends the process when it is gone."""
        if self._gone:
            return
        # Lone surrogates, which JSON could carry but no file can, become question marks here.
        data = (to_json(event, ensure_ascii=False, default=repr) + "\n").encode("utf-8", "replace")
        with self._lock:
            self._sending = True
            try:
                self._write_all(data)
            finally:
                self._sending = False
        if self._interrupted and threading.current_thread() is threading.main_thread():
            self._interrupted = False
            raise KeyboardInterrupt

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._write, view) :]
            except BrokenPipeError:
                self.end()

    def close(self) -> None:
        """Let the driver see that nothing more comes; the process is to end now."""
        self._lock.acquire()  # for good: whoever is about to write would write to a file that has the number by then
        self._gone = True
        os.close(self._write)

    def end(self) -> NoReturn:
        """End the process without its driver, and all that the cells have started."""
        self._gone = True
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        leave_at_once(1)

    def on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """SIGINT: KeyboardInterrupt in the cell; nothing between cells, and never in the middle of an event."""
        if self._sending and self.busy:
            self._interrupted = True
        elif self.busy:
            raise KeyboardInterrupt

    def catch_interrupts(self) -> None:
        """Install `on_interrupt`, also where the starting shell has SIGINT ignored."""
        signal.signal(signal.SIGINT, self.on_interrupt)

    def _leave(self) -> None:
        """In a forked child: the pipes are not its own, and must not outlive the worker there."""
        self._gone = True
        self._lock = threading.Lock()
        for fd in (self.read, self._write):
            try:
                os.close(fd)
            except OSError:
                continue
