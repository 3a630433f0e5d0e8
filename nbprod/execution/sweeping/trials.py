"""Makes the trials of a sweep one after another, and keeps what became of them."""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nbprod.core import leaderboard
from nbprod.core.errors import ExecutionError, NbprodError
from nbprod.core.run import RunStatus
from nbprod.core.sweep import Sweep, Trial, TrialStatus
from nbprod.execution.recorder import plain
from nbprod.execution.sweeping.resuming import holding
from nbprod.store.files import write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nbprod.core.run import Event, Run
    from nbprod.execution.sweeping.searches import Search

    RunTrial = Callable[["Attempt"], Run]

AFTER = 1_000_000_000
"""Where the steps begin under which the ends of stages are reported: no loop in a cell counts so far."""


@dataclass
class Attempt:
    """A trial while its run goes on: hears the run's events, and says when it has heard enough.

    What cells report counts; where none does, the metric as a stage before the last leaves it.

    Attributes
    ----------
    number, parameters, run
        The trial's number, its parameters of their own types, and its run's id.
    metric, stages
        What is compared, and the stages in their order; at the last one's end nothing is left to be saved.
    search
        Compares with earlier trials.
    """

    number: int
    parameters: Mapping[str, Any]
    run: str
    metric: str
    stages: Sequence[str]
    search: Search
    reports: dict[int, float] = field(default_factory=dict)
    why: str | None = None

    def listen(self, event: Event, /) -> None:
        """Take one event of the run."""
        if event.kind == "report":
            self._take(event.data["step"], event.data["value"], f"step {event.data['step']}")
        elif event.kind == "stage-finished" and event.stage in self.stages[:-1] and not self._reported:
            value = (event.data.get("metrics") or {}).get(self.metric)
            if value is not None:
                self._take(AFTER + self.stages.index(event.stage), value, f"the end of stage {event.stage}")

    @property
    def _reported(self) -> bool:
        return any(step < AFTER for step in self.reports)

    def halt(self) -> str | None:
        """Return why the run shall end now, None when it shall not."""
        return self.why

    def _take(self, step: int, value: float, place: str) -> None:
        if step in self.reports or step < 0 or self.why is not None:
            return  # a stage that is run once more reports once more
        self.reports[step] = value
        if self.search.report(step, value):
            self.why = f"pruned: {self.metric} {value:.3g} at {place} is worse than that of earlier trials"


class Sweeping:
    """A sweep that goes on.

    Parameters
    ----------
    home
        The project's home; after every change the sweep is written to `sweeps/ID.json` there.
    asked
        The sweep, with the trials that are kept of an earlier attempt.
    watch
        Told the sweep after every change.
    """

    def __init__(self, home: Path, asked: Sweep, watch: Callable[[Sweep], None]) -> None:
        self.home = home
        self.file = home / "sweeps" / f"{asked.id}.json"
        self.sweep = asked
        self.watch = watch

    def go(self, search: Search, stages: Sequence[str], run: RunTrial) -> Sweep:
        """Make the trials that are not kept, and return what became of all.

        Raises
        ------
        KeyboardInterrupt, ExecutionError
            It was interrupted; what is left is marked as skipped first. A trial that fails ends nothing.
        """
        kept = {trial.number: trial for trial in self.sweep.trials}
        listed = {number: Trial(number, plain(dict(given))) for number, given in enumerate(search.listed, 1)}
        trials = (*{**listed, **kept}.values(),)
        with holding(self.file):
            self.sweep = replace(self.sweep, planned=search.planned, trials=trials)
            self._tell()
            try:
                for trial in kept.values():
                    search.tell(trial)
                for number in range(1, search.planned + 1):
                    if number not in kept:
                        self._trial(number, search, stages, run)
            except BaseException:
                self._skip_rest()
                raise
            finally:
                self._draw()
        return self.sweep

    def promoted(self, model: Any) -> Sweep:
        """Keep that the best trial's model was promoted."""
        self.sweep = replace(self.sweep, model=model)
        self._tell()
        return self.sweep

    def _trial(self, number: int, search: Search, stages: Sequence[str], run: RunTrial) -> None:
        """Make one trial; raises what interrupted it."""
        attempt = Attempt(number, search.ask(number), secrets.token_hex(4), self.sweep.metric, stages, search)
        trial = Trial(number, plain(dict(attempt.parameters)), attempt.run, TrialStatus.RUNNING)
        self._put(trial)
        began = time.monotonic()
        ended = self._ended(trial, attempt, run)
        self._put(replace(ended, seconds=round(time.monotonic() - began, 3), reports=attempt.reports))
        left = getattr(ended.error, "run", None)
        if left and left.status is RunStatus.INTERRUPTED:
            assert ended.error is not None
            raise ended.error
        search.tell(ended)

    def _ended(self, begun: Trial, attempt: Attempt, run: RunTrial) -> Trial:
        """Return how a trial ended."""
        try:
            value = _metric(run(attempt), self.sweep.metric)
        except NbprodError as error:
            left = getattr(error, "run", None)
            kept = left.id if left else None
            if left and left.status is RunStatus.PRUNED:
                return replace(begun, run=kept, status=TrialStatus.PRUNED)
            return replace(begun, run=kept, status=TrialStatus.FAILED, error=error)
        return replace(begun, status=TrialStatus.SUCCEEDED, value=value)

    def _draw(self) -> None:
        """Write the page, and where it is."""
        page = self.file.with_suffix(".html")
        with contextlib.suppress(NbprodError):
            write_text(page, leaderboard.page(self.sweep.as_json()))
            self.sweep = replace(self.sweep, page=str(page))
            self._tell()

    def _skip_rest(self) -> None:
        """Mark what has not ended as skipped."""
        open_ones = (TrialStatus.PENDING, TrialStatus.RUNNING)
        trials = (
            replace(trial, status=TrialStatus.SKIPPED) if trial.status in open_ones else trial
            for trial in self.sweep.trials
        )
        self.sweep = replace(self.sweep, trials=tuple(trials))

    def _put(self, trial: Trial) -> None:
        trials = {known.number: known for known in self.sweep.trials} | {trial.number: trial}
        self.sweep = replace(self.sweep, trials=tuple(trials.values()))
        self._tell()

    def _tell(self) -> None:
        write_json(self.file, self.sweep.as_json())
        self.watch(self.sweep)


def _metric(run: Run, metric: str) -> float:
    value = run.metrics.get(metric)
    known = ", ".join(sorted(run.metrics)) or "none"
    if value is None:
        text = f"run {run.id} recorded no metric {metric}"
        raise ExecutionError(
            "NB591", text, f"metrics: {known}; the name must hold a number at its stage's end", run=run
        )
    if not math.isfinite(value):
        raise ExecutionError("NB591", f"{metric} of run {run.id} is {value}, which cannot be compared", None, run=run)
    return float(value)
