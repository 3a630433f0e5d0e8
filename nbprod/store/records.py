"""Run ↔ the JSON record of it that ledger and `runs/<id>/run.json` hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core import errors
from nbprod.core.model import Model
from nbprod.core.run import GateResult, Run, RunStatus, StageRun, StageStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.run import ValueReader


def to_record(run: Run) -> dict[str, Any]:
    """Return the record of a run: the object of `run --json` and what a `Run` holds besides."""
    record = run.as_json()
    for entry, stage in zip(record["stages"], run.stages, strict=True):
        entry.update(fingerprint=stage.fingerprint, snapshot=stage.snapshot, html=stage.html)
    if run.error is not None:
        record["error"] = error_record(run.error)
    return record


def error_record(error: errors.NbprodError) -> dict[str, Any]:
    """Return the record of an error, from which `error_of` makes an equal one."""
    return {**error.as_json(), "kind": type(error).__name__, "traceback": list(getattr(error, "traceback", ()))}


def from_record(record: Mapping[str, Any], home: Path, values: ValueReader | None = None) -> Run:
    """Return the run of a record; the model's version is what the publisher has reported since."""
    return Run(
        id=record["run"],
        notebook=record["notebook"],
        status=RunStatus(record["status"]),
        stages=tuple(_stage(entry) for entry in record["stages"]),
        parameters=record.get("parameters", {}),
        metrics=record.get("metrics", {}),
        gates=tuple(GateResult(**gate) for gate in record.get("gates", ())),
        model=_model(record, home),
        error=error_of(record["error"]) if record.get("error") else None,
        started=record.get("started", ""),
        seconds=record.get("seconds", 0.0),
        notes=tuple(record.get("notes", ())),
        values=values,
    )


def error_of(record: Mapping[str, Any]) -> errors.NbprodError:
    """Return the error of a record."""
    kind = getattr(errors, record.get("kind", ""), errors.ExecutionError)
    where = errors.Where(**record["where"]) if record.get("where") else None
    error: errors.NbprodError = kind(record["code"], record["message"], record.get("hint"), where)
    if isinstance(error, errors.ExecutionError):
        error.traceback = tuple(record.get("traceback", ()))
    return error


def registered(home: Path, path: str) -> dict[str, Any]:
    """Return what the publisher reported of the model directory at `path`: its version and URI, or nothing."""
    run = Path(path).name
    try:
        found: dict[str, Any] = json.loads((home / "runs" / run / "registered.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _stage(entry: Mapping[str, Any]) -> StageRun:
    # the publisher renders it some time after the run
    html = Path(entry["notebook"]).with_suffix(".html") if entry.get("notebook") else None
    return StageRun(
        name=entry["name"],
        status=StageStatus(entry["status"]),
        reason=entry.get("reason", ""),
        seconds=entry.get("seconds", 0.0),
        outputs=tuple(entry.get("outputs", ())),
        metrics=entry.get("metrics", {}),
        fingerprint=entry.get("fingerprint"),
        snapshot=entry.get("snapshot"),
        notebook=entry.get("notebook"),
        html=str(html) if html and html.exists() else None,
    )


def _model(record: Mapping[str, Any], home: Path) -> Model | None:
    kept = record.get("model")
    if not kept:
        return None
    known = registered(home, kept["path"])
    return Model(
        kept["name"], kept["path"], kept.get("version") or known.get("version"), kept.get("uri") or known.get("uri")
    )
