"""A verb of ours in a process of its own: the kernel stays free, and what it does can be stopped as Ctrl-C does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nbprod.core.errors import ExecutionError
from nbprod.store import steps

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
LAUNCH = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from nbprod.__main__ import main; main()"
)
"""A kernel that is idle ignores interrupts, and what it starts would inherit that."""

PATIENCE = 3.0
"""Seconds that what still goes on is given to stop when the kernel ends."""


class Work:
    """`nbprod VERB … --json`, begun and followed by what it writes.

    Parameters
    ----------
    command
        Verb and arguments.
    cwd
        Where it is called.
    """

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        self.verb = command[0]
        self.stopping = False
        self._folder = Path(tempfile.mkdtemp(prefix="nbprod-"))
        with (self._folder / "out").open("wb") as out, (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                # -P: no file beside the notebook may stand in for a module of ours
                [sys.executable, "-P", "-c", LAUNCH, *command, "--json"],
                cwd=cwd,
                env={**os.environ, "NBPROD_STEPS": str(self._folder / "steps")},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        weakref.finalize(self, _end, self._process, self._folder)

    @property
    def alive(self) -> bool:
        """Whether it goes on."""
        return self._process.poll() is None

    @property
    def interrupted(self) -> bool:
        """Whether it ended because somebody stopped it."""
        code = self._process.poll()
        return code == INTERRUPTED or (self.stopping and code != 0)

    @property
    def result(self) -> dict[str, Any]:
        """The object it printed; empty before it did."""
        return read(self._folder / "out")

    @property
    def error(self) -> dict[str, Any] | None:
        """What went wrong, once it is over: what it says itself, or that it said nothing."""
        result = self.result
        if self.interrupted or (result and not result.get("error")):
            return None
        told: dict[str, Any] = result.get("error") or self._silence().as_json()
        return told

    def steps(self) -> list[dict[str, Any]]:
        """Return its steps in the order in which they began: `name`, `stage`, `state`, `seconds`."""
        ended = "interrupted" if self.interrupted else "failed" if self._process.poll() else "succeeded"
        found = steps.read(self._folder / "steps", "running" if self.alive else ended)
        return [{**step, "seconds": _passed(step)} for step in found]

    def stop(self) -> None:
        """Interrupt it; asked a second time, end it."""
        number = signal.SIGTERM if self.stopping else signal.SIGINT
        self.stopping = True
        if self.alive:
            self._process.send_signal(number)

    def _silence(self) -> ExecutionError:
        text = (self._folder / "log").read_text(encoding="utf-8", errors="replace").strip()
        last = f": {text.splitlines()[-1]}" if text else ""
        return ExecutionError("NB590", f"nbprod {self.verb} ended without an answer{last}", "start it again")


def _passed(step: dict[str, Any]) -> float | None:
    """Return the seconds a step took, or has taken so far in whole ones."""
    if step["since"] is None:
        return cast("float | None", step["seconds"])
    return int(max(0.0, time.time() - datetime.fromisoformat(step["since"]).timestamp()))


def read(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file; an empty one when there is none yet."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End with the kernel, or with the view: nobody could see or stop it any more."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    shutil.rmtree(folder, ignore_errors=True)
