"""Carries out a run: stage by stage, decides from what the stages before left, executes or reuses, records."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import BoundaryError, ModelError, NbprodError, StageFailed
from nbprod.core.run import RunStatus, StageRun, StageStatus
from nbprod.execution import gates, outputs, specs
from nbprod.execution import overrides as given
from nbprod.execution.modelling import Modelling
from nbprod.execution.planning import Planner, forced, outside
from nbprod.execution.recorder import Recorder, executed_path
from nbprod.execution.runner import Work, read_manifest
from nbprod.execution.timeline import Entry, Timeline
from nbprod.store import Snapshot
from nbprod.store.ledger import digest_file
from nbprod.worker import links

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.core.protocols import StageTracking
    from nbprod.core.run import Listener, Run, RunOptions
    from nbprod.execution.planning import Decision
    from nbprod.execution.runner import Runner, SessionRunner
    from nbprod.store import Ledger

PSEUDO = ("gate", "test")
ENDINGS = {"NB506": RunStatus.INTERRUPTED, "NB508": RunStatus.PRUNED}
"""Errors that somebody wanted: they are no failures."""

MOST_REWINDS = 3


class _RewindError(Exception):
    """Earlier stages must run again first, because what they hold lives in no process any more."""

    def __init__(self, stages: Mapping[str, str]) -> None:
        super().__init__(stages)
        self.stages = stages


class Driver:
    """One run.

    Parameters
    ----------
    pipeline, project, options
        What is run, where, and what the user asked.
    ledger
        Of the project.
    runner
        Executes the stages; `sessions` executes what is always ours: the model step.
    """

    def __init__(
        self, pipeline: Pipeline, project: Project, options: RunOptions, ledger: Ledger, runner: Runner
    ) -> None:
        self.run = options.run_id or secrets.token_hex(4)
        self.pipeline = pipeline
        self.home = project.home
        self.project = project
        self.options = options
        self.ledger = ledger
        self.runner = runner
        self.planner = Planner(pipeline, project, options, ledger, self.run)
        self.timeline = Timeline()
        self.before, self.after = outside(pipeline, options)
        pseudo = () if self.after else (pipeline.gate, pipeline.test)
        self.stages: list[Stage] = [*pipeline.stages, *(stage for stage in pseudo if stage is not None)]
        self._tracking: StageTracking | None = None
        self._halt: Callable[[], str | None] | None = None
        self._forced = forced(pipeline, options)
        self._done: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._rewinds: dict[str, int] = {}

    def go(
        self,
        listeners: Sequence[Listener],
        tracking: StageTracking | None,
        sessions: SessionRunner,
        halt: Callable[[], str | None] | None = None,
    ) -> Run:
        """Carry out the run and return it, however it ended; raises only before anything ran.

        `halt` is asked after every report and every stage whether the run shall end now, and why.
        """
        self._tracking, self._halt = tracking, halt
        for stage in self.stages:
            self.planner.python(stage)
            if stage.name in self.before:
                self.planner.kept(stage)
        given = self.options.parameters
        self.recorder = Recorder(self.run, self.pipeline, self.project, given, self.ledger, listeners)
        try:
            self.recorder.begin(self.planner.python(self.stages[0]).version if self.stages else "")
            return self._carry_out(sessions)
        finally:
            self.runner.close(at_once=True)
            self.recorder.close()

    def _carry_out(self, sessions: SessionRunner) -> Run:
        status, error = RunStatus.SUCCEEDED, None
        try:
            for text in given.derived_notes(self.pipeline, self.options.parameters):
                self.recorder.note(text)
            self._all()
            self._conclude(sessions)
            self.runner.close()
        except KeyboardInterrupt:
            status, error = RunStatus.INTERRUPTED, self._interrupted()
        except NbprodError as problem:
            status, error = ENDINGS.get(problem.code, RunStatus.FAILED), problem
        if error is not None:
            self._skip_rest(error)
        return self.recorder.end(status, error)

    def _interrupted(self) -> NbprodError:
        current = next((s.name for s in self.recorder.run.stages if s.status is StageStatus.RUNNING), None)
        text = f"interrupted in stage {current}" if current else "interrupted"
        where = f" at {current}" if current else ""
        return StageFailed("NB506", text, f"nbprod run {self.pipeline.files}   continues{where}")

    def _conclude(self, sessions: SessionRunner) -> None:
        """Judge the gates and write the model."""
        done = [stage.name for stage in self.recorder.run.stages if stage.status is not StageStatus.SKIPPED]
        self.recorder.gates(gates.conditions(self.pipeline, done, self.recorder.run.metrics), first=True)
        if self.after or self.options.trial:
            return
        try:
            model = Modelling(self.planner, self.ledger, sessions).model(self.timeline)
        except ModelError as error:
            self.recorder.note(f"no model: {error.message}" + (f" ({error.hint})" if error.hint else ""))
            return
        if model is not None:
            self.recorder.model(model)

    # all stages, in order; back to an earlier one when its process is needed again

    def _all(self) -> None:
        names = [stage.name for stage in self.stages]
        position = 0
        while position < len(self.stages):
            try:
                self._one(self.stages[position])
                self._heed()
                position += 1
            except _RewindError as rewind:
                position = min(names.index(name) for name in rewind.stages)
                self._forced = {**self._forced, **rewind.stages}
                self._done -= set(rewind.stages)
                self.timeline.truncate(position)
                self.runner.settle(keep=False)
        outputs.materialise(self.planner.world, self.planner.buffers)

    def _one(self, stage: Stage) -> None:
        if stage.name in self.after:
            self.recorder.finished(StageRun(stage.name, StageStatus.SKIPPED, f"after --to {self.options.stop}"))
            return
        if stage.name in self.before:
            entry, snapshot = self.planner.kept(stage, self.timeline)
            self._adopt(stage, entry, snapshot, f"as run {snapshot.run[:4]} left it")
            return
        must = {name: why for name, why in self._forced.items() if name not in self._done}
        decision = self.planner.decide(stage, self.timeline, must)
        if decision.entry is not None and decision.snapshot is not None:
            self._adopt(stage, decision.entry, decision.snapshot, decision.reason)
            return
        if stage.name in PSEUDO and stage not in self.pipeline.stages:
            self._gate(stage, decision)
        else:
            self._execute(stage, decision)

    def _gate(self, stage: Stage, decision: Decision) -> None:
        try:
            self._execute(stage, decision)
        except StageFailed as error:
            if error.code in ENDINGS:
                raise
            self.recorder.gates(gates.cells(stage, error))

    def _adopt(self, stage: Stage, entry: Entry, snapshot: Snapshot, reason: str) -> None:
        """Take a stored snapshot as what the stage leaves."""
        self.timeline.add(entry)
        outputs.reuse(entry.manifest, self.planner.world)
        if self._is_gate(stage):
            self.recorder.gates(gates.cells(stage, None))
        known = self.recorder.stage(stage.name)
        if known is not None and known.status is StageStatus.SUCCEEDED:
            return  # it ran a moment ago, before an earlier stage had to run again
        notebook = executed_path(self.home / "runs" / snapshot.run, stage.name)
        shown = str(notebook) if notebook.exists() else None
        result = self._result(entry, StageStatus.CACHED, reason, 0.0, shown)
        self.recorder.finished(result, self.planner.world.located(entry.manifest["observed"]))

    def _is_gate(self, stage: Stage) -> bool:
        return stage is self.pipeline.gate or stage is self.pipeline.test

    # one stage

    def _execute(self, stage: Stage, decision: Decision) -> None:
        """Execute a stage, again in a new process as often as its retries allow."""
        self._need_held(stage, decision)
        outputs.materialise(self.planner.world, self.planner.buffers)
        self.recorder.started(stage.name, decision.reason)
        while True:
            work = self._work(stage, decision)
            self.ledger.begin_stage(self.run, stage.name, self.home / work.spec["manifest"])
            try:
                self.runner.execute(work, lambda event, work=work: self._hear(work, event))  # type: ignore[misc]  # the default binds the loop's value
            except NbprodError as error:
                if self._retry(stage, decision, error):
                    continue
                self._failed(stage, work, error)
                raise
            self._succeeded(stage, decision, work)
            return

    def _need_held(self, stage: Stage, decision: Decision) -> None:
        """See to it that values that cannot be stored are in a living process when their reader begins."""
        alive = self.runner.alive()
        held = {name: origin for name, origin in decision.inputs.held.items() if origin not in alive}
        gone = {name: origin for name, origin in held.items() if self.runner.needs(stage, name)}
        if not gone:
            return
        often = max(self._rewinds.get(origin, 0) for origin in gone.values())
        barred = {name: origin for name, origin in gone.items() if not self.runner.joins(name)}
        if barred or often >= MOST_REWINDS:
            raise self._boundary(stage, barred or gone)
        for origin in set(gone.values()):
            self._rewinds[origin] = self._rewinds.get(origin, 0) + 1
        reason = "it holds {}, which cannot be stored and stage {} needs"
        raise _RewindError({origin: reason.format(name, stage.name) for name, origin in gone.items()})

    def _boundary(self, stage: Stage, gone: Mapping[str, str]) -> BoundaryError:
        name, origin = next(iter(gone.items()))
        found = self.timeline.find(name)
        why = found.entry.manifest["unstorable"][name] if found else {"type": "value", "reason": "unknown"}
        made = "left" if links.is_state(name) else f"a {why['type']} made"
        text = f"{name}, {made} in stage {origin}, cannot cross to stage {stage.name}: {why['reason']}"
        hint = f"make {name} in stage {stage.name}, or put both cells into one stage"
        error = BoundaryError("NB410", text, hint, specs.where_bound(self.pipeline, origin, name))
        if not self._is_gate(stage):
            self.recorder.finished(StageRun(stage.name, StageStatus.FAILED, text, error=error))
        return error

    def _retry(self, stage: Stage, decision: Decision, error: NbprodError) -> bool:
        attempt = self._attempts[stage.name] = self._attempts.get(stage.name, 0) + 1
        if attempt > stage.options.retries or not isinstance(error, StageFailed) or error.code in ENDINGS:
            return False
        self.recorder.note(f"{stage.name} failed ({error.message}); attempt {attempt + 1}")
        if decision.inputs.held:
            raise _RewindError(dict.fromkeys(decision.inputs.held.values(), f"retried together with {stage.name}"))
        return True

    def _work(self, stage: Stage, decision: Decision) -> Work:
        manifest = self.home / "manifests" / f"{self.run}-{stage.name}-{secrets.token_hex(3)}.json"
        mlflow = self._tracking.stage(stage.name) if self._tracking and "mlflow" in stage.modules else None
        spec = specs.stage_spec(self.planner, stage, decision, manifest, mlflow)
        executed = executed_path(self.recorder.folder, stage.name)
        return Work(stage, spec, executed, decision.python, self.planner.environment, self.pipeline)

    def _hear(self, work: Work, event: Mapping[str, Any]) -> None:
        index, steps, stage = event.get("index"), work.spec["steps"], work.stage.name
        if not isinstance(index, int) or not 0 <= index < len(steps) or steps[index]["kind"] != "cell":
            return
        if steps[index].get("notebook", "") not in ("", *self.pipeline.notebooks):
            return  # of a file that %run brought in: its cells are none of the notebook's
        if event["event"] == "cell-started":
            self.recorder.cell(stage, steps[index]["cell"])
        elif event["event"] == "output":
            self.recorder.emit("output", stage, cell=steps[index]["cell"], output=event["output"])
        elif event["event"] == "report":
            self.recorder.emit("report", stage, step=event["step"], value=event["value"])
            self._heed()

    def _heed(self) -> None:
        """End the run when what it told so far is reason enough."""
        why = self._halt() if self._halt else None
        if why is not None:
            raise StageFailed("NB508", why)

    def _succeeded(self, stage: Stage, decision: Decision, work: Work) -> None:
        path = self._path_of(work)
        manifest = read_manifest(path)
        outputs.keep(manifest, self.planner.world, self.planner.buffers)
        kept = specs.definitions(stage, decision.inputs.definitions)
        facts = {**decision.fingerprint.facts(), "definitions": kept}
        key = decision.fingerprint.key
        snapshot = Snapshot(self.pipeline.notebook, stage.name, key, path, digest_file(path), self.run, 0.0, facts)
        self.ledger.add_snapshot(snapshot)
        entry = Entry(stage.name, path, manifest, key, tuple(kept))
        self.timeline.add(entry)
        self._done.add(stage.name)
        self.runner.settle(keep=self._needed_later(stage, manifest))
        if self._is_gate(stage):
            self.recorder.gates(gates.cells(stage, None))
        seconds = round(float(manifest["seconds"]), 3)
        result = self._result(entry, StageStatus.SUCCEEDED, decision.reason, seconds, str(work.executed))
        self.recorder.finished(result, self.planner.world.located(manifest["observed"]))
        self._note_losses(stage, manifest)

    def _path_of(self, work: Work) -> Path:
        return self.home / "manifests" / work.spec["manifest"].replace("\\", "/").rpartition("/")[2]

    @staticmethod
    def _result(entry: Entry, status: StageStatus, reason: str, seconds: float, notebook: str | None) -> StageRun:
        metrics, key = entry.manifest["metrics"], entry.fingerprint
        return StageRun(entry.stage, status, reason, seconds, entry.outputs(), metrics, key, str(entry.path), notebook)

    def _needed_later(self, stage: Stage, manifest: Mapping[str, Any]) -> bool:
        """Whether the process must live on: it, or a stage it was fused with, holds what a later stage reads."""
        fused = self.runner.alive()
        held = set(manifest["unstorable"])
        for entry in self.timeline.entries:
            held |= set(entry.manifest["unstorable"]) if entry.stage in fused else set()
        return any(self.runner.joins(name) for name in held & self._read_after(stage))

    def _read_after(self, stage: Stage) -> set[str]:
        later = self.stages[self.stages.index(stage) + 1 :]
        state = {name for entry in self.timeline.entries for name in entry.manifest["unstorable"] if later}
        return {name for item in later for name in item.reads} | set(filter(links.is_state, state))

    def _note_losses(self, stage: Stage, manifest: Mapping[str, Any]) -> None:
        """Tell what was not kept, and which sets come to later stages in another order."""
        for group in manifest["groups"]:
            large, names = group.get("disordered", 0), sorted(set(group["names"]) & self._read_after(stage))
            if large and names:
                text = f"{', '.join(names)} of stage {stage.name} holds a set of {large:,} elements"
                self.recorder.note(f"{text}: one so large comes back in another order; use sorted() where it matters")
        for name, why in manifest["unstorable"].items():
            if name not in self._read_after(stage) and not links.is_state(name):
                text = f"{name} of stage {stage.name} was not kept: a {why['type']} cannot be stored"
                self.recorder.note(f"{text} ({why['reason']})")

    def _failed(self, stage: Stage, work: Work, error: NbprodError) -> None:
        self.ledger.end_stage(self.run, stage.name, "failed")
        reason = error.message.splitlines()[0] if error.message else "failed"
        notebook = str(work.executed) if work.executed.exists() else None
        status = StageStatus.PRUNED if error.code == "NB508" else StageStatus.FAILED
        self.recorder.finished(StageRun(stage.name, status, reason, notebook=notebook, error=error))

    def _skip_rest(self, error: NbprodError) -> None:
        """Mark what did not run; the stage that an interrupt hit has failed."""
        failed: str | None = None
        for stage in self.recorder.run.stages:
            if stage.status is StageStatus.RUNNING:
                path = executed_path(self.recorder.folder, stage.name)
                notebook = str(path) if path.exists() else None
                self.recorder.finished(
                    StageRun(stage.name, StageStatus.FAILED, error.message, notebook=notebook, error=error)
                )
            if stage.status in (StageStatus.FAILED, StageStatus.PRUNED, StageStatus.RUNNING):
                failed = stage.name
            if stage.status is StageStatus.PENDING:
                why = f"stage {failed} failed" if failed and error.code != "NB508" else error.message
                self.recorder.finished(StageRun(stage.name, StageStatus.SKIPPED, why))
