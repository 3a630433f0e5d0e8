"""The loop that runs what is due, with a clock that tests can turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from nbprod.core.errors import NbprodError
from nbprod.scheduling import cron as times
from nbprod.scheduling.lock import only_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from nbprod.scheduling.schedules import Schedule, ScheduledTime, Schedules

IDLE = timedelta(minutes=2)
LOOK_AGAIN = 5.0  # seconds after which a change of the schedules, or of the machine's clock, is seen


class Clock(Protocol):
    """What time it is, and waiting for it."""

    def now(self) -> datetime:
        """Return the time, in UTC."""

    def wait(self, until: datetime | None, stop: Event) -> None:
        """Return at `until`, earlier when `stop` is set or the schedules may have changed."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def wait(self, until: datetime | None, stop: Event) -> None:
        """Wait, for a few seconds at most."""
        left = LOOK_AGAIN if until is None else (until - self.now()).total_seconds()
        stop.wait(min(max(left, 0.0), LOOK_AGAIN))


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run came to: `succeeded`, `failed` or `interrupted`, and why."""

    status: str
    message: str = ""


def serve(
    schedules: Schedules,
    run: Callable[[Schedule, ScheduledTime], RunOutcome],
    clock: Clock,
    stop: Event,
    idle: timedelta | None = None,
) -> None:
    """Run what is due, one run at a time, until `stop` is set; raises `ScheduleError` when another server does.

    Parameters
    ----------
    schedules
        The project's schedules; those added while this runs are seen.
    run
        Runs a schedule's notebook under the run id of the scheduled time.
    clock
        What time it is.
    stop
        Ends the loop; a run that has begun is finished first.
    idle
        End by itself after so long without a schedule that is not paused.
    """
    with only_server(schedules.project.home / "schedules.lock"):
        schedules.recover()
        needed = clock.now()
        while not stop.is_set():
            active = [schedule for schedule in schedules.list() if not schedule.paused]
            needed = clock.now() if active else needed
            if idle is not None and clock.now() - needed >= idle:
                return
            for schedule in active:
                if not stop.is_set() and schedule in schedules.list():  # one run takes long enough to change another
                    _run_if_due(schedules, schedule, run, clock.now())
            clock.wait(_next(schedules, clock.now()), stop)


def _run_if_due(
    schedules: Schedules, schedule: Schedule, run: Callable[[Schedule, ScheduledTime], RunOutcome], now: datetime
) -> None:
    done = schedules.handled(schedule)
    due = times.preceding(schedule.cron, schedule.tz, now)
    if due <= done:
        return
    missed = times.following(schedule.cron, schedule.tz, done) < due
    intent = schedules.begin(schedule, due, "stands for earlier times that were missed" if missed else "")
    if intent is None:
        return
    try:
        outcome = run(schedule, intent)
    except NbprodError as error:
        outcome = RunOutcome("failed", str(error))
    except Exception as error:  # noqa: BLE001 - one run must not end the server that others rely on
        outcome = RunOutcome("failed", f"{type(error).__name__}: {error}")
    except BaseException:
        schedules.finish(intent, "interrupted", "the scheduler was stopped")
        raise
    schedules.finish(intent, outcome.status, outcome.message)


def _next(schedules: Schedules, now: datetime) -> datetime | None:
    """Return when something is due next; a schedule whose time came while others ran is due at once."""
    waiting = [item for item in schedules.list() if not item.paused]
    return min(
        (times.following(item.cron, item.tz, min(now, schedules.handled(item))) for item in waiting), default=None
    )
