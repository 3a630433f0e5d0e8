"""Sweep: runs of one notebook with different parameters, and the metric that ranks them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.errors import NbprodError
    from nbprod.core.model import Model

SEARCHES = ("grid", "random", "optuna")


class TrialStatus(StrEnum):
    """State of a trial."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PRUNED = "pruned"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Choices:
    """The values of a parameter that a sweep tries."""

    values: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of numbers that a sweep draws from, both ends included.

    `log`: by their logarithm, so that each order of magnitude is as likely as any other. `whole`: whole numbers only.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @property
    def size(self) -> float:
        """How many numbers there are; infinity unless they are whole."""
        return int(self.high) - int(self.low) + 1 if self.whole else math.inf


Axis = Choices | Interval


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a sweep.

    Attributes
    ----------
    number
        Its place in the sweep, from 1.
    parameters
        What it is given, as JSON values.
    run
        The run's id, from its beginning on; None when no run came of it.
    value
        The metric at the end of the run.
    error
        Why it failed.
    reports
        What the notebook reported on the way, by step.
    """

    number: int
    parameters: Mapping[str, Any]
    run: str | None = None
    status: TrialStatus = TrialStatus.PENDING
    value: float | None = None
    seconds: float = 0.0
    error: NbprodError | None = None
    reports: Mapping[int, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the trial as JSON values."""
        return {
            "number": self.number,
            "parameters": dict(self.parameters),
            "run": self.run,
            "status": str(self.status),
            "value": self.value,
            "seconds": self.seconds,
            "error": self.error.as_json() if self.error else None,
            "reports": [[step, value if math.isfinite(value) else None] for step, value in self.reports.items()],
        }


@dataclass(frozen=True, slots=True)
class Sweep:
    """The trials of a sweep, in the order they are made; the best one is that with the lowest or highest metric.

    Attributes
    ----------
    search
        How the values of a trial are found: `grid`, `random` or `optuna`.
    planned
        How many trials there will be.
    seed
        What makes the search the same another time; None for a grid.
    space
        The values to try by parameter, as `-p` takes them.
    fixed
        Parameters that all trials have, as source.
    code
        Digest of the notebook's code.
    model
        The model of the best trial, when it was promoted.
    page
        Where the plots are, once it is over.
    """

    id: str
    notebook: str
    metric: str
    maximize: bool = False
    trials: tuple[Trial, ...] = field(default=())
    search: str = "grid"
    planned: int = 0
    seed: int | None = None
    space: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    model: Model | None = None
    page: str | None = None

    @property
    def best(self) -> Trial | None:
        """The best of the trials that succeeded, the first of equals."""
        done = [trial for trial in self.trials if trial.value is not None]
        if not done:
            return None
        return max(done, key=_value) if self.maximize else min(done, key=_value)

    def as_json(self) -> dict[str, Any]:
        """Return the object of `sweep --json`; `best` is a trial's number."""
        best = self.best
        return {
            "sweep": self.id,
            "notebook": self.notebook,
            "metric": self.metric,
            "maximize": self.maximize,
            "search": self.search,
            "planned": self.planned or len(self.trials),
            "seed": self.seed,
            "space": dict(self.space),
            "fixed": dict(self.fixed),
            "code": self.code,
            "trials": [trial.as_json() for trial in self.trials],
            "best": best.number if best else None,
            "model": self.model.as_json() if self.model else None,
            "page": self.page,
        }


def _value(trial: Trial) -> float:
    assert trial.value is not None
    return trial.value
