"""Plug-ins: entry points, one group a contract; the built-in ones register the same way."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from nbprod.core.protocols import Engine, Executor, Exporter, Monitor, Target, Tracker

GROUPS = ("engines", "executors", "trackers", "exporters", "targets", "monitors")


def names(group: str) -> tuple[str, ...]:
    """Return the names registered in `nbprod.GROUP`, sorted."""
    return tuple(sorted({point.name for point in _points(group)}))


def engine(name: str) -> Engine:
    """Return the engine of that name; raises `UsageError` listing the known ones."""
    found: Engine = _load("engines", name)
    return found


def executor(name: str) -> Executor:
    """Return the executor of that name; raises `UsageError` listing the known ones."""
    found: Executor = _load("executors", name)
    return found


def tracker(name: str) -> Tracker:
    """Return the tracker of that name; raises `UsageError` listing the known ones."""
    found: Tracker = _load("trackers", name)
    return found


def exporter(name: str) -> Exporter:
    """Return the exporter of that name; raises `UsageError` listing the known ones."""
    found: Exporter = _load("exporters", name)
    return found


def target(name: str) -> Target:
    """Return the target of that name; raises `UsageError` listing the known ones."""
    found: Target = _load("targets", name)
    return found


def monitor(name: str) -> Monitor:
    """Return the monitor of that name; raises `UsageError` listing the known ones."""
    found: Monitor = _load("monitors", name)
    return found


@cache
def _points(group: str) -> tuple[EntryPoint, ...]:
    """Return what is registered; read once a process, as that takes all metadata that is installed."""
    from importlib.metadata import entry_points

    return tuple(entry_points(group=f"nbprod.{group}"))


def _load(group: str, name: str) -> Any:
    for point in _points(group):
        if point.name == name:
            return point.load()()
    known = ", ".join(names(group)) or "none"
    raise UsageError("NB910", f"no {group.removesuffix('s')} named {name}", f"known: {known}")
