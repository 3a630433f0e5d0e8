"""The process that runs what is due, started for those who have no terminal to leave it in."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import ScheduleError
from nbprod.scheduling.lock import holder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE = 60.0
LARGEST_LOG = 1 << 20
# a child of ours would stay a zombie after its end for as long as we live; this one tells of an early end, and leaves
LAUNCHER = """
import os, subprocess, sys, threading
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
child.wait()
"""


def start(home: Path, command: Sequence[str]) -> dict[str, Any]:
    """Start `command`, which serves the schedules of a project, unless one does; return `pid`, `kind` and `since`.

    Parameters
    ----------
    home
        The project's home; what the process prints goes to `scheduler.log` there.
    command
        What to run.

    Raises
    ------
    ScheduleError
        It ended, or did not begin to serve.
    """
    lock, log = home / "schedules.lock", home / "scheduler.log"
    found = holder(lock)
    if found is None:
        found = _launch(command, lock, log)
    if found is None:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise ScheduleError("NB828", f"the scheduler ended: {''.join(last) or 'it said nothing'}", f"see {log}")
    return {"pid": found.get("pid"), "kind": "scheduler", "since": found.get("since")}


def _launch(command: Sequence[str], lock: Path, log: Path) -> dict[str, Any] | None:
    """Start the process; return who serves as soon as somebody does, None when it ended before that."""
    mode = "ab" if log.exists() and log.stat().st_size < LARGEST_LOG else "wb"
    with (
        log.open(mode) as output,
        subprocess.Popen(
            [sys.executable, "-S", "-c", LAUNCHER, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=lock.parent,
            env={name: value for name, value in os.environ.items() if name != "NBPROD_STEPS"},
        ) as launcher,
    ):
        deadline = time.monotonic() + PATIENCE
        while (found := holder(lock)) is None and launcher.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    return found or holder(lock)
