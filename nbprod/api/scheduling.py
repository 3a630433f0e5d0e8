"""Notebooks that run at set times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.api.notebook import Source, analyze, sound
from nbprod.api.running import run
from nbprod.config import Project
from nbprod.core.run import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.core.run import Run
    from nbprod.scheduling import Schedule, ScheduledTime, Schedules


def schedules(path: Source = ".") -> Schedules:
    """Return the schedules of a project."""
    from nbprod.scheduling import Schedules

    return Schedules(Project.find(path))


def schedule_add(notebook: Source, cron: str, tz: str, parameters: Mapping[str, str], name: str | None) -> Schedule:
    """Add a schedule, its parameters checked against the notebook's; raises `ScheduleError` or `PlanError`."""
    from nbprod import execution

    pipeline = sound(analyze(notebook))
    execution.parameters(pipeline, parameters)
    return schedules(notebook).add(notebook, cron, tz=tz, parameters=parameters, name=name)


def schedule_now(name: str, path: Source = ".") -> Run:
    """Run a schedule's notebook now."""
    return _run_scheduled(schedules(path).get(name), Project.find(path), None)


def schedule_preview(cron: str, tz: str | None = None) -> dict[str, Any]:
    """Return what a schedule would mean: `cron`, `words`, `tz` and `next`, its next five times in ISO."""
    from nbprod.scheduling import preview

    return preview(cron, tz)


def schedule_start(path: Source = ".") -> dict[str, Any]:
    """Start the process that runs what is due, unless there is one; returns `pid`, `kind` and `since`.

    It outlives whoever started it, and ends by itself when nothing is scheduled any more.
    """
    import sys

    from nbprod.scheduling import start

    project = Project.find(path)
    serve = ["schedule", "serve", "--until-idle", "--project", str(project.root)]
    return start(project.home, [sys.executable, "-P", "-m", "nbprod", *serve])


def schedule_serve(path: Source, say: Callable[[str], None], *, until_idle: bool = False) -> None:
    """Run what is due, each an ordinary run, until the process is told to stop, or nothing is scheduled any more."""
    import signal
    from threading import Event

    from nbprod.scheduling import IDLE, RunOutcome, SystemClock, serve

    project, stop = Project.find(path), Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def run_due(schedule: Schedule, due: ScheduledTime) -> RunOutcome:
        say(f"{due.due:%Y-%m-%d %H:%M}  {schedule.name} begins, run {due.run[:4]}")
        finished = _run_scheduled(schedule, project, due.run)
        say(f"{'':16}  {schedule.name} {finished.status}")
        return RunOutcome(str(finished.status))

    serve(schedules(path), run_due, SystemClock(), stop, IDLE if until_idle else None)


def _run_scheduled(schedule: Schedule, project: Project, run_id: str | None) -> Run:
    options = RunOptions(trigger="schedule", run_id=run_id)
    return run(project.notebook(schedule.notebook), schedule.parameters, options=options)
