"""Runs: made, explained, verified, looked up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.api import storing
from nbprod.api.notebook import Source, analyze, analyzed, project_of, read, sound
from nbprod.config import Project
from nbprod.core.run import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Listener, Run, StagePlan
    from nbprod.core.verification import Verification


def run(
    path: Source | Sequence[Source],
    parameters: Mapping[str, Any] | None = None,
    *,
    options: RunOptions | None = None,
    listeners: Sequence[Listener] = (),
    profile: str | None = None,
    wait: bool = False,
) -> Run:
    """Run a notebook as a cached pipeline.

    Parameters
    ----------
    path
        A notebook, or several as one pipeline in the order given.
    parameters
        Overrides by name.
    options
        What else was asked of the run.
    listeners
        Receive the run's events.
    profile, wait
        Settings of `[tool.nbprod.profile.NAME]`; whether to wait until MLflow knows of the run and its model.

    Raises
    ------
    AnalysisError, PlanError
        The notebook was refused before anything ran.
    StageFailed
        A cell raised or its process died; the error carries the run.
    """
    project = project_of(path, profile)
    pipeline = sound(analyze(path))
    asked = asked_of(pipeline, project, options or RunOptions(), parameters or {})
    return run_pipeline(pipeline, project, asked, listeners, wait=wait)


def run_pipeline(
    pipeline: Pipeline, project: Project, asked: RunOptions, listeners: Sequence[Listener] = (), *, wait: bool = False
) -> Run:
    """Run what a notebook meant when it was read; raises as `run` does."""
    from nbprod import execution, store, tracking

    journal = tracking.Journal(project) if project.tracks else None
    heard = [journal.listener(pipeline, asked), *listeners] if journal else listeners
    finished = execution.run(pipeline, project, asked, heard, journal)
    store.remember_ran(project, pipeline, finished)
    told = storing.keep_within_limit(project, finished)
    finished = replace(finished, notes=(*finished.notes, told)) if told else finished
    if journal:
        tracking.spawn_publisher(project)
        finished = replace(finished, notes=(*finished.notes, *journal.notes))
    if wait and journal:
        tracking.wait(project, finished.id)
        finished = show(finished.id, project.root)
    if finished.error is not None:
        raise finished.error
    return finished


def asked_of(pipeline: Pipeline, project: Project, options: RunOptions, parameters: Mapping[str, Any]) -> RunOptions:
    """Return the options with all parameters given for the run, each of its parameter's type."""
    from nbprod import execution

    given = {**project.settings.get("parameters", {}), **options.parameters, **parameters}
    store = options.store or storing.elsewhere(project)
    return replace(options, parameters=execution.parameters(pipeline, given), store=store)


def why(path: Source | Sequence[Source], stage: str, parameters: Mapping[str, Any] | None = None) -> StagePlan:
    """Return what a run would do with `stage`, and why."""
    from nbprod import execution

    pipeline = sound(analyze(path))
    project = project_of(path)
    given = execution.parameters(pipeline, parameters or {})
    return execution.why(pipeline, project, stage, RunOptions(parameters=given, store=storing.elsewhere(project)))


def verify(
    path: Source | Sequence[Source],
    parameters: Mapping[str, Any] | None = None,
    *,
    listeners: Sequence[Listener] = (),
    reuse: bool = False,
    allow_effects: bool = False,
    confirm: Callable[[float], bool] | None = None,
) -> Verification:
    """Run the notebook top to bottom and the pipeline, each from scratch in a copy of the folder, and compare.

    Parameters
    ----------
    path
        A notebook, or several as one pipeline in the order given.
    parameters
        Overrides by name, for both sides.
    listeners
        Receive events as a run sends them.
    reuse
        Compare the pipeline with the outputs saved in the file instead of running the notebook.
    allow_effects
        Run it although it changes databases, other machines or files outside the project.
    confirm
        Asked before anything runs with the seconds it may take, if that is known; nothing runs when it says no.

    Raises
    ------
    AnalysisError, UsageError
        The notebook was refused, changes what is elsewhere, or `confirm` said no; nothing ran.
    """
    from nbprod import analysis, execution

    project = project_of(path)
    found = read(path, project)
    pipeline = sound(analyzed(found, project))
    effects = tuple(str(item) for item in analysis.external(found))
    if effects and not allow_effects:
        raise execution.effects_refused(pipeline, effects)
    estimate = execution.estimate(pipeline, project, found, reuse=reuse)
    if confirm is not None and estimate is not None and not confirm(estimate):
        raise execution.not_confirmed(estimate)
    options = RunOptions(parameters=execution.parameters(pipeline, parameters or {}))
    verdict = execution.verify(pipeline, project, options, listeners, reuse=reuse)
    return replace(verdict, effects=effects)


def extract(path: Source | Sequence[Source], out: Source) -> list[Path]:
    """Write one job notebook a stage below `out`, for plain papermill; returns the files."""
    from nbprod import execution

    return execution.extract(sound(analyze(path)), project_of(path), Path(out))


def history(path: Source = ".", limit: int = 20) -> list[Run]:
    """Return the newest runs of a project, or of one notebook when `path` is a file."""
    from nbprod import store

    project = Project.find(path)
    notebook = project.relative(path) if Path(path).suffix == ".ipynb" else None
    return store.history(project, notebook, limit)


def show(run_id: str, path: Source = ".") -> Run:
    """Return a run by its id or a prefix of it; raises `MissingValue` when there is none."""
    from nbprod import store

    return store.load_run(Project.find(path), run_id)


def diff(first: str, second: str, path: Source = ".") -> list[dict[str, Any]]:
    """Return what differs between two runs: parameters, metrics and stages, each with both values."""
    one, two = show(first, path), show(second, path)
    pairs: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("parameter", one.parameters, two.parameters),
        ("metric", one.metrics, two.metrics),
        ("stage", {s.name: s.fingerprint for s in one.stages}, {s.name: s.fingerprint for s in two.stages}),
    ]
    return [
        {"kind": kind, "name": name, "first": left.get(name), "second": right.get(name)}
        for kind, left, right in pairs
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    ]


def compare_runs(first: str, second: str, path: Source = ".") -> dict[str, Any]:
    """Return two runs side by side: `parameters`, `metrics`, `stages`, `code` and `pictures`, each of both."""
    from nbprod import execution

    return execution.compare(Project.find(path), show(first, path), show(second, path))


def run_output(run_id: str, path: Source = ".") -> str:
    """Return what the cells of a run printed, stage by stage."""
    from nbprod.store.printed import printed

    return printed(show(run_id, path))


def mlflow_command(port: int, path: Source = ".") -> list[str]:
    """Publish what is pending and return the command that serves MLflow's own pages on loopback."""
    from nbprod import tracking

    project = Project.find(path)
    tracking.publish(project)
    return tracking.ui_command(project, port)
