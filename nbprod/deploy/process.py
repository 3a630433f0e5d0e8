"""Processes by pid and start time, so that a pid that was given to somebody else is never taken for ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def started(pid: int) -> str | None:
    """Return a token of the moment a process started, None when there is no such process (or it is a zombie)."""
    if not Path("/proc/self/stat").exists():
        return _started_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = BOOT_ID.read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the name, in parentheses, may hold anything; state is the 1st field after it, the start time the 20th
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def alive(pid: int | None, token: str | None) -> bool:
    """Whether the process that had `token` still runs."""
    return pid is not None and token is not None and started(pid) == token


def end(pid: int | None, token: str | None, grace: float) -> None:
    """End a process, kindly for `grace` seconds, then by force; one that is gone is fine."""
    if not _signal(pid, token, signal.SIGTERM):
        return
    deadline = time.monotonic() + grace
    while alive(pid, token) and time.monotonic() < deadline:
        time.sleep(0.02)
    if _signal(pid, token, signal.SIGKILL):
        while alive(pid, token):
            time.sleep(0.02)


def _signal(pid: int | None, token: str | None, number: signal.Signals) -> bool:
    if pid is None or not alive(pid, token):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    return True


def _started_by_ps(pid: int) -> str | None:
    found = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, when = found.stdout.strip().partition(" ")
    return when.strip() if when and not state.startswith("Z") else None
