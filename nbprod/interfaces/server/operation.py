"""One operation as its files tell of it: whether it goes on, its steps, its result, how to stop it."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from nbprod.core.errors import ExecutionError
from nbprod.interfaces.server import beating, births
from nbprod.store import steps

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

LOG_BYTES = 8_000
BEGINS = 30.0
"""Seconds a process may take until it tells of itself."""

SILENT = 9 * beating.BEAT
"""Seconds without a sign of life after which a process that cannot be seen from here is gone."""

CHILDREN: dict[str, subprocess.Popen[bytes]] = {}
"""What this server started, by operation: asked whether it has ended, which also reaps it."""

RUNNING, SUCCEEDED, FAILED, INTERRUPTED = "running", "succeeded", "failed", "interrupted"


class Work(Protocol):
    """Long work that can be followed by its files."""

    @property
    def id(self) -> str:
        """Of the run or operation."""

    @property
    def kind(self) -> str:
        """`run`, or the operation's kind."""

    @property
    def folder(self) -> Path:
        """Where its files are."""

    @property
    def alive(self) -> bool:
        """Whether it goes on."""


@dataclass(frozen=True, slots=True)
class OtherRun:
    """A run that a command line or a schedule started."""

    id: str
    folder: Path
    kind: str = "run"

    @property
    def alive(self) -> bool:
        """Whether it goes on, as far as its file tells; one that tells nothing for long is not worth a look."""
        file = self.folder / "run.json"
        with suppress(OSError):
            fresh = time.time() - file.stat().st_mtime < SILENT
            return fresh and (_read(file) or {}).get("status") == RUNNING
        return False


@dataclass(frozen=True, slots=True)
class Operation:
    """A command that was started, and the folder it writes to."""

    id: str
    folder: Path
    record: dict[str, Any]

    @property
    def kind(self) -> str:
        """What it is shown as: `run`, `deploy`, `verify`, `sweep`, `build`."""
        return str(self.record["kind"])

    @property
    def process(self) -> dict[str, Any]:
        """What the process told of itself: `pid`, `born`, `place`, `ended`; empty before it did."""
        return beating.read(self.folder) or {}

    @property
    def alive(self) -> bool:
        """Whether its process is still working."""
        child = CHILDREN.get(self.id)
        if child is not None:
            return child.poll() is None
        process = self.process
        if not process:
            return self._idle < BEGINS
        if process["ended"] is not None:
            return False
        if process["place"] == births.here():
            return births.alive(process["pid"], process["born"])
        return self._idle < SILENT

    @property
    def over(self) -> float:
        """Seconds since its last sign of life, which is its end when it is no longer alive."""
        return time.time() - self._last

    @property
    def _idle(self) -> float:
        """Seconds since its last sign of life by the clock of the file system, which may not be this machine's."""
        probe = self.folder / f".now-{os.getpid()}"
        try:
            probe.touch()
            now = probe.stat().st_mtime
            probe.unlink(missing_ok=True)
        except OSError:
            now = time.time()
        return now - self._last

    @property
    def _last(self) -> float:
        for name in (beating.PROCESS, "operation.json"):
            with suppress(OSError):
                return (self.folder / name).stat().st_mtime
        return 0.0

    @property
    def result(self) -> dict[str, Any] | None:
        """The JSON object the command printed, once it did."""
        return _read(self.folder / "out")

    @property
    def home(self) -> Path:
        """The project's home."""
        return self.folder.parent.parent

    @property
    def progress(self) -> dict[str, Any] | None:
        """What a sweep came to so far; None for other work."""
        if self.kind != "sweep":
            return None
        return _read(self.home / "sweeps" / f"{self.id}.json")

    @property
    def log(self) -> str:
        """The last lines the command wrote of its progress."""
        try:
            with (self.folder / "driver.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    @property
    def report(self) -> Path:
        """Where a page for people is, if the command wrote one."""
        return self.home / "sweeps" / f"{self.id}.html" if self.kind == "sweep" else self.folder / "report.html"

    def as_json(self) -> dict[str, Any]:
        """Return state, steps, log, result and error."""
        alive = self.alive  # asked before the result is read: an ended process has written all it will
        state, error = (RUNNING, None) if alive else self._end()
        began = datetime.fromisoformat(self.record["started"]).timestamp()
        return {
            "operation": self.id,
            "kind": self.kind,
            "state": state,
            "started": self.record["started"],
            "seconds": round(max(0.0, (time.time() if alive else self._last) - began), 3),
            "steps": steps.read(self.folder / steps.FILE, state),
            "log": self.log,
            "result": self.progress or (self.result if state == SUCCEEDED else None),
            "report": not alive and self.report.is_file(),
            "error": error,
        }

    def stop(self) -> None:
        """Interrupt it as Ctrl-C does; asked a second time, end it."""
        if not self.alive:
            return
        asked = self.folder / "stopping"
        number = signal.SIGTERM if asked.exists() else signal.SIGINT
        asked.touch()
        child, process = CHILDREN.get(self.id), self.process
        if child is not None:
            child.send_signal(number)
        elif process.get("place") == births.here():
            with suppress(ProcessLookupError):
                os.kill(process["pid"], number)
        else:
            (self.folder / beating.STOP).touch()

    def _end(self) -> tuple[str, dict[str, Any] | None]:
        """Return how it ended, and the error: what the command said, or that it said nothing."""
        result, code = self.result, self.process.get("ended")
        error = (result or {}).get("error")
        if (self.folder / "stopping").exists() and (result is None or error):
            return INTERRUPTED, None
        if code == beating.INTERRUPTED:
            return INTERRUPTED, error
        if result is not None:
            return (FAILED if error else SUCCEEDED), error
        return (INTERRUPTED if code is None else FAILED), self._silence().as_json()

    def _silence(self) -> ExecutionError:
        lines = self.log.strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        kind = self.kind
        return ExecutionError("NB590", f"nbprod {kind} ended without an answer{last}", "start it again")


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
