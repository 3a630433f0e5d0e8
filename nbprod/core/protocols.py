"""The contracts of plug-ins; one entry-point group each, see `nbprod.plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbprod.core.model import Endpoint, Image, Model
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Run


class Engine(Protocol):
    """Executes one job notebook (group `nbprod.engines`).

    The job is self-contained: it loads its inputs and writes its snapshot itself.
    """

    name: str

    def execute(self, job: Path, output: Path, parameters: Mapping[str, Any], *, kernel: str, cwd: Path) -> None:
        """Execute `job`, leave the executed notebook at `output`; raises `StageFailed` when a cell raised."""


class Tracker(Protocol):
    """Tells a tracking server of runs (group `nbprod.trackers`)."""

    name: str

    def publish(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Apply journal entries in order, exactly once each; raises `TrackingError` to be tried again later."""


class StageTracking(Protocol):
    """Tells where the user's own MLflow calls in a stage shall land."""

    def stage(self, stage: str) -> Mapping[str, Any] | None:
        """Return the `MlflowSpec` of `stage`, its run made now; None when MLflow cannot be reached: no run stops."""


class Target(Protocol):
    """A place models are deployed to (group `nbprod.targets`)."""

    name: str

    def missing(self) -> str | None:
        """Return what this machine lacks for the target, or None when it can be used."""

    def deploy(self, model: Model, image: Image | None, *, name: str, port: int | None) -> Endpoint:
        """Bring the model up as endpoint `name` and wait until it is healthy; raises `DeployError`."""

    def endpoints(self) -> Sequence[Endpoint]:
        """Return the endpoints on this target."""

    def logs(self, name: str, lines: int) -> str:
        """Return the last lines an endpoint wrote."""

    def stop(self, name: str) -> None:
        """Stop endpoint `name` and forget it; raises `DeployError` when there is none."""


class Exporter(Protocol):
    """Writes a pipeline for another system (group `nbprod.exporters`)."""

    name: str

    def export(self, pipeline: Pipeline, out: Path) -> Sequence[Path]:
        """Write files below `out`, the same bytes for the same pipeline, and return them."""


class Monitor(Protocol):
    """Judges a prediction log against the reference kept with the model (group `nbprod.monitors`)."""

    name: str

    def report(self, reference: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return the drift report, JSON values only."""


class Executor(Protocol):
    """Places stages on machines (group `nbprod.executors`)."""

    name: str

    def run(self, pipeline: Pipeline, parameters: Mapping[str, Any]) -> Run:
        """Run the pipeline there and return the run."""
