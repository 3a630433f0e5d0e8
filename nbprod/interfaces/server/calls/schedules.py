"""Notebooks that run at set times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.config import Project
from nbprod.core.errors import MissingValue, UsageError
from nbprod.interfaces.server import paths
from nbprod.interfaces.server.calls import runs
from nbprod.interfaces.server.calls.common import parameters, word

if TYPE_CHECKING:
    from nbprod.interfaces.server.asked import Asked
    from nbprod.scheduling import Schedule, Schedules

TIMES = 5
PAST = 20


def schedules(asked: Asked) -> dict[str, Any]:
    """Return the schedules of the notebook, and whether a process runs what is due."""
    every = api.schedules(asked.notebook)
    relative = every.project.relative(asked.notebook)
    return {
        "schedules": [_shown(every, item) for item in every.list() if item.notebook == relative],
        "running": bool(every.processes()),
    }


def preview(asked: Asked) -> dict[str, Any]:
    """Return what a schedule would mean, in words and times."""
    return api.schedule_preview(asked.given["cron"], asked.given["tz"])


def add(asked: Asked) -> dict[str, Any]:
    """Add a schedule, or replace the one of that name, and see to it that a process runs what is due."""
    given = asked.given
    texts = {name: value if isinstance(value, str) else repr(value) for name, value in given["parameters"].items()}
    added = api.schedule_add(asked.notebook, given["cron"], given["tz"], texts, _free(asked, given["name"]))
    api.schedule_start(asked.notebook)
    return _changed(asked, added.name)


def remove(asked: Asked) -> dict[str, Any]:
    """Remove a schedule; what its runs left stays."""
    api.schedules(asked.notebook).remove(_found(asked).name)
    return _changed(asked, asked.names["schedule"])


def pause(asked: Asked) -> dict[str, Any]:
    """Let a schedule rest, or be due again."""
    api.schedules(asked.notebook).pause(_found(asked).name, paused=asked.given["paused"])
    if not asked.given["paused"]:
        api.schedule_start(asked.notebook)
    return _changed(asked, asked.names["schedule"])


def now(asked: Asked) -> dict[str, Any]:
    """Start a run of a schedule's notebook with its parameters; returns the id to follow."""
    schedule = _found(asked)
    notebook = Project.find(asked.notebook).notebook(schedule.notebook)
    return runs.begin(asked, notebook, [word(notebook.name), *parameters(schedule.parameters), "--trigger=schedule"])


def _free(asked: Asked, name: str | None) -> str | None:
    """Return the name to add under, which no other notebook's schedule has; None for the notebook's own."""
    every = api.schedules(asked.notebook)
    relative = every.project.relative(asked.notebook)
    taken = {item.name: item.notebook for item in every.list() if item.notebook != relative}
    if name is not None and name in taken:
        raise UsageError("NB930", f"the schedule {name} is of {taken[name]}", "choose another name")
    if name is None and asked.notebook.stem in taken:
        return re.sub(r"[^A-Za-z0-9_-]+", "-", relative.removesuffix(".ipynb")).strip("-")
    return name


def _found(asked: Asked) -> Schedule:
    """Return the schedule asked for, of a notebook in the server's tree; raises `MissingValue`."""
    every = api.schedules(asked.notebook)
    name = asked.names["schedule"]
    for item in every.list():
        if item.name == name and paths.below(asked.root, every.project.notebook(item.notebook)):
            return item
    raise MissingValue("NB823", f"there is no schedule {name}", "it may have been removed")


def _changed(asked: Asked, name: str) -> dict[str, Any]:
    asked.emit("schedules", name)
    return schedules(asked)


def _shown(every: Schedules, item: Schedule) -> dict[str, Any]:
    following = [] if item.paused else [moment.isoformat() for moment in item.next(TIMES)]
    past = [moment.as_json() for moment in every.history(item.name, PAST)]
    return {**item.as_json(), "next": following, "history": past}
