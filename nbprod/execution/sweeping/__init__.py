"""Sweep: runs of a notebook with many values, what they have in common reused, the best by a metric."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import PlanError
from nbprod.core.sweep import Choices, Sweep
from nbprod.execution.sweeping import resuming
from nbprod.execution.sweeping.axes import alternatives, axes, of_record, text_of
from nbprod.execution.sweeping.searches import DRAWN, default, search
from nbprod.execution.sweeping.trials import Attempt, Sweeping
from nbprod.store.files import digest_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbprod.core.pipeline import Pipeline
    from nbprod.core.sweep import Trial
    from nbprod.execution.sweeping.searches import Search

    Space = Mapping[str, str | Sequence[Any]]

__all__ = ["Asked", "Attempt", "Sweeping", "alternatives", "begin", "count", "fixed", "recorded", "resume", "values"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a sweep.

    Attributes
    ----------
    metric, maximize
        What ranks the trials, and whether the largest is the best.
    space
        What is tried, by parameter: a text as `-p` takes it, or values and texts.
    fixed
        Values that all trials have, of their parameters' types.
    search
        `grid`, `random` or `optuna`; None: a grid, if every value can be tried.
    trials
        How many; None: all of a grid, else 20.
    seed
        Makes the search the same another time; None: one drawn at random.
    """

    metric: str
    maximize: bool = False
    space: Mapping[str, str | Sequence[Any]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    search: str | None = None
    trials: int | None = None
    seed: int | None = None


def begin(pipeline: Pipeline, asked: Asked, sweep_id: str | None) -> tuple[Sweep, Search]:
    """Return a sweep of which nothing is done yet, and its search.

    Raises
    ------
    PlanError, UnavailableError
        A parameter, a value, the metric or the search was refused.
    """
    found = axes(pipeline, asked.space)
    name = asked.search or default(found)
    seed = None if name == "grid" else secrets.randbits(31) if asked.seed is None else asked.seed
    way = search(name, found, asked.trials, seed or 0, maximize=asked.maximize)
    recorded(pipeline, asked.metric)
    kinds = {parameter.name: parameter.type for parameter in pipeline.parameters}
    begun = Sweep(
        sweep_id or secrets.token_hex(4),
        pipeline.notebook,
        asked.metric,
        asked.maximize,
        search=name,
        planned=way.planned,
        seed=seed,
        space={name: text_of(axis, kinds[name]) for name, axis in found.items()},
        fixed={name: text_of(Choices((value,)), kinds[name]) for name, value in asked.fixed.items()},
        code=_code(pipeline),
    )
    return begun, way


def resume(
    home: Path, pipeline: Pipeline, sweep_id: str | None, asked: Asked | None, trials: int | None
) -> tuple[Sweep, Search]:
    """Return the sweep to go on with, its finished trials only, and its search.

    Parameters
    ----------
    home, pipeline
        Where sweeps are on record, and whose is meant.
    sweep_id
        Its id or a prefix of it; None: the newest.
    asked
        What is asked for once more; None: whatever the sweep was asked for.
    trials
        How many there shall be in all; None: as many as were planned.

    Raises
    ------
    PlanError
        There is none, or the notebook is not what it was.
    """
    found = resuming.find(home, pipeline.notebook, sweep_id, _same(pipeline, asked) if asked else {})
    if found.code != _code(pipeline):
        text = f"{pipeline.notebook} is not what it was when sweep {found.id} began: old and new trials do not compare"
        raise PlanError("NB413", text, "begin a new one: stages that did not change are reused")
    number = trials if found.search == "grid" else trials or found.planned
    way = search(found.search, axes(pipeline, found.space), number, found.seed or 0, maximize=found.maximize)
    return replace(found, trials=tuple(trial for trial in found.trials if trial.number <= way.planned)), way


def values(pipeline: Pipeline, found: Sweep, trial: Trial) -> dict[str, Any]:
    """Return the values that a trial tried, of their parameters' types."""
    read = axes(pipeline, found.space)
    return {name: of_record(axis, trial.parameters[name]) for name, axis in read.items()}


def fixed(pipeline: Pipeline, found: Sweep) -> dict[str, Any]:
    """Return the values that all trials of a sweep have, of their parameters' types."""
    read = axes(pipeline, found.fixed)
    return {name: axis.values[0] for name, axis in read.items() if isinstance(axis, Choices)}


def _same(pipeline: Pipeline, asked: Asked) -> dict[str, Any]:
    begun, _ = begin(pipeline, asked, None)
    seeded = {"seed": asked.seed} if asked.seed is not None else {}
    return {**{name: getattr(begun, name) for name in resuming.SAME}, **seeded}


def count(pipeline: Pipeline, space: Space) -> int:
    """Return how many trials come of the values when nobody says; raises `PlanError` when they say nothing."""
    found = axes(pipeline, space)
    if not all(isinstance(axis, Choices) for axis in found.values()):
        return DRAWN
    return math.prod(axis.size for axis in found.values() if isinstance(axis, Choices)) if found else 0


def recorded(pipeline: Pipeline, metric: str) -> None:
    """Raise `PlanError` when no stage records the metric."""
    known = sorted({name for stage in pipeline.stages for name in stage.options.metrics})
    if any(metric == name or metric.startswith(f"{name}.") for name in known):
        return
    makers = [stage.name for stage in pipeline.stages if metric in stage.writes]
    text = f"no stage of {pipeline.notebook} records the metric {metric}"
    if makers:
        raise PlanError("NB407", text, f"stage {makers[-1]} makes it: %%mlops stage {makers[-1]} --metric {metric}")
    listed = f"metrics: {', '.join(known)}" if known else "%%mlops stage NAME --metric NAME records one"
    raise PlanError("NB407", text, listed)


def _code(pipeline: Pipeline) -> str:
    """Return a digest of what the notebook's stages and parameters say."""
    stages = [*pipeline.stages, *(stage for stage in (pipeline.gate, pipeline.test) if stage is not None)]
    defaults = [[parameter.name, parameter.default_source] for parameter in pipeline.parameters]
    return digest_json([[[stage.name, stage.code_digest] for stage in stages], defaults])
