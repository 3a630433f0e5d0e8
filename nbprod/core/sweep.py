"""Sweep: runs of one notebook with different parameters, and the metric that ranks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.errors import NbprodError


class TrialStatus(StrEnum):
    """State of a trial."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


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
    """

    number: int
    parameters: Mapping[str, Any]
    run: str | None = None
    status: TrialStatus = TrialStatus.PENDING
    value: float | None = None
    seconds: float = 0.0
    error: NbprodError | None = None

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
        }


@dataclass(frozen=True, slots=True)
class Sweep:
    """The trials of a sweep, in the order they are made; the best one is that with the lowest or highest metric."""

    id: str
    notebook: str
    metric: str
    maximize: bool = False
    trials: tuple[Trial, ...] = field(default=())

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
            "trials": [trial.as_json() for trial in self.trials],
            "best": best.number if best else None,
        }


def _value(trial: Trial) -> float:
    assert trial.value is not None
    return trial.value
