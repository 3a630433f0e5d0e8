"""Runs with many values of parameters, ranked by a metric."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from nbprod.api.notebook import analyze, project_of, sound
from nbprod.api.running import asked_of, run_pipeline
from nbprod.core.errors import ModelError, UsageError
from nbprod.core.run import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbprod.api.notebook import Source
    from nbprod.config import Project
    from nbprod.core.model import Model
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Listener, Run
    from nbprod.core.sweep import Sweep
    from nbprod.execution.sweeping import Attempt
    from nbprod.execution.sweeping.searches import Search

    Grid = Mapping[str, str | Sequence[Any]]

PUBLISHED_EVERY = 60.0
"""Seconds after which MLflow is told of the trials so far: whoever tells it needs a core meanwhile."""


class SweepOptions(TypedDict, total=False):
    """What is asked of a sweep.

    Attributes
    ----------
    metric
        The metric that ranks the trials; a stage records it.
    maximize
        Whether larger is better.
    search
        `grid`, `random` or `optuna`; by default a grid, if every value can be tried, else random.
    trials
        How many, by default 20; a grid makes them all.
    seed
        A number that makes `random` and `optuna` try the same another time.
    promote
        Whether the best trial's model is written and registered as the candidate; its gates must hold.
    resume
        Go on with a sweep: its id or a prefix of it, or True for the newest (with the same values, if any are given).
    options
        What else is asked of each run, parameters that stay the same among it.
    sweep_id
        An id chosen by the caller; default a new one.
    watch
        Told the sweep after every change.
    """

    metric: str | None
    maximize: bool
    search: str | None
    trials: int | None
    seed: int | None
    promote: bool
    resume: str | bool | None
    options: RunOptions | None
    sweep_id: str | None
    watch: Callable[[Sweep], None] | None


def sweep(path: Source | Sequence[Source], grid: Grid | None = None, **asked: Unpack[SweepOptions]) -> Sweep:
    """Run a notebook with many values of its parameters; stages that the values do not touch are reused.

    The notebook is read once: changing it meanwhile changes no trial. A trial that fails does not end the sweep.

    Parameters
    ----------
    path
        A notebook, or several as one pipeline in the order given.
    grid
        What is tried, by parameter: a text as `-p` takes it (`1,2,3`, `2:10:2`, `0.001..0.1`, `0.001..0.1:log`), or
        values of the parameter's type.
    asked
        See `SweepOptions`.

    Raises
    ------
    AnalysisError, PlanError, UnavailableError
        The notebook, a parameter, a value, the metric or the search was refused before anything ran.
    ModelError
        The best trial was to be promoted and cannot be: its gates do not hold, or it leaves no model.
    """
    from nbprod import execution
    from nbprod.execution.sweeping import Sweeping, fixed

    project = project_of(path)
    pipeline = sound(analyze(path))
    base = asked_of(pipeline, project, asked.get("options") or RunOptions(), {})
    begun, search = _begun(pipeline, project, base, grid or {}, asked)
    base = replace(base, parameters=fixed(pipeline, begun))
    sweeping = Sweeping(project.home, begun, asked.get("watch") or (lambda _sweep: None))
    trials = _Trials(pipeline, project, base, begun)
    try:
        found = execution.sweep(sweeping, search, pipeline, trials.run)
    finally:
        trials.end(sweeping.sweep)
    if not asked.get("promote"):
        return found
    return sweeping.promoted(_promoted(pipeline, project, base, found))


def _begun(
    pipeline: Pipeline, project: Project, base: RunOptions, grid: Grid, asked: SweepOptions
) -> tuple[Sweep, Search]:
    """Return the sweep that is asked for, and its search: a new one, or one to go on with."""
    from nbprod.execution.sweeping import Asked, begin, resume

    metric, again = asked.get("metric"), asked.get("resume")
    wanted = None
    if grid or not again:
        if metric is None:
            raise UsageError("NB911", "a sweep needs a metric", "--metric NAME")
        given = {name: asked.get(name) for name in ("search", "trials", "seed")}
        wanted = Asked(metric, asked.get("maximize", False), grid, base.parameters, **given)  # type: ignore[arg-type]  # of a TypedDict
    if again:
        return resume(project.home, pipeline, None if again is True else again, wanted, asked.get("trials"))
    assert wanted is not None
    return begin(pipeline, wanted, asked.get("sweep_id"))


class _Trials:
    """Runs the trials: one journal for all of them, MLflow told now and then."""

    def __init__(self, pipeline: Pipeline, project: Project, base: RunOptions, sweep: Sweep) -> None:
        from nbprod import tracking

        self._pipeline, self._project, self._base, self._sweep = pipeline, project, base, sweep
        self._journal = tracking.Journal(project) if project.tracks else None
        self._told = time.monotonic()
        self._begun = self._remembered = False

    def run(self, attempt: Attempt) -> Run:
        """Run a trial; raises what its run ended with."""
        from nbprod import execution, store

        if self._journal and not self._begun:
            self._journal.sweep(self._pipeline, self._base, self._sweep, ended=False)
        self._begun = True
        given = {**self._base.parameters, **attempt.parameters}
        options = replace(self._base, parameters=given, run_id=attempt.run, trial=(self._sweep.id, attempt.number))
        heard: list[Listener] = [self._journal.listener(self._pipeline, options)] if self._journal else []
        heard.append(attempt.listen)
        finished = execution.run(self._pipeline, self._project, options, heard, self._journal, attempt.halt)
        if self._journal and time.monotonic() - self._told > PUBLISHED_EVERY:
            self._publish()
        if finished.error is not None:
            raise finished.error
        if not self._remembered:
            store.remember_ran(self._project, self._pipeline, finished)
            self._remembered = True
        return finished

    def end(self, sweep: Sweep) -> None:
        """Tell MLflow of the sweep, if anything of it was done now."""
        if self._journal and self._begun:
            self._journal.sweep(self._pipeline, self._base, sweep, ended=True)
            self._publish()

    def _publish(self) -> None:
        from nbprod import tracking

        tracking.spawn_publisher(self._project)
        self._told = time.monotonic()


def _promoted(pipeline: Pipeline, project: Project, base: RunOptions, found: Sweep) -> Model:
    """Run the best trial once more, all of it reused, so that its model is written and registered as the candidate."""
    from nbprod.api.models import no_model
    from nbprod.api.running import show
    from nbprod.execution.sweeping import values

    best = found.best
    if best is None or best.run is None:
        raise ModelError("NB625", "there is no trial to promote: none succeeded", None)
    failed = [gate.expression for gate in show(best.run, project.root).gates if not gate.held]
    if failed:
        text = f"the best trial, {best.number}, is not promoted: {', '.join(failed)} did not hold"
        raise ModelError("NB625", text, f"nbprod show {best.run[:4]}")
    given = {**base.parameters, **values(pipeline, found, best)}
    finished = run_pipeline(pipeline, project, replace(base, parameters=given))
    if finished.model is None:
        raise no_model(finished)
    return finished.model


def sweep_values(text: str) -> list[str]:
    """Return the values that a text such as `1,2,3` lists; commas within brackets and quotes separate nothing."""
    from nbprod.execution.sweeping import alternatives

    return alternatives(text)


def sweep_count(pipeline: Pipeline, grid: Grid) -> int:
    """Return how many trials a sweep of these values makes when nobody says; raises `PlanError` for wrong ones."""
    from nbprod.execution.sweeping import count

    return count(pipeline, grid)
