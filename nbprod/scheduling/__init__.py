"""Cron to runs: which notebook runs when, and the process that runs it.

A scheduled run is an ordinary run; whoever calls `serve` says how a notebook is run, so that nothing here knows of
execution.
"""

from __future__ import annotations

from nbprod.scheduling.background import start
from nbprod.scheduling.schedules import Schedule, ScheduledTime, Schedules, preview
from nbprod.scheduling.server import IDLE, Clock, RunOutcome, SystemClock, serve

__all__ = [
    "Clock",
    "IDLE",
    "RunOutcome",
    "Schedule",
    "ScheduledTime",
    "Schedules",
    "SystemClock",
    "preview",
    "serve",
    "start",
]
