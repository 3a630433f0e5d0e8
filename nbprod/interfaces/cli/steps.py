"""Steps of long work as lines of the file `$NBPROD_STEPS`: how a program that started a verb follows it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "NBPROD_STEPS"


class Steps:
    """Appends one JSON object a line: `time`, `name`, `state`, `seconds` and `stage`; a step that ends has two lines.

    Parameters
    ----------
    file
        Where to; None: nowhere.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._current: tuple[str, float] | None = None
        self._began: dict[str, float] = {}

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Steps:
        """Return what writes to the file that the environment names, if it names one."""
        named = environment.get(VARIABLE)
        return cls(Path(named) if named else None)

    def begin(self, name: str) -> None:
        """Begin a step; the one before it has succeeded."""
        self.end("succeeded")
        self._current = (name, time.monotonic())
        self._tell(name, "running")

    def end(self, state: str) -> None:
        """End the step that goes on, if one does: `succeeded`, `failed` or `skipped`."""
        if self._current is not None:
            (name, began), self._current = self._current, None
            self._tell(name, state, time.monotonic() - began)

    def stage(self, name: str, state: str, seconds: float | None = None) -> None:
        """Tell that a stage of a run is `running`, or how it ended."""
        if state == "running":
            self._began[name] = time.monotonic()
        else:
            began = self._began.pop(name, None)
            seconds = seconds or (time.monotonic() - began if began is not None else seconds)
        self._tell(name, state, seconds, name)

    def close(self, *, failed: bool) -> None:
        """End all that goes on."""
        state = "failed" if failed else "succeeded"
        self.end(state)
        for name in list(self._began):
            self.stage(name, state)

    def _tell(self, name: str, state: str, seconds: float | None = None, stage: str | None = None) -> None:
        if self._file is None:
            return
        took = None if seconds is None else round(seconds, 3)
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": moment, "name": name, "state": state, "seconds": took, "stage": stage}
        # whoever follows the work must not be able to stop it
        with contextlib.suppress(OSError), self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
