"""The processes of a project's runs, found by the folder of their zygotes, which no other run has."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from nbprod import worker
from nbprod.worker import zygote

WORKER = str(Path(worker.__file__).parent).encode()
LASTING = ("zygote", "waiting", "publisher")
"""Kinds that outlive the run, and end by themselves."""


@dataclass(frozen=True)
class Process:
    """A process, and what it is: driver, stage, zygote, waiting (for the next stage), publisher, other."""

    pid: int
    kind: str


def processes(runtime: Path) -> list[Process]:
    """Return the processes whose zygotes are in `runtime`."""
    mark = f"XDG_RUNTIME_DIR={runtime}".encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if mark in Path(entry.path, "environ").read_bytes().split(b"\0"):
                    found.append(Process(int(entry.name), _kind(int(entry.name))))
            except OSError:
                continue
    return [process for process in found if process.pid != os.getpid()]


def _kind(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if b"nbprod.tracking" in words:
        return "publisher"
    if WORKER in words:  # a zygote leads its session, what it forks does not
        if b"zygote" in words and os.getsid(pid) == pid:
            return "zygote"
        return "waiting" if Path(f"/proc/{pid}/comm").read_text().strip() == zygote.WAITING else "stage"
    return "driver" if b"nbprod" in words and b"run" in words else "other"


def kill(runtime: Path, kind: str, seconds: float = 0.0) -> bool:
    """End a process of that kind, once there is one within so many seconds; whether there was."""
    end = time.monotonic() + seconds
    while True:
        for process in processes(runtime):
            if process.kind == kind:
                os.kill(process.pid, signal.SIGKILL)
                return True
        if time.monotonic() > end:
            return False


def gone(runtime: Path, kinds: tuple[str, ...], seconds: float = 30.0) -> list[Process]:
    """Wait until no process but those of `kinds` is left; return those that are."""
    end = time.monotonic() + seconds
    while True:
        left = [process for process in processes(runtime) if process.kind not in kinds]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.02)
