"""Long work: processes of their own that outlive browser and server, known by the files they leave.

An operation is a folder with `operation.json` (what was started, written before), `process.json` (the process, which
touches it while it works), `out` (the command's one JSON object), `driver.log` and `steps.jsonl` (its progress). A
run's folder is the run's own, `.nbprod/runs/ID`, so that its log lies beside its state.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.config import Project
from nbprod.core.errors import MissingValue
from nbprod.interfaces.server.operation import CHILDREN, Operation
from nbprod.store import steps
from nbprod.store.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RECORD = "operation.json"
KEPT = 50
"""How many operations are kept; runs stay, as history."""

RECENT = 3600.0
"""Seconds for which an operation that is over is still shown."""


def new(kind: str, notebook: Path) -> Operation:
    """Return an operation that is yet to begin, under an id of its own; a `run` is kept with the runs."""
    name = secrets.token_hex(4)
    folder = Project.find(notebook).home / ("runs" if kind == "run" else "operations") / name
    return Operation(name, folder, {"kind": kind, "notebook": str(notebook), "started": _now()})


def begin(operation: Operation, command: Sequence[str]) -> Operation:
    """Start `nbprod COMMAND --json` in the notebook's folder and return the operation at once."""
    _reap()
    folder, notebook = operation.folder, Path(operation.record["notebook"])
    _prune(Project.find(notebook).home / "operations")
    write_json(folder / RECORD, operation.record)
    with (folder / "out").open("wb") as out, (folder / "driver.log").open("wb") as log:
        CHILDREN[operation.id] = subprocess.Popen(
            # -P: no file beside the notebook may stand in for a module of ours
            [sys.executable, "-P", "-m", "nbprod.interfaces.server.beating", str(folder), *command, "--json"],
            cwd=notebook.parent,
            env={**os.environ, "NBPROD_STEPS": str(folder / steps.FILE)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )
    return operation


def find(notebook: Path, name: str) -> Operation:
    """Return an operation of the notebook's project; raises `MissingValue` when there is none."""
    home = Project.find(notebook).home
    for folder in (home / "runs" / name, home / "operations" / name):
        found = _load(folder)
        if found is not None:
            return found
    raise MissingValue("NB609", f"there is no operation {name}", "start it again")


def newest(notebook: Path) -> Operation | None:
    """Return the newest operation of a notebook, runs apart, that goes on or ended within the hour."""
    home = Project.find(notebook).home
    file = notebook.resolve()  # the server's root may be named in several ways
    own = [item for item in _all(home / "operations") if Path(item.record["notebook"]).resolve() == file]
    last = max(own, key=lambda item: item.record["started"], default=None)
    if last is None or (not last.alive and last.over > RECENT):
        return None
    return last


def unrecorded(notebook: Path, known: Sequence[str]) -> list[Operation]:
    """Return the runs of a notebook that this server started and that go on without being on record yet."""
    folder = Project.find(notebook).home / "runs"
    found = [_load(folder / name) for name in list(CHILDREN) if name not in known]
    return [item for item in found if item is not None and item.record["notebook"] == str(notebook) and item.alive]


def _load(folder: Path) -> Operation | None:
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return Operation(folder.name, folder, record)


def _all(folder: Path) -> Iterator[Operation]:
    for item in folder.iterdir() if folder.is_dir() else ():
        found = _load(item)
        if found is not None:
            yield found


def _prune(folder: Path) -> None:
    """Remove the oldest operations that are over."""
    newest_first = sorted(_all(folder), key=lambda item: str(item.record["started"]), reverse=True)
    for old in newest_first[KEPT:]:
        if not old.alive:
            shutil.rmtree(old.folder, ignore_errors=True)


def _reap() -> None:
    """Forget children that have ended, so that none stays behind as a zombie."""
    for name, child in list(CHILDREN.items()):
        if child.poll() is not None:
            CHILDREN.pop(name, None)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
