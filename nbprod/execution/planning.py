"""Plan: for each stage, run it or reuse a snapshot, and why."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import PlanError
from nbprod.core.frozen import dataclass
from nbprod.core.run import Plan, StagePlan
from nbprod.execution import environment, kernels, outputs
from nbprod.execution.fingerprint import RANDOM, Setting, explain, fingerprint
from nbprod.execution.observed import World
from nbprod.execution.sharing import Sharing
from nbprod.execution.timeline import Entry, Timeline
from nbprod.store import Ledger, load_manifest
from nbprod.store.contents import take, values
from nbprod.worker.buffers import Buffers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.core.run import RunOptions
    from nbprod.execution.fingerprint import Fingerprint
    from nbprod.execution.kernels import Interpreter
    from nbprod.execution.timeline import Inputs
    from nbprod.store import Snapshot

ALWAYS_FRESH = ("schedule", "retrain")


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a stage; `entry` is the reused snapshot, None when the stage runs."""

    stage: Stage
    reason: str
    fingerprint: Fingerprint
    inputs: Inputs
    python: Interpreter
    entry: Entry | None = None
    snapshot: Snapshot | None = None


class Planner:
    """Decides stage by stage, from what the stages before it left.

    Parameters
    ----------
    pipeline, project, options
        What is to be run, where, and what the user asked.
    ledger
        Knows the snapshots.
    run
        The id of the run that is going on; its own snapshots may be reused whatever was asked.
    """

    def __init__(
        self, pipeline: Pipeline, project: Project, options: RunOptions, ledger: Ledger, run: str = ""
    ) -> None:
        self.pipeline = pipeline
        self.project = project
        self.options = options
        self.ledger = ledger
        self.run = run
        self.folder = project.notebook(pipeline.notebook).parent
        self.environment = environment.of_stage(options.env_file)
        self.world = World(self.folder, ledger, self.environment)
        self.setting = Setting(pipeline, options.parameters, self.world, pipeline.notebook.rpartition("/")[0])
        self.buffers = Buffers(str(project.home / "buffers"))
        self.sharing = Sharing(options.store, project.home, ledger)
        self._pythons: dict[str | None, Interpreter] = {}
        _check_names(pipeline, options)

    def python(self, stage: Stage) -> Interpreter:
        """Return the interpreter of a stage: the notebook's, or its own."""
        asked = stage.options.python
        if asked not in self._pythons:
            self._pythons[asked] = kernels.find(self.pipeline, self.project, self.ledger, asked)
        return self._pythons[asked]

    def decide(self, stage: Stage, timeline: Timeline, forced: Mapping[str, str]) -> Decision:
        """Return what is done with `stage`; `forced` gives the reason for stages that must run."""
        python = self.python(stage)
        inputs = timeline.inputs(stage)
        mark = fingerprint(self.setting, stage, inputs, python)
        if stage.name in forced:
            return self._to_run(Decision(stage, forced[stage.name], mark, inputs, python))
        undecided = Decision(stage, "", mark, inputs, python)
        reason = ""
        for snapshot in chain(self.ledger.candidates(mark.key), self.sharing.candidates(mark.key)):
            manifest = load_manifest(snapshot)
            refused = self._refusal(undecided, snapshot, manifest)
            if not refused and manifest is not None:
                entry = self._reused(stage, snapshot, manifest)
                since = "made in this run" if snapshot.run == self.run else f"unchanged since run {snapshot.run[:4]}"
                return replace(undecided, reason=since, entry=entry, snapshot=snapshot)
            reason = reason or refused
        return self._to_run(replace(undecided, reason=reason or self._news(stage, mark)))

    def _to_run(self, decision: Decision) -> Decision:
        """Have what a stage reads fetched, if it is going to run at once."""
        if self.run:
            self.sharing.fetch(decision.inputs)
        return decision

    def kept(self, stage: Stage, timeline: Timeline | None = None) -> tuple[Entry, Snapshot]:
        """Return a stage's snapshot as it is, for `--from`; raises `PlanError` when there is none.

        One made from what the stages before it left, and with these parameters, is preferred to a newer one.
        """
        found = [self.ledger.latest(self.pipeline.notebook, stage.name)]
        if timeline is not None:
            mark = fingerprint(self.setting, stage, timeline.inputs(stage), self.python(stage))
            found = [*self.ledger.candidates(mark.key), *self.sharing.candidates(mark.key), *found]
        for snapshot in found:
            manifest = load_manifest(snapshot) if snapshot else None
            if snapshot is not None and manifest is not None and self._readable(snapshot, manifest):
                return self._reused(stage, snapshot, manifest), snapshot
        text = f"stage {stage.name} has no snapshot to start from"
        raise PlanError("NB404", text, f"nbprod run {self.pipeline.files}")

    def keep(self, snapshot: Snapshot) -> None:
        """Put what a stage left on record, and begin to push it."""
        self.ledger.add_snapshot(snapshot)
        self.sharing.share(snapshot)

    def materialise(self) -> None:
        """Make the files on disk what the stages reused so far would have left."""
        self.sharing.fetch_files(self.world)
        outputs.materialise(self.world, self.buffers)

    def _reused(self, stage: Stage, snapshot: Snapshot, manifest: Mapping[str, Any]) -> Entry:
        if self.run:
            self.sharing.share(snapshot)
        definitions = snapshot.facts.get("definitions", ())
        key = snapshot.fingerprint
        return Entry(stage.name, snapshot.manifest, manifest, key, tuple(definitions))

    def _refusal(self, decision: Decision, snapshot: Snapshot, manifest: Mapping[str, Any] | None) -> str:
        """Return why a snapshot made under the same key cannot be reused; empty when it can."""
        stage, mark = decision.stage, decision.fingerprint
        if manifest is None:
            return "its snapshot is damaged or gone"
        if snapshot.run != self.run:
            stale = self._too_old(stage, snapshot, manifest)
            if stale:
                return stale
        changed = self.world.changed(manifest["observed"], decision.python, decision.inputs.variables)
        drawn = [kind for kind in manifest["state"] if kind in RANDOM and kind not in mark.parts["state"]]
        if any(snapshot.facts["state"].get(kind) != mark.state.get(kind) for kind in drawn):
            changed.append("the state of random generators changed")
        if changed:
            return _sentence(changed)
        if not self._readable(snapshot, manifest):
            return "its snapshot is damaged or gone"
        elsewhere = snapshot.facts.get("kept", ()) if self.sharing.holds(snapshot) else ()
        return outputs.lost(manifest, self.world, self.buffers, elsewhere)

    def _too_old(self, stage: Stage, snapshot: Snapshot, manifest: Mapping[str, Any]) -> str:
        if not stage.options.cache:
            return "caching is off for it"
        volatile = [*stage.volatile, *manifest["observed"]["volatile"]]
        allowed = stage.options.cache_for if stage.options.cache_for is not None else self.options.cache_for
        age = time.time() - snapshot.created
        if stage.options.cache_for is not None and age > stage.options.cache_for:
            return "its snapshot is older than cache_for"
        if volatile and (allowed is None or age > allowed or self.options.trigger in ALWAYS_FRESH):
            return f"volatile: {volatile[0]}"
        return ""

    def _readable(self, snapshot: Snapshot, manifest: Mapping[str, Any]) -> bool:
        """Whether a snapshot is there in full; from now on `store gc` leaves it alone."""
        if not take(snapshot.manifest):
            return False
        here = all(self.buffers.path(digest).exists() for digest in values(manifest))
        return here or self.sharing.holds(snapshot)

    def _news(self, stage: Stage, mark: Fingerprint) -> str:
        latest = self.ledger.latest(self.pipeline.notebook, stage.name)
        if latest is None:
            return "first run"
        return _sentence(explain(latest.facts, mark, stage)) or "nothing stored fits"


def plan(pipeline: Pipeline, project: Project, options: RunOptions) -> Plan:
    """Return what a run would do with every stage, and why; nothing is executed."""
    with Ledger(project.home) as ledger:
        planner = Planner(pipeline, project, options, ledger)
        return Plan(pipeline.notebook, tuple(_plan(planner)), dict(options.parameters))


def why(pipeline: Pipeline, project: Project, stage: str, options: RunOptions) -> StagePlan:
    """Return what a run would do with one stage, and why; raises `PlanError` for an unknown stage."""
    found = {item.stage: item for item in plan(pipeline, project, options).stages}
    if stage not in found:
        raise PlanError("NB403", f"there is no stage {stage}", f"stages: {', '.join(found)}")
    return found[stage]


def forced(pipeline: Pipeline, options: RunOptions) -> dict[str, str]:
    """Return the stages that run whatever is stored, with the reason."""
    if options.force:
        return {stage.name: "asked for by --force" for stage in pipeline.stages}
    return {options.start: "asked for by --from"} if options.start else {}


def outside(pipeline: Pipeline, options: RunOptions) -> tuple[set[str], set[str]]:
    """Return the stages before `--from`, taken as they are, and those after `--to`, left out."""
    names = [stage.name for stage in pipeline.stages]
    start = names.index(options.start) if options.start else 0
    stop = names.index(options.stop) if options.stop else len(names)
    return set(names[:start]), set(names[stop + 1 :])


def _plan(planner: Planner) -> list[StagePlan]:
    pipeline, options = planner.pipeline, planner.options
    before, after = outside(pipeline, options)
    must = forced(pipeline, options)
    timeline, plans = Timeline(), []
    dirty: list[str] = []
    for stage in pipeline.stages:
        if stage.name in after:
            continue
        if stage.name in before:
            entry, snapshot = planner.kept(stage, timeline)
            timeline.add(entry)
            plans.append(StagePlan(stage.name, "reuse", f"as run {snapshot.run[:4]} left it", None, str(entry.path)))
            continue
        upstream = [name for name in dirty if name in _direct(pipeline, stage.name)]
        decision = planner.decide(stage, timeline, must)
        if upstream or decision.entry is None:
            dirty.append(stage.name)
            reason = f"upstream {', '.join(upstream)} runs" if upstream else decision.reason
            plans.append(StagePlan(stage.name, "run", reason, decision.fingerprint.key))
            continue
        timeline.add(decision.entry)
        outputs.reuse(decision.entry.manifest, planner.world)
        path = str(decision.entry.path)
        plans.append(StagePlan(stage.name, "reuse", decision.reason, decision.fingerprint.key, path))
    return plans


def _direct(pipeline: Pipeline, stage: str) -> set[str]:
    return {edge.source for edge in pipeline.edges if edge.target == stage and edge.kind != "order"}


def _check_names(pipeline: Pipeline, options: RunOptions) -> None:
    known = [stage.name for stage in pipeline.stages]
    for name in (options.start, options.stop):
        if name is not None and name not in known:
            raise PlanError("NB403", f"there is no stage {name}", f"stages: {', '.join(known)}")
    if options.start and options.stop and known.index(options.stop) < known.index(options.start):
        raise PlanError("NB405", f"stage {options.stop} comes before {options.start}", f"order: {', '.join(known)}")


def _sentence(changes: Collection[str]) -> str:
    return ", ".join(list(changes)[:3]) + (f" and {len(changes) - 3} more" if len(changes) > 3 else "")
