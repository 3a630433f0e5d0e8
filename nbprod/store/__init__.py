"""Runs, snapshots and their values: all that `.nbprod` keeps, and what may be trusted of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import MissingValue
from nbprod.core.run import RunStatus, StageStatus
from nbprod.store.ledger import Ledger, Snapshot, load_manifest
from nbprod.store.pipelines import KeptPipeline
from nbprod.store.records import from_record, to_record
from nbprod.store.texts import kept_texts
from nbprod.store.values import Values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Run

__all__ = [
    "KeptPipeline",
    "Ledger",
    "Snapshot",
    "Values",
    "from_record",
    "history",
    "image",
    "kept_texts",
    "load_manifest",
    "load_run",
    "ran",
    "remember_image",
    "remember_ran",
    "remember_verified",
    "stale",
    "to_record",
    "verified",
    "with_values",
]


FACTS = ("ran", "verified")
DONE = (StageStatus.SUCCEEDED, StageStatus.CACHED)


def history(project: Project, notebook: str | None = None, limit: int = 20) -> list[Run]:
    """Return the newest runs of a project, or of one of its notebooks, newest first."""
    if not (project.home / "ledger.sqlite").exists():
        return []
    with Ledger(project.home) as ledger:
        return [from_record(record, project.home) for record in ledger.runs(notebook, limit)]


def load_run(project: Project, run_id: str) -> Run:
    """Return a run by its id or an unambiguous prefix, its values at hand; raises `MissingValue`."""
    with Ledger(project.home) as ledger:
        found = ledger.find_runs(run_id) if run_id else []
    if len(found) == 1:
        return with_values(found[0], project)
    if not found:
        recent = ", ".join(run.id[:4] for run in history(project, limit=8))
        raise MissingValue("NB617", f"there is no run {run_id}", f"runs: {recent}" if recent else "nbprod run NB")
    raise MissingValue("NB618", f"several runs begin with {run_id}", ", ".join(record["run"] for record in found[:8]))


def with_values(record: Mapping[str, Any], project: Project) -> Run:
    """Return the run of a record with the reader of its values attached."""
    stages = [(entry["name"], Path(entry["snapshot"]) if entry.get("snapshot") else None) for entry in record["stages"]]
    folder = project.notebook(record["notebook"]).parent
    values = Values(record["run"], project.home, stages, folder)
    return from_record(record, project.home, values)


def ran(project: Project, pipeline: Pipeline) -> bool:
    """Whether this very pipeline, or its notebook under `verify`, ran to the end."""
    with Ledger(project.home) as ledger:
        return any(ledger.fact(f"{what}:{pipeline.notebook}", _stamp(pipeline)) is not None for what in FACTS)


def remember_ran(project: Project, pipeline: Pipeline, run: Run) -> None:
    """Keep that all of a pipeline ran to the end, if it did, until its code changes."""
    whole = {stage.name for stage in run.stages if stage.status in DONE} >= {stage.name for stage in pipeline.stages}
    if run.status is not RunStatus.SUCCEEDED or not whole:
        return
    key, stamp = f"ran:{pipeline.notebook}", _stamp(pipeline)
    with Ledger(project.home) as ledger:
        if ledger.fact(key, stamp) is None:
            ledger.remember(key, stamp, value=True)


def stale(project: Project, pipeline: Pipeline) -> list[str]:
    """Return the stages whose code is not what it was in their last run; one that never ran is not among them."""
    if not (project.home / "ledger.sqlite").exists():
        return []
    with Ledger(project.home) as ledger:
        known = ledger.codes(pipeline.notebook)
    return [stage.name for stage in pipeline.stages if known.get(stage.name, stage.code_digest) != stage.code_digest]


def image(project: Project, model: str) -> str | None:
    """Return the name of the last image built of a model."""
    with Ledger(project.home) as ledger:
        found = ledger.fact(f"image:{model}", "")
    return found if isinstance(found, str) else None


def remember_image(project: Project, model: str, name: str) -> None:
    """Keep the name of an image that was built of a model."""
    with Ledger(project.home) as ledger:
        ledger.remember(f"image:{model}", "", name)


def verified(project: Project, pipeline: Pipeline) -> bool:
    """Whether `verify` found this very pipeline equal to its notebook."""
    with Ledger(project.home) as ledger:
        return ledger.fact(f"verified:{pipeline.notebook}", _stamp(pipeline)) is True


def remember_verified(ledger: Ledger, pipeline: Pipeline, *, equal: bool) -> None:
    """Keep what `verify` found of a pipeline until its code changes."""
    ledger.remember(f"verified:{pipeline.notebook}", _stamp(pipeline), equal)


def _stamp(pipeline: Pipeline) -> str:
    return ",".join(f"{stage.name}={stage.code_digest}" for stage in pipeline.stages)
