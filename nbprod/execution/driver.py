"""Carries out a run: stage by stage, decides from what the stages before left, executes or reuses, records."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import ModelError, NbprodError, StageFailed
from nbprod.core.run import RunStatus, StageRun, StageStatus
from nbprod.execution import crossing, gates, outputs, specs
from nbprod.execution import overrides as given
from nbprod.execution.ahead import Ahead
from nbprod.execution.crew import Crew
from nbprod.execution.modelling import Modelling
from nbprod.execution.planning import Planner, forced, outside
from nbprod.execution.recorder import Recorder, executed_path
from nbprod.execution.runner import SessionRunner, Work, read_manifest
from nbprod.execution.timeline import Entry, Timeline
from nbprod.store import Snapshot
from nbprod.store.ledger import digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbprod.config import Project
    from nbprod.core.errors import BoundaryError
    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.core.protocols import StageTracking
    from nbprod.core.run import Listener, Run, RunOptions
    from nbprod.execution.crew import Task
    from nbprod.execution.planning import Decision
    from nbprod.execution.runner import Runner
    from nbprod.store import Ledger

ENDINGS = {"NB506": RunStatus.INTERRUPTED, "NB508": RunStatus.PRUNED}
"""Errors that somebody wanted: they are no failures."""
MOST_REWINDS = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a failed stage is tried again: twice as many each time."""


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
        self.run = options.run_id or os.urandom(4).hex()
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
        self._lost: dict[str, NbprodError] = {}
        self._crew = Crew(options.jobs, self._hear)
        mine = [stage for stage in pipeline.stages if stage.name not in self.before | self.after]
        self._early = Ahead(pipeline, self._crew, mine, self.timeline, self)

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
        self.recorder = Recorder(self.run, self.pipeline, self.project, self.options.parameters, self.ledger, listeners)
        try:
            self.recorder.begin(self.planner.python(self.stages[0]).version if self.stages else "")
            return self._carry_out(sessions)
        finally:
            self._crew.end()
            self.runner.close(at_once=True)
            self.recorder.close()

    def _carry_out(self, sessions: SessionRunner) -> Run:
        status, error = RunStatus.SUCCEEDED, None
        try:
            for text in given.derived_notes(self.pipeline, self.options.parameters):
                self.recorder.note(text)
            self._all()
            self._conclude(sessions)
            self.runner.dismiss()
        except KeyboardInterrupt:
            error = self.recorder.interruption(keep_going=self.options.keep_going)
        except NbprodError as problem:
            error = problem
            self._drain()
        if error is not None:
            status = ENDINGS.get(error.code, RunStatus.FAILED)
            self._skip_rest(error)
        return self.recorder.end(status, error, self.planner.sharing.finish(at_once=status is RunStatus.INTERRUPTED))

    def _drain(self) -> None:
        """Wait for the stages that still run, unless the user has enough of waiting; the run has failed already."""
        with contextlib.suppress(KeyboardInterrupt):
            for task, failure in self._early.drained():
                self._failed(task.stage, failure)

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
            stage = self.stages[position]
            try:
                self._one(stage)
                self._heed()
                position += 1
            except NbprodError as problem:
                if not self.options.keep_going or problem.code in ENDINGS:
                    raise
                self._lost[stage.name] = problem
                position += 1
            except _RewindError as rewind:
                position = min(names.index(name) for name in rewind.stages)
                self._forced = {**self._forced, **rewind.stages}
                self._done -= set(rewind.stages)
                self.timeline.truncate(position)
                self.runner.settle(keep=False)
        self.planner.materialise()
        for error in self._lost.values():
            raise error

    def _one(self, stage: Stage) -> None:
        if stage.name in self.after:
            self.recorder.finished(StageRun(stage.name, StageStatus.SKIPPED, f"after --to {self.options.stop}"))
            return
        if stage.name in self.before:
            entry, snapshot = self.planner.kept(stage, self.timeline)
            self._adopt(stage, entry, snapshot, f"as run {snapshot.run[:4]} left it")
            return
        lost = self._needs(stage) & self._lost.keys()
        if lost:
            name = min(lost)
            self._lost[stage.name] = self._lost[name]
            self.recorder.finished(StageRun(stage.name, StageStatus.SKIPPED, f"stage {name} did not succeed"))
            return
        self._early.catch_up(stage)
        decision = self.decide(stage, self.timeline)
        if decision.entry is not None and decision.snapshot is not None:
            self._adopt(stage, decision.entry, decision.snapshot, decision.reason)
            return
        (self._gate if self._is_gate(stage) else self._execute)(stage, decision)

    def decide(self, stage: Stage, timeline: Timeline) -> Decision:
        """Return what is done with a stage when those of `timeline` come before it."""
        must = {name: why for name, why in self._forced.items() if name not in self._done}
        return self.planner.decide(stage, timeline, must)

    def _needs(self, stage: Stage) -> set[str]:
        """Return the stages that one needs, or must follow."""
        if self._is_gate(stage):
            return set(self._lost)
        return {edge.source for edge in self.pipeline.edges if edge.target == stage.name}

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
        self._early.take(stage)
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

    def _execute(self, stage: Stage, decision: Decision) -> None:
        """Execute a stage, again in a new process as often as its retries allow."""
        self._need_held(stage, decision)
        self.planner.materialise()
        early = self._early.take(stage)
        if early is None or early.decision.fingerprint.key != decision.fingerprint.key:
            self.recorder.started(stage.name, decision.reason)
            early = None
        while True:
            work = early.work if early else self._work(stage, decision)
            try:
                self._attempt(work, decision, early)
            except NbprodError as error:
                early = None
                if self._retry(stage, decision, error):
                    continue
                self._failed(stage, error)
                raise
            entry = self.succeeded(stage, decision, work)
            self.timeline.add(entry)
            self.runner.settle(keep=crossing.needed_later(self.runner, self.timeline, self._read_after(stage), entry))
            if self._is_gate(stage):
                self.recorder.gates(gates.cells(stage, None))
            return

    def _attempt(self, work: Work, decision: Decision, early: Task | None) -> None:
        """Execute a stage once, or hear what became of it when it was begun early; raises why it failed."""
        if early is None:
            self.ledger.begin_stage(self.run, work.stage.name, self.home / work.spec["manifest"])
        if not isinstance(self.runner, SessionRunner) or self.options.jobs == 1:
            self.runner.execute(work, lambda event: self._hear(work, event))
            return
        if early is None:
            self._early.make_room(work.stage)
        task = early or self._crew.start(work, decision, self.runner)
        self._early.until(task)
        if task.error is not None:
            raise task.error

    def begin(self, stage: Stage, decision: Decision) -> Task:
        """Begin a stage before it is its turn."""
        work = self._work(stage, decision)
        self.recorder.started(stage.name, decision.reason)
        self.ledger.begin_stage(self.run, stage.name, self.home / work.spec["manifest"])
        return self._crew.start(work, decision, SessionRunner())

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
        error = crossing.refusal(self.pipeline, self.timeline, stage, gone)
        if not self._is_gate(stage):
            self.recorder.finished(StageRun(stage.name, StageStatus.FAILED, error.message, error=error))
        return error

    def _retry(self, stage: Stage, decision: Decision, error: NbprodError) -> bool:
        attempt = self._attempts[stage.name] = self._attempts.get(stage.name, 0) + 1
        if attempt > stage.options.retries or not isinstance(error, StageFailed) or error.code in ENDINGS:
            return False
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
        self.recorder.note(f"{stage.name} failed ({error.message}); attempt {attempt + 1} in {pause:g} s")
        time.sleep(pause)
        if decision.inputs.held:
            raise _RewindError(dict.fromkeys(decision.inputs.held.values(), f"retried together with {stage.name}"))
        return True

    def _work(self, stage: Stage, decision: Decision) -> Work:
        manifest = self.home / "manifests" / f"{self.run}-{stage.name}-{os.urandom(3).hex()}.json"
        mlflow = self._tracking.stage(stage.name) if self._tracking and "mlflow" in stage.modules else None
        spec = specs.stage_spec(self.planner, stage, decision, manifest, mlflow)
        spec["alone"] = not self.runner.alive()
        executed = executed_path(self.recorder.folder, stage.name)
        place = decision.python, self.planner.environment, self.pipeline
        return Work(stage, spec, executed, *place, self.options.zygote)

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

    def succeeded(self, stage: Stage, decision: Decision, work: Work) -> Entry:
        """Put on record what a stage has left."""
        path = self.home / "manifests" / Path(work.spec["manifest"]).name
        manifest = read_manifest(path)
        outputs.keep(manifest, self.planner.world, self.planner.buffers)
        kept = specs.definitions(stage, decision.inputs.definitions)
        facts = {**decision.fingerprint.facts(), "definitions": kept}
        key = decision.fingerprint.key
        snapshot = Snapshot(self.pipeline.notebook, stage.name, key, path, digest_file(path), self.run, 0.0, facts)
        self.planner.keep(snapshot)
        entry = Entry(stage.name, path, manifest, key, tuple(kept))
        self._done.add(stage.name)
        seconds = round(float(manifest["seconds"]), 3)
        result = self._result(entry, StageStatus.SUCCEEDED, decision.reason, seconds, str(work.executed))
        self.recorder.finished(result, self.planner.world.located(manifest["observed"]))
        for text in crossing.losses(stage.name, manifest, self._read_after(stage)):
            self.recorder.note(text)
        return entry

    @staticmethod
    def _result(entry: Entry, status: StageStatus, reason: str, seconds: float, notebook: str | None) -> StageRun:
        metrics, key = entry.manifest["metrics"], entry.fingerprint
        return StageRun(entry.stage, status, reason, seconds, entry.outputs(), metrics, key, str(entry.path), notebook)

    def _read_after(self, stage: Stage) -> set[str]:
        return crossing.read_after(self.stages[self.stages.index(stage) + 1 :], self.timeline)

    def _failed(self, stage: Stage, error: NbprodError) -> None:
        self.ledger.end_stage(self.run, stage.name, "failed")
        reason = error.message.splitlines()[0] if error.message else "failed"
        status = StageStatus.PRUNED if error.code == "NB508" else StageStatus.FAILED
        self._told_failed(stage.name, status, reason, error)

    def _told_failed(self, stage: str, status: StageStatus, reason: str, error: NbprodError) -> None:
        path = executed_path(self.recorder.folder, stage)
        notebook = str(path) if path.exists() else None
        self.recorder.finished(StageRun(stage, status, reason, notebook=notebook, error=error))

    def _skip_rest(self, error: NbprodError) -> None:
        """Mark what did not run; the stage that an interrupt hit has failed."""
        failed: str | None = None
        for stage in self.recorder.run.stages:
            if stage.status is StageStatus.RUNNING:
                self._told_failed(stage.name, StageStatus.FAILED, error.message, error)
            if stage.status in (StageStatus.FAILED, StageStatus.PRUNED, StageStatus.RUNNING):
                failed = stage.name
            if stage.status is StageStatus.PENDING:
                why = f"stage {failed} failed" if failed and error.code != "NB508" else error.message
                self.recorder.finished(StageRun(stage.name, StageStatus.SKIPPED, why))
