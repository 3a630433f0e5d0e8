"""Cron to runs: which notebook runs when, and the process that runs it.

A scheduled run is an ordinary run; whoever calls `serve` says how a notebook is run, so that nothing here knows of
execution.
"""

from __future__ import annotations

from nbprod.scheduling.schedules import Schedule, ScheduledTime, Schedules
from nbprod.scheduling.server import Clock, RunOutcome, SystemClock, serve

__all__ = ["Clock", "RunOutcome", "Schedule", "ScheduledTime", "Schedules", "SystemClock", "serve"]
