"""Runs with many values of parameters, ranked by a metric."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack

from nbprod.api.notebook import analyze, project_of, sound
from nbprod.api.running import asked_of, run_pipeline
from nbprod.core.run import RunOptions
from nbprod.core.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbprod.api.notebook import Source
    from nbprod.core.run import Run


class SweepOptions(TypedDict, total=False):
    """What is asked of a sweep.

    Attributes
    ----------
    metric
        The metric that ranks the trials; a stage records it.
    maximize
        Whether larger is better.
    options
        What else is asked of each run, parameters that stay the same among it.
    sweep_id
        An id chosen by the caller; default a new one.
    watch
        Told the sweep after every change.
    """

    metric: Required[str]
    maximize: bool
    options: RunOptions | None
    sweep_id: str | None
    watch: Callable[[Sweep], None] | None


def sweep(path: Source | Sequence[Source], grid: Mapping[str, Sequence[Any]], **asked: Unpack[SweepOptions]) -> Sweep:
    """Run a notebook with each combination of values; stages that the values do not touch are reused.

    The notebook is read once: changing it meanwhile changes no trial. A trial that fails does not end the sweep.

    Parameters
    ----------
    path
        A notebook, or several as one pipeline in the order given.
    grid
        Values to try by parameter: of its type, or texts as `-p` has them. `sweep_values` splits a text of several.
    asked
        See `SweepOptions`.

    Raises
    ------
    AnalysisError, PlanError
        The notebook, a parameter, a value or the metric was refused before anything ran.
    """
    from nbprod import execution

    project = project_of(path)
    pipeline = sound(analyze(path))
    combined = execution.combinations(pipeline, grid)
    execution.recorded(pipeline, asked["metric"])
    base = asked_of(pipeline, project, asked.get("options") or RunOptions(), {})

    def run_trial(parameters: Mapping[str, Any], run_id: str) -> Run:
        options = replace(base, parameters={**base.parameters, **parameters}, run_id=run_id)
        return run_pipeline(pipeline, project, options)

    name = asked.get("sweep_id") or secrets.token_hex(4)
    begun = Sweep(name, pipeline.notebook, asked["metric"], asked.get("maximize", False))
    return execution.sweep(project.home, begun, combined, run_trial, asked.get("watch") or (lambda _sweep: None))


def sweep_values(text: str) -> list[str]:
    """Return the values that a text such as `1,2,3` lists; commas within brackets and quotes separate nothing."""
    from nbprod import execution

    return execution.alternatives(text)
