"""Long work: detached `python -m nbprod …` processes, known by the files they leave.

An operation is a folder with `operation.json` (what was started), `out` (the command's one JSON object) and
`driver.log` (its progress). A run's folder is the run's own, `.nbprod/runs/ID`, so that its log lies beside its state.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import Project
from nbprod.core.errors import ExecutionError, MissingValue

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG_BYTES = 8_000
CHILDREN: dict[str, subprocess.Popen[bytes]] = {}  # kept to ask them whether they have ended, which also reaps them


@dataclass(frozen=True, slots=True)
class Operation:
    """One started command, and the folder it writes to."""

    id: str
    folder: Path
    record: dict[str, Any]

    @property
    def alive(self) -> bool:
        """Whether its process is still working."""
        child = CHILDREN.get(self.id)
        if child is not None:
            return child.poll() is None
        return self.record["born"] is not None and _born(self.record["pid"]) == self.record["born"]

    @property
    def result(self) -> dict[str, Any] | None:
        """The JSON object the command printed, once it did."""
        try:
            found = json.loads((self.folder / "out").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def log(self) -> str:
        """The last lines the command wrote of its progress."""
        try:
            with (self.folder / "driver.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def as_json(self) -> dict[str, Any]:
        """Return state, steps, log, result and error."""
        alive = self.alive  # asked before the result is read: an ended process has written all it will
        result = self.result
        error = (result or {}).get("error")
        if not alive and result is None:
            error = died(self).as_json()
        state = "running" if alive else "failed" if error else "succeeded"
        return {
            "operation": self.id,
            "kind": self.record["kind"],
            "state": state,
            "started": self.record["started"],
            "steps": _steps(self.log, state),
            "log": self.log,
            "result": None if alive or error else result,
            "error": error,
        }


def start(kind: str, notebook: Path, arguments: Sequence[str], operation: str | None = None) -> Operation:
    """Start `nbprod KIND NOTEBOOK ARGUMENTS --json` in a session of its own and return at once."""
    _reap()
    home = Project.find(notebook).home
    name = operation or secrets.token_hex(4)
    folder = _folder(home, name) if operation else home / "operations" / name
    folder.mkdir(parents=True, exist_ok=True)
    file = f"./{notebook.name}" if notebook.name.startswith("-") else notebook.name
    command = [sys.executable, "-m", "nbprod", kind, file, *arguments, "--json"]
    with (folder / "out").open("wb") as out, (folder / "driver.log").open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=notebook.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )
    CHILDREN[name] = child
    record = {"kind": kind, "notebook": str(notebook), "pid": child.pid, "born": _born(child.pid), "started": _now()}
    (folder / "operation.json").write_text(json.dumps(record), encoding="utf-8")
    return Operation(name, folder, record)


def find(notebook: Path, name: str) -> Operation:
    """Return an operation of the notebook's project; raises `MissingValue` when there is none."""
    home = Project.find(notebook).home
    for folder in (_folder(home, name), home / "operations" / name):
        try:
            return Operation(name, folder, json.loads((folder / "operation.json").read_bytes()))
        except (OSError, ValueError):
            continue
    raise MissingValue("NB609", f"there is no operation {name}", "start it again")


def stop(operation: Operation) -> None:
    """Interrupt an operation as Ctrl-C does; asked a second time, end it."""
    if not operation.alive:
        return
    asked = operation.folder / "stopping"
    os.kill(operation.record["pid"], signal.SIGTERM if asked.exists() else signal.SIGINT)
    asked.touch()


def died(operation: Operation) -> ExecutionError:
    """Return the error for a command that ended without an answer, with the last line it wrote."""
    lines = operation.log.strip().splitlines()
    last = f": {lines[-1]}" if lines else ""
    return ExecutionError(
        "NB590", f"nbprod {operation.record['kind']} ended without an answer{last}", f"its log: {operation.folder}"
    )


def new_id() -> str:
    """Return an id for a run to be started."""
    return secrets.token_hex(4)


def _reap() -> None:
    """Forget children that have ended, so that none stays behind as a zombie."""
    for name, child in list(CHILDREN.items()):
        if child.poll() is not None:
            CHILDREN.pop(name, None)


def _folder(home: Path, name: str) -> Path:
    return home / "runs" / name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _steps(log: str, state: str) -> list[dict[str, str]]:
    """Return the command's steps, its lines indented by two; the last one is in the operation's own state."""
    names = [line.strip() for line in log.splitlines() if line.startswith("  ") and line[2:3].strip()]
    return [
        {"name": name, "state": state if number == len(names) else "succeeded"} for number, name in enumerate(names, 1)
    ]


def _born(pid: int) -> str | None:
    """Return when process `pid` was started, so that a later one of the same number is not taken for it."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            return stat.read_text().rpartition(")")[2].split()[19]
        except (OSError, IndexError):
            return None
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip() or None
