"""What the routes do, free of HTTP: call `nbprod.api` or start a command, and return plain JSON."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.config import Project
from nbprod.core.errors import MissingValue, UsageError
from nbprod.core.version import __version__
from nbprod.interfaces.server import operations, views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.core.run import Run

TARGETS = ("local", "docker")
LIVE = ("pending", "running")
SAMPLES = 20


def status() -> dict[str, Any]:
    """Return the version; the front end compares it with its own."""
    return {"version": __version__}


def pipeline(notebook: Path) -> dict[str, Any]:
    """Return what the saved notebook means."""
    return views.pipeline(api.check(notebook))


def draft_pipeline(notebook: Path, content: Any) -> dict[str, Any]:
    """Return what a notebook would mean if `content` were saved; nothing is written beside it."""
    with _draft(notebook, content) as draft:
        return views.pipeline(api.check(notebook, draft=draft))


def suggestion(notebook: Path, content: Any) -> dict[str, Any]:
    """Return stages for what of a notebook is untagged, as it would be if `content` were saved; nothing is written."""
    if content is None:
        return api.suggest(notebook).as_json()
    with _draft(notebook, content) as draft:
        return api.suggest(notebook, draft=draft).as_json()


@contextmanager
def _draft(notebook: Path, content: Any) -> Iterator[Path]:
    if not isinstance(content, dict):
        raise UsageError("NB930", "content must be the notebook as an object", "send the notebook's JSON")
    with tempfile.TemporaryDirectory(prefix="nbprod-") as folder:
        draft = Path(folder) / notebook.name
        draft.write_text(json.dumps(content), encoding="utf-8")
        yield draft


def runs(notebook: Path, limit: int) -> dict[str, Any]:
    """Return the newest runs."""
    return {"runs": [_live(notebook, views.run(run)) for run in api.history(notebook, limit)]}


def one_run(notebook: Path, run_id: str) -> dict[str, Any]:
    """Return a run as far as it got; one that has not begun to record is known by its process."""
    found = _recorded(notebook, run_id)
    if found is not None:
        return _live(notebook, views.run(found))
    operation = operations.find(notebook, run_id)
    state = operation.as_json()
    relative = Project.find(notebook).relative(notebook)
    bare: dict[str, Any] = {"run": run_id, "notebook": relative, "status": "running", "started": state["started"]}
    bare |= {"stages": [], "metrics": {}, "gates": [], "model": None, "error": None, "notes": []}
    if state["state"] == "running":
        return bare
    again = _recorded(notebook, run_id)  # it may have been recorded between the two looks
    if again is not None:
        return views.run(again)
    return {**bare, "status": "failed", "error": state["error"]}


def start_run(notebook: Path, body: dict[str, Any]) -> dict[str, Any]:
    """Start `nbprod run`; returns the id to follow."""
    arguments = _parameters(body)
    start = body.get("from")
    if start is not None:
        arguments.append(f"--from={_name(start, 'from')}")
    if body.get("force"):
        arguments.append("--force")
    run_id = operations.new_id()
    operations.start("run", notebook, [*arguments, "--run-id", run_id], run_id)
    return {"run": run_id}


def stop_run(notebook: Path, run_id: str) -> dict[str, Any]:
    """Interrupt a run that this extension started; what has finished stays."""
    operations.stop(operations.find(notebook, run_id))
    return {"run": run_id}


def start_deploy(notebook: Path, body: dict[str, Any]) -> dict[str, Any]:
    """Start `nbprod deploy`; returns the operation to follow."""
    target = body.get("target") or TARGETS[0]
    if target not in TARGETS:
        raise UsageError("NB930", f"there is no target {target!r}", f"targets: {', '.join(TARGETS)}")
    return operations.start("deploy", notebook, [*_parameters(body), f"--target={target}"]).as_json()


def start_verify(notebook: Path, body: dict[str, Any]) -> dict[str, Any]:
    """Start `nbprod verify`; returns the operation to follow."""
    return operations.start("verify", notebook, [*_parameters(body), "--yes"]).as_json()


def _parameters(body: dict[str, Any]) -> list[str]:
    """Return the `-p` options for the parameters of a request."""
    arguments: list[str] = []
    for name, value in _mapping(body, "parameters").items():
        arguments += ["-p", f"{name}={value if isinstance(value, str) else repr(value)}"]
    return arguments


def operation(notebook: Path, name: str) -> dict[str, Any]:
    """Return long work as far as it got."""
    return operations.find(notebook, name).as_json()


def stage_notebook(notebook: Path, run_id: str, stage: str) -> Any:
    """Return the executed notebook of a stage."""
    found = api.show(run_id, notebook)
    path = next((item.notebook for item in found.stages if item.name == stage and item.notebook), None)
    file = Project.find(notebook).root / path if path else None
    if file is None or not file.is_file():
        raise MissingValue(
            "NB619", f"run {run_id} kept no notebook of stage {stage}", "a cached stage executes nothing"
        )
    return json.loads(file.read_bytes())


def endpoints(notebook: Path) -> dict[str, Any]:
    """Return what is deployed from the project."""
    return {"endpoints": [views.endpoint(item) for item in api.endpoints(notebook)]}


def stop_endpoint(notebook: Path, name: str) -> dict[str, Any]:
    """Stop an endpoint."""
    api.stop_endpoint(name, notebook)
    return {"endpoint": name}


def predict(notebook: Path, name: str, rows: Any) -> dict[str, Any]:
    """Return an endpoint's answer for `rows`."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError("NB930", "rows must be a list of objects", 'send {"rows": [{"column": value}]}')
    return api.predict(name, rows, notebook)


def sample(notebook: Path, name: str) -> dict[str, Any]:
    """Return a few recorded rows of an endpoint's model, and what the notebook predicted for them."""
    found = api.sample(name, notebook)
    return {"columns": found["columns"]} | {key: found[key][:SAMPLES] for key in ("rows", "predictions")}


def _recorded(notebook: Path, run_id: str) -> Run | None:
    try:
        return api.show(run_id, notebook)
    except MissingValue:
        return None


def _live(notebook: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded run with the stages as they stand now; interrupted when its process, started here, is gone."""
    if run["status"] != "running":
        return run
    run = {**run, "stages": _stages_now(notebook, run)}
    try:
        alive = operations.find(notebook, run["run"]).alive
    except MissingValue:  # started by a command line or a schedule: the ledger knows whether that is still there
        return run
    if alive:
        return run
    again = _recorded(notebook, run["run"])  # it may have finished between the two looks
    if again is not None and again.status not in ("running", "interrupted"):
        return views.run(again)
    stages = [{**item, "status": "skipped"} if item["status"] in LIVE else item for item in run["stages"]]
    return {**run, "status": "interrupted", "stages": stages}


def _stages_now(notebook: Path, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the stages from the run's own file, which is written at every change; the ledger only at both ends."""
    file = Project.find(notebook).home / "runs" / run["run"] / "run.json"
    try:
        stages: list[dict[str, Any]] = json.loads(file.read_bytes())["stages"]
    except (OSError, ValueError, KeyError):
        stages = run["stages"]
    return stages


def _mapping(body: dict[str, Any], key: str) -> dict[str, Any]:
    found = body.get(key) or {}
    if not isinstance(found, dict):
        raise UsageError("NB930", f"{key} must be an object", f'send {{"{key}": {{…}}}}')
    return found


def _name(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise UsageError("NB930", f"{key} must be text", f'send {{"{key}": "NAME"}}')
    return value
