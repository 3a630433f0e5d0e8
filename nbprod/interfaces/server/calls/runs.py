"""Runs: started, as far as they got, stopped, looked up, compared."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.config import Project
from nbprod.core.errors import MissingValue
from nbprod.interfaces.server import operations, paths, views
from nbprod.interfaces.server.calls.common import chosen, parameters, word
from nbprod.interfaces.server.calls.common import operation as process
from nbprod.interfaces.server.operation import OtherRun

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.core.run import Run
    from nbprod.interfaces.server.asked import Asked
    from nbprod.interfaces.server.operation import Operation

MOST = 200
LIVE = ("pending", "running")
UNSETTLED = ("running", "interrupted")
"""Of a run that was killed, only its own file knows how far it got."""


def newest(asked: Asked, limit: int) -> list[dict[str, Any]]:
    """Return the newest runs of the notebook, those first that are not on record yet."""
    found = [_now(asked, run) for run in api.history(asked.notebook, limit)]
    begun = operations.unrecorded(asked.notebook, [run["run"] for run in found])
    return [*(_bare(asked, item) for item in begun), *found]


def runs(asked: Asked) -> dict[str, Any]:
    """Return the newest runs of the notebook."""
    return {"runs": newest(asked, min(max(1, asked.given["limit"]), MOST))}


def one_run(asked: Asked) -> dict[str, Any]:
    """Return a run as far as it got; one that has not begun to record is known by its process."""
    name = asked.names["run"]
    found = _recorded(asked, name)
    if found is not None:
        return _now(asked, found)
    started = process(asked, name)
    state = started.as_json()
    bare = _bare(asked, started)
    if state["state"] == "running":
        return bare
    again = _recorded(asked, name)  # it may have been recorded between the two looks
    if again is not None:
        return _now(asked, again)
    status = "interrupted" if state["state"] == "interrupted" else "failed"
    return {**bare, "status": status, "seconds": state["seconds"], "error": state["error"]}


def start(asked: Asked) -> dict[str, Any]:
    """Start `nbprod run`; returns the id to follow."""
    arguments = [word(asked.notebook.name), *parameters(asked.given["parameters"])]
    arguments += chosen(asked.given, "model", "from", "to")
    if asked.given["force"]:
        arguments.append("--force")
    return begin(asked, asked.notebook, arguments)


def begin(asked: Asked, notebook: Path, arguments: list[str]) -> dict[str, Any]:
    """Start `nbprod run ARGUMENTS` in a notebook's folder; returns the id to follow."""
    operation = operations.new("run", notebook)
    asked.follow(operations.begin(operation, ["run", *arguments, "--run-id", operation.id]))
    return {"run": operation.id}


def stop(asked: Asked) -> dict[str, Any]:
    """Interrupt a run that this extension started; what has finished stays."""
    process(asked, asked.names["run"]).stop()
    asked.emit("run", asked.names["run"])
    return {"run": asked.names["run"]}


def compare(asked: Asked) -> dict[str, Any]:
    """Return two runs side by side."""
    first, second = (found(asked, asked.names[name]) for name in ("run", "other"))
    compared = api.compare_runs(first.id, second.id, asked.notebook)
    return {**compared, "first": _now(asked, first), "second": _now(asked, second)}


def stage_notebook(asked: Asked) -> Any:
    """Return the executed notebook of a stage."""
    return json.loads(executed(asked).read_bytes())


def executed(asked: Asked) -> Path:
    """Return the file of a stage's executed notebook; raises `MissingValue` when the run kept none."""
    name, stage = asked.names["run"], asked.names["stage"]
    project = Project.find(asked.notebook)
    path = next((item.notebook for item in found(asked, name).stages if item.name == stage and item.notebook), None)
    if path is None:
        hint = "a stage that was reused executes nothing"
        raise MissingValue("NB619", f"run {name} kept no notebook of stage {stage}", hint)
    return paths.kept(project.home, project.root / path, f"executed notebook of stage {stage}")


def found(asked: Asked, name: str) -> Run:
    """Return a run of a notebook in the server's tree; raises `MissingValue` when there is none."""
    run = api.show(name, asked.notebook)
    if not paths.below(asked.root, Project.find(asked.notebook).notebook(run.notebook)):
        raise MissingValue("NB617", f"there is no run {name}", None)
    return run


def _recorded(asked: Asked, name: str) -> Run | None:
    try:
        return found(asked, name)
    except MissingValue:
        return None


def _now(asked: Asked, run: Run) -> dict[str, Any]:
    """Return a recorded run with its stages as they stand; interrupted when its process, started here, is gone."""
    project = Project.find(asked.notebook)
    shown = views.run(run, project)
    if shown["status"] not in UNSETTLED:
        return shown
    shown |= views.progress(project, run.id)
    if shown["status"] == "running" and _alive(asked, run.id):
        return shown
    again = _recorded(asked, run.id)  # it may have finished between the two looks
    if again is not None and again.status not in UNSETTLED:
        return views.run(again, project)
    stages = [{**item, "status": "skipped"} if item["status"] in LIVE else item for item in shown["stages"]]
    return {**shown, "status": "interrupted", "stages": [{**item, "since": None} for item in stages]}


def _alive(asked: Asked, name: str) -> bool:
    """Whether the process of a run that is on record as running still is; see to it that its changes are told."""
    try:
        started = process(asked, name)
    except MissingValue:  # started by a command line or a schedule: the ledger knows whether that is still there
        asked.follow(OtherRun(name, Project.find(asked.notebook).home / "runs" / name))
        return True
    if started.alive:
        asked.follow(started)
        return True
    return False


def _bare(asked: Asked, operation: Operation) -> dict[str, Any]:
    asked.follow(operation)
    relative = Project.find(asked.notebook).relative(asked.notebook)
    began = operation.record["started"]
    seconds = (datetime.now(UTC) - datetime.fromisoformat(began)).total_seconds()
    about = {"run": operation.id, "notebook": relative, "status": "running", "started": began, "parameters": {}}
    nothing: dict[str, Any] = {
        "stages": [],
        "metrics": {},
        "gates": [],
        "model": None,
        "mlflow": None,
        "error": None,
        "notes": [],
    }
    return {**about, "seconds": round(seconds, 3), **nothing}
