"""Plan and run: what execution makes of a pipeline."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nbprod.core.errors import MissingValue
from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.errors import NbprodError
    from nbprod.core.model import Model


class RunStatus(StrEnum):
    """State of a run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PRUNED = "pruned"
    INTERRUPTED = "interrupted"


class StageStatus(StrEnum):
    """State of a stage in a run; the first two occur only while the run is going on."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CACHED = "cached"
    FAILED = "failed"
    PRUNED = "pruned"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What will be done with a stage and why. `snapshot` is the manifest that is reused, None when the stage runs."""

    stage: str
    action: Literal["run", "reuse"]
    reason: str
    fingerprint: str | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """For each stage, in the order of execution: run, or reuse this snapshot, and why."""

    notebook: str
    stages: tuple[StagePlan, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate: its text, whether it held, the values it saw; `stage` is None for a gate cell."""

    expression: str
    held: bool
    stage: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage of one run. `outputs` are the names it left; `notebook` and `html` paths of the executed notebook."""

    name: str
    status: StageStatus
    reason: str = ""
    seconds: float = 0.0
    outputs: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    fingerprint: str | None = None
    snapshot: str | None = None
    notebook: str | None = None
    html: str | None = None
    error: NbprodError | None = None


class ValueReader(Protocol):
    """Loads values of a run from the store."""

    def final(self, name: str) -> object:
        """Return the value after the last cell that wrote it; raises `MissingValue`."""

    def at(self, stage: str, name: str) -> object:
        """Return the value at that stage's end; raises `MissingValue`."""


@dataclass(frozen=True, slots=True)
class StageValues:
    """The values at the end of one stage: `run.stage("train")["model"]`."""

    name: str
    reader: ValueReader

    def __getitem__(self, name: str) -> object:
        """Return the value of `name` at this stage's end; raises `MissingValue`."""
        return self.reader.at(self.name, name)


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan. `run["df"]` is the value after the last cell, in notebook order, that wrote it."""

    id: str
    notebook: str
    status: RunStatus
    stages: tuple[StageRun, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
    model: Model | None = None
    error: NbprodError | None = None
    started: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    values: ValueReader | None = field(default=None, compare=False, repr=False)

    def __getitem__(self, name: str) -> object:
        """Return the final value of `name`; raises `MissingValue` with the reason when there is none."""
        return self._reader().final(name)

    def stage(self, name: str) -> StageValues:
        """Return the values at the end of stage `name`; raises `MissingValue` for an unknown stage."""
        if name not in {stage.name for stage in self.stages}:
            known = ", ".join(stage.name for stage in self.stages)
            raise MissingValue("NB610", f"run {self.id} has no stage {name}", f"stages: {known}")
        return StageValues(name, self._reader())

    def _reader(self) -> ValueReader:
        if self.values is None:
            raise MissingValue("NB611", f"the values of run {self.id} are not at hand", "run it again with nbprod run")
        return self.values

    def as_json(self) -> dict[str, Any]:
        """Return the object of `run --json` in CONTRACT.md."""
        return {
            "run": self.id,
            "notebook": self.notebook,
            "status": str(self.status),
            "started": self.started,
            "seconds": self.seconds,
            "parameters": dict(self.parameters),
            "stages": [
                {
                    "name": stage.name,
                    "status": str(stage.status),
                    "reason": stage.reason,
                    "seconds": stage.seconds,
                    "outputs": list(stage.outputs),
                    "metrics": dict(stage.metrics),
                    "notebook": stage.notebook,
                }
                for stage in self.stages
            ],
            "metrics": dict(self.metrics),
            "gates": [
                {"expression": gate.expression, "held": gate.held, "stage": gate.stage, "detail": gate.detail}
                for gate in self.gates
            ],
            "model": self.model.as_json() if self.model else None,
            "notes": list(self.notes),
            "error": self.error.as_json() if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class Event:
    """Progress of a run, for whoever listens.

    `kind` is `run-started`, `stage-started`, `cell-started`, `output`, `report`, `stage-finished`, `run-finished` or
    `note`; `data` holds JSON values only.
    """

    kind: str
    stage: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user asked of a run.

    Attributes
    ----------
    parameters
        Overrides by name, already of the parameter's type.
    force
        Run every stage, whatever is stored.
    start, stop
        First and last stage to run; stages before `start` are reused as they are.
    engine
        `nbprod`, `papermill`, `ploomber` or a plug-in.
    jobs
        How many stages may run at once.
    cache_for
        Seconds for which volatile stages may be reused; None: never.
    model
        The name in the notebook that holds the model, when there are several.
    model_name
        The registered model's name; default the notebook's stem.
    run_id
        Id chosen by the caller (server extension, schedule); default a new one.
    env_file
        File of `NAME=VALUE` lines given to the stages' environment only.
    trigger
        Who asked: `user`, `schedule`, `retrain`; volatile stages always run for the latter two.
    trial
        The sweep the run is a trial of, and its number there; no model is written for it.
    keep_going
        Run what does not depend on a stage that failed.
    zygote
        Fork stages from a warm process where that is possible; False starts a new Python for each.
    store
        URL of a store elsewhere, which snapshots are taken from and given to.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    start: str | None = None
    stop: str | None = None
    engine: str = "nbprod"
    jobs: int = 1
    cache_for: float | None = None
    model: str | None = None
    model_name: str | None = None
    run_id: str | None = None
    env_file: str | None = None
    trigger: str = "user"
    trial: tuple[str, int] | None = None
    keep_going: bool = False
    zygote: bool = True
    store: str | None = None


class Listener(Protocol):
    """Receives the events of a run, in order, on the thread that runs it."""

    def __call__(self, event: Event, /) -> None:
        """Take one event; must not raise."""


class Watcher(Protocol):
    """Follows long work of which runs may be a part."""

    def listen(self, event: Event, /) -> None:
        """Take one event of a run; must not raise."""

    def step(self, text: str, /) -> None:
        """Take the name of what is done now; what was done before is over."""
