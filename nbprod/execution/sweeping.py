"""Sweep: a run for each combination of values, what they have in common reused, the best by a metric."""

from __future__ import annotations

import ast
import itertools
import math
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import ExecutionError, NbprodError, PlanError
from nbprod.core.run import RunStatus
from nbprod.core.sweep import Sweep, Trial, TrialStatus
from nbprod.execution import overrides
from nbprod.execution.recorder import plain
from nbprod.store.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Run

    RunTrial = Callable[[Mapping[str, Any], str], Run]

MOST_TRIALS = 1000
OPENING, CLOSING, QUOTES = "([{", ")]}", "'\""


def alternatives(text: str) -> list[str]:
    """Return the values that a text lists, split at commas outside brackets and quotes."""
    found, depth, quote, escaped = [""], 0, "", False
    for sign in text:
        if quote:
            quote = "" if sign == quote and not escaped else quote
            escaped = sign == "\\" and not escaped
        elif sign in QUOTES and not found[-1][-1:].isalnum():  # an apostrophe is none
            quote = sign
        depth += (sign in OPENING) - (sign in CLOSING) if not quote else 0
        if sign == "," and depth <= 0 and not quote:
            found.append("")
        else:
            found[-1] += sign
    return [value.strip() for value in found]


def combinations(pipeline: Pipeline, grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return all combinations of the values, each of its parameter's type; the last parameter varies fastest.

    Raises
    ------
    PlanError
        A name is no parameter, a value is not of its type, or there are none or too many combinations.
    """
    types = {parameter.name: parameter.type for parameter in pipeline.parameters}
    axes = [
        _distinct(
            overrides.parameters(pipeline, {name: _unquoted(value) if types.get(name) == "str" else value})[name]
            for value in values
        )
        for name, values in grid.items()
    ]
    number = math.prod(map(len, axes)) if axes else 0
    if not number:
        empty = next((name for name, values in grid.items() if not values), None)
        text = f"a sweep needs values for {empty}" if empty else "a sweep needs a parameter with values to try"
        raise PlanError("NB408", text, f"nbprod sweep {pipeline.files} -p NAME=1,2,3 --metric NAME")
    if number > MOST_TRIALS:
        raise PlanError("NB408", f"{number:,} trials are more than a sweep makes", f"at most {MOST_TRIALS:,}")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*axes)]


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


def sweep(
    home: Path, asked: Sweep, given: Sequence[Mapping[str, Any]], run: RunTrial, watch: Callable[[Sweep], None]
) -> Sweep:
    """Make a run of each combination in `given`, one after another, and return what became of them.

    Parameters
    ----------
    home
        The project's home; after every change the sweep is written to `sweeps/ID.json` there.
    asked
        The sweep, still without trials.
    given
        Parameters of each trial.
    run
        Runs the notebook with parameters, under a run id.
    watch
        Told the sweep after every change.

    Raises
    ------
    KeyboardInterrupt, ExecutionError
        It was interrupted; what is left is marked as skipped first. A trial that fails ends nothing.
    """
    numbered = enumerate(given, 1)
    state = _Sweeping(home, replace(asked, trials=tuple(Trial(n, plain(dict(item))) for n, item in numbered)), watch)
    for number, parameters in enumerate(given, 1):
        try:
            state.trial(number, parameters, run)
        except BaseException:
            state.skip_rest()
            raise
    return state.sweep


class _Sweeping:
    def __init__(self, home: Path, begun: Sweep, watch: Callable[[Sweep], None]) -> None:
        self.file = home / "sweeps" / f"{begun.id}.json"
        self.sweep = begun
        self.watch = watch
        self._tell()

    def trial(self, number: int, parameters: Mapping[str, Any], run: RunTrial) -> None:
        """Make one trial; raises what interrupted it."""
        run_id, began = secrets.token_hex(4), time.monotonic()
        self._put(number, run=run_id, status=TrialStatus.RUNNING)
        try:
            value = _metric(run(parameters, run_id), self.sweep.metric)
        except NbprodError as error:
            left = getattr(error, "run", None)
            seconds = round(time.monotonic() - began, 3)
            kept = left.id if left else None
            self._put(number, run=kept, status=TrialStatus.FAILED, seconds=seconds, error=error)
            if left and left.status is RunStatus.INTERRUPTED:
                raise
            return
        seconds = round(time.monotonic() - began, 3)
        self._put(number, status=TrialStatus.SUCCEEDED, seconds=seconds, value=value)

    def skip_rest(self) -> None:
        """Mark what has not ended as skipped."""
        for trial in self.sweep.trials:
            if trial.status in (TrialStatus.PENDING, TrialStatus.RUNNING):
                self._put(trial.number, status=TrialStatus.SKIPPED, tell=False)
        self._tell()

    def _put(self, number: int, *, tell: bool = True, **changed: Any) -> None:
        trials = tuple(replace(trial, **changed) if trial.number == number else trial for trial in self.sweep.trials)
        self.sweep = replace(self.sweep, trials=trials)
        if tell:
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


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    return found


def _unquoted(value: Any) -> Any:
    """Return the text in quotes, which a list of values may need around a comma."""
    if isinstance(value, str) and len(value) > 1 and value[0] in QUOTES and value[-1] == value[0]:
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    return value
