"""What is known of a run while it goes on: told to listeners, kept in `runs/<id>/`, put on record in the ledger."""

from __future__ import annotations

import datetime
import json
import time
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from nbprod.core.errors import StageFailed
from nbprod.core.run import Event, Run, RunStatus, StageRun, StageStatus
from nbprod.execution import specs
from nbprod.store import to_record
from nbprod.store.files import storing, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.errors import NbprodError
    from nbprod.core.model import Model
    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.core.run import GateResult, Listener
    from nbprod.store import Ledger


class Recorder:
    """The run as it stands.

    Parameters
    ----------
    run
        The run's id.
    pipeline, project
        What is run, and where its record is kept.
    parameters
        Overrides by name.
    listeners
        Hear every event, in order.
    ledger
        Gets the run before anything of it happens, and its end.
    """

    def __init__(
        self,
        run: str,
        pipeline: Pipeline,
        project: Project,
        parameters: Mapping[str, Any],
        ledger: Ledger,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.folder = project.home / "runs" / run
        self.parameters = {name: plain(value) for name, value in parameters.items()}
        self.run = Run(
            run,
            pipeline.notebook,
            RunStatus.RUNNING,
            tuple(StageRun(stage.name, StageStatus.PENDING) for stage in pipeline.stages),
            self.parameters,
            started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            notes=project.notes,
        )
        self._files = pipeline.files
        self._live: dict[str, dict[str, Any]] = {stage.name: _live(stage) for stage in pipeline.stages}
        self._listeners = listeners
        self._ledger = ledger
        self._begun = time.monotonic()
        self._definitions = specs.everything(pipeline, parameters)
        self._log: IO[str] | None = None

    def begin(self, python: str) -> None:
        """Put the run on record and tell of it."""
        with storing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._log = (self.folder / "events.jsonl").open("a", encoding="utf-8")
        write_json(self.folder / "definitions.json", self._definitions)
        self._ledger.begin_run(self.run.id, self.run.notebook, to_record(self.run))
        self._save()
        names = [stage.name for stage in self.run.stages]
        about = {"run": self.run.id, "notebook": self.run.notebook, "stages": names}
        self.emit("run-started", None, **about, parameters=dict(self.parameters), python=python)

    def emit(self, kind: str, stage: str | None, **data: Any) -> None:
        """Tell listeners, and append to the run's log."""
        event = Event(kind, stage, data)
        if self._log is not None:
            line = {"time": time.time(), "kind": kind, "stage": stage, "data": data}
            with storing(self.folder):
                self._log.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
                self._log.flush()
        for listener in self._listeners:
            listener(event)

    def note(self, message: str) -> None:
        """Add a note for the user, once."""
        if message not in self.run.notes:
            self.run = replace(self.run, notes=(*self.run.notes, message))
            self.emit("note", None, message=message)

    def started(self, stage: str, reason: str) -> None:
        """Note that a stage begins to run."""
        self._live.setdefault(stage, {})["started"] = time.time()
        self._put(StageRun(stage, StageStatus.RUNNING, reason))
        self._save()
        self.emit("stage-started", stage, reason=reason)

    def cell(self, stage: str, cell: int) -> None:
        """Note that a cell begins to run."""
        self._live.setdefault(stage, {})["cell"] = cell
        self._save()
        self.emit("cell-started", stage, cell=cell)

    def finished(self, stage: StageRun, observed: Mapping[str, Any] | None = None) -> None:
        """Note that a stage is done, in whatever way."""
        before = self.stage(stage.name)
        self._live.setdefault(stage.name, {}).pop("cell", None)
        self._put(stage)
        self.run = replace(self.run, metrics={**self.run.metrics, **stage.metrics})
        if before is not None and before.status is StageStatus.RUNNING:
            self._save()
        self.emit(
            "stage-finished",
            stage.name,
            status=str(stage.status),
            seconds=stage.seconds,
            outputs=list(stage.outputs),
            reason=stage.reason,
            metrics=dict(stage.metrics),
            notebook=stage.notebook,
            html=stage.html,
            snapshot=stage.snapshot,
            observed=dict(observed or {}),
        )

    def gates(self, gates: Sequence[GateResult], *, first: bool = False) -> None:
        """Add what gates said."""
        both = (*gates, *self.run.gates) if first else (*self.run.gates, *gates)
        self.run = replace(self.run, gates=both)

    def model(self, model: Model) -> None:
        """Set the run's model."""
        self.run = replace(self.run, model=model)

    def stage(self, name: str) -> StageRun | None:
        """Return a stage as it stands."""
        return next((stage for stage in self.run.stages if stage.name == name), None)

    def interruption(self, *, keep_going: bool) -> NbprodError:
        """Return the error of a run that was interrupted: the failure it had ended with already, if any."""
        failures = [stage.error for stage in self.run.stages if stage.status is StageStatus.FAILED and stage.error]
        if failures and not keep_going:
            return failures[0]
        current = next((stage.name for stage in self.run.stages if stage.status is StageStatus.RUNNING), None)
        text, where = (f"interrupted in stage {current}", f" at {current}") if current else ("interrupted", "")
        return StageFailed("NB506", text, f"nbprod run {self._files}   continues{where}")

    def end(self, status: RunStatus, error: NbprodError | None, notes: Sequence[str] = ()) -> Run:
        """Put the end of the run on record, tell of it, and return it."""
        for text in notes:
            self.note(text)
        seconds = round(time.monotonic() - self._begun, 3)
        self.run = replace(self.run, status=status, error=error, seconds=seconds)
        self._ledger.save_run(self.run.id, str(status), to_record(self.run))
        self._save()
        self.emit("run-finished", None, **self.record())
        self.close()
        return self.run

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def record(self) -> dict[str, Any]:
        """Return the run as `runs/<id>/run.json` has it."""
        record = to_record(self.run)
        for entry in record["stages"]:
            entry.update(self._live.get(entry["name"], {}))
        return record

    def _put(self, stage: StageRun) -> None:
        stages = tuple(stage if known.name == stage.name else known for known in self.run.stages)
        self.run = replace(self.run, stages=stages)

    def _save(self) -> None:
        record = self.record()
        record["seconds"] = record["seconds"] or round(time.monotonic() - self._begun, 3)
        write_json(self.folder / "run.json", record)


def executed_path(folder: Path, stage: str) -> Path:
    """Return where the executed notebook of a stage is kept."""
    return folder / f"{stage}.ipynb"


def _live(stage: Stage) -> dict[str, Any]:
    return {"cells": list(stage.cells)}


def plain(value: Any) -> Any:
    """Return a parameter's value as JSON has it; what JSON has not, as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    finite = not isinstance(value, float) or value - value == 0
    if (value is None or isinstance(value, bool | int | float | str)) and finite:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
