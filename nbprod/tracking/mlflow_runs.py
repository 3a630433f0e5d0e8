"""Publishes one run: parent, children, what they carry, and the model."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.tracking import artifacts, mlflow_model
from nbprod.tracking.context import with_password
from nbprod.tracking.lock import ProcessLock
from nbprod.tracking.mlflow_client import SETUP_TIMEOUT, connect, key, text
from nbprod.tracking.record import RunRecord, StageRecord, read_files

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH = 100


class Publication:
    """The telling of one run to MLflow.

    Parameters
    ----------
    record
        The run.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.context = record.context
        self.home = Path(self.context["home"])
        self.client, self.experiment = connect(record)
        self._file = self.home / "journal" / f"{record.run}.mlflow.json"
        self.state = self._read_state()

    def run(self) -> dict[str, Any]:
        """Tell everything; returns what MLflow calls run and model."""
        parent = self._parent()
        for stage in self.record.stages:
            self._publish_stage(stage)
        self._fill_parent(parent)
        model = mlflow_model.publish(self, parent)
        status = self.client.get_run(parent).info.status
        if status != self.record.status:
            self.client.set_terminated(parent, self.record.status, self.record.ended)
        address = {"tracking_uri": self.context["tracking_uri"], "experiment": self.experiment, "mlflow_run": parent}
        return {**address, **model}

    def open(self, stage: str) -> dict[str, str]:
        """Make parent and child of a stage that is about to run; returns where its own MLflow calls land."""
        self._parent()
        now = next((item for item in self.record.stages if item.name == stage), None)
        started = now.started if now else self.record.ended
        run_id = self._child(stage, started)
        address = with_password(self.context["tracking_uri"])
        return {"tracking_uri": address, "run_id": run_id, "experiment": self.context["name"]}

    def remember(self, **found: Any) -> None:
        """Note ids in the state file before they are used."""
        self.state.update(found)
        draft = self._file.with_suffix(".part")
        draft.write_text(json.dumps(self.state), encoding="utf-8")
        draft.replace(self._file)

    def _read_state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if found.get("uri") in (None, self.context["tracking_uri"]) else {}

    def _parent(self) -> str:
        tags = {
            "nbprod.run": self.record.run,
            "nbprod.kind": "run",
            "nbprod.notebook": self.context["notebook"],
            "nbprod.trigger": self.context["trigger"],
            "nbprod.engine": self.context["engine"],
            **self._source(),
        }
        query = f"tags.`nbprod.run` = '{self.record.run}' and tags.`nbprod.kind` = 'run'"
        name = f"{self.context['name']} {self.record.run[:4]}"
        trial = self.context.get("sweep")
        if trial:
            name = f"trial {trial['trial']} {self.record.run[:4]}"
            tags |= {"nbprod.sweep": trial["id"], "nbprod.trial": str(trial["trial"])}
            tags["mlflow.parentRunId"] = self.sweep(trial["id"])
        return self._ensure("parent", query, name, self.record.started, tags)

    def sweep(self, sweep_id: str) -> str:
        """Return the run in which the trials of a sweep are nested; whoever comes first makes it."""
        lock = ProcessLock(self.home / "journal" / "mlflow-sweep.lock")
        if not lock.acquire(SETUP_TIMEOUT):
            raise TimeoutError("another process has been setting up a sweep in MLflow for two minutes")
        try:
            tags = {
                "nbprod.sweep": sweep_id,
                "nbprod.kind": "sweep",
                "nbprod.notebook": self.context["notebook"],
                **self._source(),
            }
            query = f"tags.`nbprod.sweep` = '{sweep_id}' and tags.`nbprod.kind` = 'sweep'"
            name = f"{self.context['name']} sweep {sweep_id[:4]}"
            return self._ensure("sweep", query, name, self.record.started, tags)
        finally:
            lock.release()

    def _child(self, stage: str, started: int) -> str:
        tags = {
            "nbprod.run": self.record.run,
            "nbprod.kind": "stage",
            "nbprod.stage": stage,
            "mlflow.parentRunId": self.state["parent"],
            **self._source(),
        }
        query = f"tags.`nbprod.run` = '{self.record.run}' and tags.`nbprod.stage` = '{stage}'"
        return self._ensure(f"stage:{stage}", query, stage, started, tags)

    def _ensure(self, what: str, query: str, name: str, started: int, tags: Mapping[str, str]) -> str:
        """Return the id of a run that was made before, else make it."""
        if what not in self.state:
            found = self.client.search_runs([self.experiment], query, max_results=1)
            run = found[0] if found else self.client.create_run(self.experiment, started, dict(tags), name)
            self.remember(uri=self.context["tracking_uri"], **{what: run.info.run_id})
        return str(self.state[what])

    def _source(self) -> dict[str, str]:
        git = self.context["git"]
        tags = {"mlflow.source.name": self.context["notebook"], "mlflow.source.type": "NOTEBOOK"}
        if git:
            tags["mlflow.source.git.commit"] = git["commit"]
            tags["mlflow.source.git.branch"] = git["branch"]
            tags["mlflow.source.git.dirty"] = str(git["dirty"]).lower()
        return tags

    def _publish_stage(self, stage: StageRecord) -> None:
        run_id = self._child(stage.name, stage.started)
        if f"done:{stage.name}" in self.state:
            return
        values = self.context["parameters"]
        read = self.context["stages"].get(stage.name, {}).get("parameters", [])
        tags = {"nbprod.status": str(stage.data.get("status", "killed")), "nbprod.reason": stage.data.get("reason", "")}
        if stage.cached_from:
            tags["nbprod.cached_from"] = stage.cached_from
        self.batch(run_id, {name: values[name] for name in read if name in values}, stage.data.get("metrics"), tags)
        self._datasets(run_id, read_files(stage))
        if not stage.cached_from:
            with tempfile.TemporaryDirectory() as folder:
                if artifacts.of_stage(stage, self.context, Path(folder)):
                    self.client.log_artifacts(run_id, folder)
        self.client.set_terminated(run_id, stage.status, stage.ended)
        self.remember(**{f"done:{stage.name}": True})

    def _fill_parent(self, run_id: str) -> None:
        final = self.record.final
        gates = final.get("gates") or []
        tags = {f"nbprod.gate.{number}": _gate(gate) for number, gate in enumerate(gates, 1)}
        tags["nbprod.status"] = str(final.get("status", "killed"))
        if final.get("error"):
            tags["nbprod.error"] = final["error"].get("message", "")
            tags["mlflow.note.content"] = f"{final['error'].get('code', '')} {final['error'].get('message', '')}"
        metrics = dict(final.get("metrics") or {})
        if gates:
            metrics["gates_held"] = sum(bool(gate["held"]) for gate in gates)
            metrics["gates_failed"] = len(gates) - metrics["gates_held"]
        self.batch(run_id, self.context["parameters"], metrics, tags)
        self._datasets(run_id, {**self.record.files_read, **_recorded_rows(final)})
        with tempfile.TemporaryDirectory() as folder:
            artifacts.of_run(self.record, Path(folder))
            self.client.log_artifacts(run_id, folder)

    def batch(
        self, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float] | None, tags: Mapping[str, str]
    ) -> None:
        """Log parameters that are not there yet, metrics and tags."""
        from mlflow.entities import Metric, Param, RunTag

        known = self.client.get_run(run_id).data.params  # MLflow never changes one, such as what autolog put there
        given = [Param(key(name), text(value)) for name, value in params.items() if key(name) not in known]
        marks = [RunTag(name, text(value)) for name, value in tags.items() if value]
        at = self.record.ended
        numbers = [Metric(key(name), float(value), at, 0) for name, value in (metrics or {}).items()]
        self.client.log_batch(run_id, params=given[:BATCH], tags=marks[:BATCH])
        for start in range(BATCH, max(len(given), len(marks)), BATCH):
            self.client.log_batch(run_id, params=given[start : start + BATCH], tags=marks[start : start + BATCH])
        for start in range(0, len(numbers), BATCH):
            self.client.log_batch(run_id, metrics=numbers[start : start + BATCH])

    def _datasets(self, run_id: str, files: Mapping[str, str]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if not files:
            return
        root = Path(self.context["root"])
        inputs = []
        for path, digest in files.items():
            full = root / path
            if full.is_dir():
                continue
            name = full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)
            source = json.dumps({"uri": str(full)})
            dataset = Dataset(name[-500:], digest.rpartition(":")[2][:36], "local", source)
            inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", "input")]))
        self.client.log_inputs(run_id, inputs)


def _recorded_rows(final: Mapping[str, Any]) -> dict[str, str]:
    """Return the file of the rows kept with the model, with its digest: data that no file was read for is known too."""
    file = Path((final.get("model") or {}).get("path") or "", "sample.json")
    return {str(file): f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"} if file.is_file() else {}


def _gate(gate: Mapping[str, Any]) -> str:
    return f"{gate['expression']}: {'held' if gate['held'] else 'not held'}"
