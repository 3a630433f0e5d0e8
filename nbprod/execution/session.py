"""A worker process: the notebook's own interpreter running the worker, driven over two pipes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from typing import IO, TYPE_CHECKING, Any, TypeVar

from nbprod.core.errors import ExecutionError, ModelError, StoreError, UnavailableError
from nbprod.execution import cgroups, zygotes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


Started = TypeVar("Started", bound="zygotes.Forked | subprocess.Popen[bytes] | None")
FOLDER = zygotes.FOLDER
TERMINAL = frozenset({"stage-finished", "model-finished", "compared", "failed", "fatal"})
POLL_SECONDS = 0.2
GRACE_SECONDS = 5.0
CHUNK = 1 << 16


class ProcessDiedError(Exception):
    """The worker ended without a word; `returncode` as `subprocess` gives it.

    `memory` tells of the worker's control group when the kernel killed there for want of memory, else it is None.
    """

    def __init__(self, returncode: int, memory: cgroups.Memory | None = None) -> None:
        super().__init__(returncode)
        self.returncode = returncode
        self.memory = memory


class TimedOutError(Exception):
    """The stage took longer than its timeout allows."""


class Session:
    """One worker process and the stages it has run so far.

    Parameters
    ----------
    python
        The interpreter.
    environment
        The whole environment of the process.
    folder
        Its working directory: the notebook's folder.
    warm
        The zygote to fork it from; None, or where that cannot be, starts a new process.
    """

    def __init__(
        self, python: Path, environment: Mapping[str, str], folder: Path, warm: zygotes.Warm | None = None
    ) -> None:
        self.python = python
        self.stages: list[str] = []
        self._errors: IO[bytes] = _unnamed()
        self._buffer = b""
        try:
            forked = self._piped(lambda given: zygotes.fork(warm, folder, given)) if warm is not None else None
            self._process = forked or self._piped(lambda given: _new(python, environment, folder, given))
        except OSError as error:
            raise UnavailableError("NB924", f"{python} does not start: {error}", "choose another kernel") from error
        self._memory = cgroups.Memory(self.pid)
        self.offenders = forked.offenders if forked else {}
        self.ready = False
        self.version = ""

    def _piped(self, start: Callable[[tuple[int, int, int]], Started]) -> Started:
        """Start a process with new pipes: a zygote that was killed may have forked somebody who reads the former."""
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        self._to, self._from = to_write, from_read
        process = None
        try:
            process = start((to_read, from_write, self._errors.fileno()))
        finally:
            for descriptor in (to_read, from_write, *((to_write, from_read) if process is None else ())):
                os.close(descriptor)
        return process

    @property
    def pid(self) -> int:
        """The process id, also the id of its process group."""
        return self._process.pid

    def run(self, operation: Mapping[str, Any], timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """Send one operation and yield the worker's events, the last of them one of `TERMINAL`.

        Raises
        ------
        ProcessDiedError, TimedOutError
            The process is gone, or was ended because `timeout` seconds passed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self._memory = cgroups.Memory(self.pid)
        self._send(operation)
        while True:
            event = self._receive(deadline)
            if event["event"] == "ready":
                self.ready, self.version = True, str(event["python"])
                continue
            yield event
            if event["event"] in TERMINAL:
                return

    def dismiss(self) -> None:
        """Ask the process to end; `close` waits for it."""
        with contextlib.suppress(OSError, ProcessDiedError):
            if self._process.poll() is None:
                self._send({"op": "end"})

    def close(self) -> None:
        """Wait a while until the dismissed process has done everything, then end what is left of its group."""
        self.kill(finished=self._finished(GRACE_SECONDS if self.ready else 0))

    def kill(self, *, finished: bool = False) -> None:
        """End the process and all it started, at once; one that has `finished` is not waited for."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if finished and isinstance(self._process, zygotes.Forked):
            self._process.forget()
        else:
            self._process.wait()
        for descriptor in {self._to, self._from} - {-1}:
            os.close(descriptor)
        self._to = self._from = -1  # the numbers may be another session's by the next time
        self._errors.close()

    def interrupt(self, seconds: float = 1.0) -> None:
        """Give the cell a KeyboardInterrupt and a moment to clean up, then end the process."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            os.kill(self._process.pid, signal.SIGINT)
            descriptor, self._to = self._to, -1
            os.close(descriptor)
            self._process.wait(seconds)
        self.kill()

    def signal(self, number: int) -> None:
        """Interrupt the cell, or end the process and all it started; whoever follows it sees it end."""
        with contextlib.suppress(OSError):
            if number == signal.SIGINT:
                os.kill(self.pid, number)
            else:
                os.killpg(self.pid, number)

    def last_words(self) -> str:
        """Return the end of what the process wrote before the worker had taken over its output."""
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            return self._errors.read()[-4000:].decode("utf-8", "replace").strip()
        return ""

    def _send(self, operation: Mapping[str, Any]) -> None:
        view = memoryview((json.dumps(operation) + "\n").encode())
        try:
            while view:
                view = view[os.write(self._to, view) :]
        except BrokenPipeError:
            raise self._died() from None

    def _receive(self, deadline: float | None) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            if deadline is not None and time.monotonic() > deadline:
                raise TimedOutError
            self._read()
        line, _, self._buffer = self._buffer.partition(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event

    def _read(self) -> None:
        """Add what arrives to the buffer; a child that survives the worker keeps the pipe open, so look after both."""
        gone = self._process.poll() is not None
        if select.select([self._from], [], [], 0 if gone else POLL_SECONDS)[0]:
            pieces = [self._buffer]
            data = os.read(self._from, CHUNK)
            if not data:
                raise self._died()
            pieces.append(data)
            self._buffer = b"".join(pieces)
        elif gone:
            raise self._died()

    def _finished(self, seconds: float) -> bool:
        """Whether the process closes its pipe in time, which is the last it does: it need not be gone."""
        deadline = time.monotonic() + seconds
        while self._process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if select.select([self._from], [], [], min(left, POLL_SECONDS))[0] and not os.read(self._from, CHUNK):
                return True
        return True

    def _died(self) -> ProcessDiedError:
        code = self._ended()
        return ProcessDiedError(code, self._memory if code == -signal.SIGKILL and self._memory.ran_out() else None)

    def _ended(self) -> int:
        try:
            return self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # it closed the pipe and lives on: what it does is lost to us
            self.kill()
            return -int(signal.SIGKILL)


def _unnamed() -> IO[bytes]:
    """Return a file that nobody else sees."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("nbprod-early-output"), "w+b")  # noqa: PTH123 - a descriptor
    import tempfile

    return tempfile.TemporaryFile()


def _new(
    python: Path, environment: Mapping[str, str], folder: Path, descriptors: tuple[int, int, int]
) -> subprocess.Popen[bytes]:
    control_in, control_out, output = descriptors
    return subprocess.Popen(
        [str(python), str(FOLDER)],
        env={**environment, "NBPROD_CONTROL": f"{control_in},{control_out},{os.getpid()}"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=(control_in, control_out),
        start_new_session=True,
    )


def death(error: ProcessDiedError, what: str, words: str = "") -> tuple[str, str | None]:
    """Return message and hint for a process that ended by itself or by a signal."""
    code = error.returncode
    tail = f": {words.splitlines()[-1]}" if words else ""
    if code >= 0:
        return f"{what} ended its Python process with exit code {code}{tail}", "os._exit() or a crash in a library"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = None
    if error.memory is not None:
        limit = f" (limit {error.memory.limit / 1e6:,.0f} MB)" if error.memory.limit else ""
        return f"{what} was killed, out of memory{limit}", "read less at once, or run on a bigger machine"
    if name == "SIGKILL":
        hint = "it was killed from outside; when memory ran out, read less at once or run on a bigger machine"
    elif name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"):
        hint = "a compiled library crashed; try the cell alone, or another version of the library"
    return f"{what}: its Python process was ended by {name}{tail}", hint


def fatal(event: Mapping[str, Any]) -> Exception:
    """Return the error for what the worker could not do at all."""
    code, message, hint = str(event["code"]), str(event["message"]), event.get("hint")
    if code.startswith("NB62"):
        return ModelError(code, message, hint)
    if code.startswith("NB6"):
        return StoreError(code, message, hint)
    if code.startswith("NB9"):
        return UnavailableError(code, message, hint)
    return ExecutionError(code, message, hint)
