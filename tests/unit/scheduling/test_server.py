"""The loop under a clock that the test turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from nbprod.config import Project
from nbprod.core.errors import PlanError, ScheduleError
from nbprod.scheduling import RunOutcome, Schedules, SystemClock, serve
from nbprod.scheduling.lock import holder, only_server


class TurnedClock:
    """Jumps to what is waited for, and stops the loop at the end."""

    def __init__(self, start, end):
        self.time, self.end = start, end

    def now(self):
        return self.time

    def wait(self, until, stop):
        if until is None or until > self.end:
            stop.set()
        else:
            self.time = max(self.time, until)


class Runner:
    """Records what it was asked to run; each run takes `takes`."""

    def __init__(self, clock, takes=timedelta(0), error=None):
        self.clock, self.takes, self.error, self.asked = clock, takes, error, []

    def __call__(self, schedule, when):
        self.asked.append((schedule.name, when.due.strftime("%d %H:%M")))
        self.clock.time += self.takes
        if self.error is not None:
            raise self.error
        return RunOutcome("succeeded")


def soon(text="00:00"):
    """Tomorrow at that time: later than what a test adds now."""
    hour, minute = text.split(":")
    return (datetime.now(UTC) + timedelta(days=1)).replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)


@pytest.fixture
def schedules(project, make_notebook):
    make_notebook(project / "daily.ipynb", ["x = 1"])
    return Schedules(Project.find(project))


def add(schedules, cron, name="daily"):
    added = schedules.add(schedules.project.root / "daily.ipynb", cron, tz="UTC", name=name)
    # as if it had been seen yesterday's last time, so that the days before `soon` are not caught up
    first = schedules.begin(added, soon() - timedelta(minutes=1))
    schedules.finish(first, "succeeded")
    return added


def run(schedules, clock, runner):
    serve(schedules, runner, clock, Event())
    return [due for _, due in runner.asked]


def test_each_time_runs_once(schedules):
    add(schedules, "0 6,18 * * *")
    clock = TurnedClock(soon(), soon() + timedelta(days=2))
    day = [soon() + timedelta(days=days) for days in range(2)]
    expected = [one.strftime(f"%d {hour}") for one in day for hour in ("06:00", "18:00")]
    assert run(schedules, clock, Runner(clock)) == expected
    assert {record.status for record in schedules.history()} == {"succeeded"}


def test_missed_times_are_made_up_for_by_the_latest(schedules):
    add(schedules, "0 * * * *")
    clock = TurnedClock(soon("09:30"), soon("10:30"))
    assert [text[3:] for text in run(schedules, clock, Runner(clock))] == ["09:00", "10:00"]
    assert "missed" in schedules.history(limit=2)[1].message


def test_nothing_is_made_up_for_the_time_before_it_was_added(schedules):
    schedules.add(schedules.project.root / "daily.ipynb", "* * * * *", tz="UTC")
    now = datetime.now(UTC)
    clock = TurnedClock(now, now)
    assert run(schedules, clock, Runner(clock)) == []


def test_a_run_longer_than_its_period_never_overlaps_itself(schedules):
    add(schedules, "0 * * * *")
    clock = TurnedClock(soon("09:00"), soon("14:59"))
    runner = Runner(clock, takes=timedelta(hours=2, minutes=30))
    assert [text[3:] for text in run(schedules, clock, runner)] == ["09:00", "11:00", "14:00"]


def test_a_schedule_due_while_another_ran_follows_at_once(schedules):
    add(schedules, "0 9 * * *", "first")
    add(schedules, "5 9 * * *", "second")
    clock = TurnedClock(soon("08:00"), soon("10:00"))
    runner = Runner(clock, timedelta(minutes=30))
    serve(schedules, runner, clock, Event())
    assert [name for name, _ in runner.asked] == ["first", "second"]
    assert clock.time == soon("10:00")


def test_a_killed_server_does_not_run_the_same_time_again(schedules):
    add(schedules, "0 9 * * *")
    clock = TurnedClock(soon("08:00"), soon("10:00"))
    with pytest.raises(SystemExit):
        run(schedules, clock, Runner(clock, error=SystemExit()))
    schedules.begin(schedules.get("daily"), soon("09:30"))  # and one whose server left no word at all
    clock = TurnedClock(soon("09:40"), soon("10:00"))
    assert run(schedules, clock, Runner(clock)) == []
    assert [record.status for record in schedules.history(limit=2)] == ["interrupted", "interrupted"]


@pytest.mark.parametrize("error", [PlanError("NB401", "no parameter x"), RuntimeError("broken")])
def test_a_run_that_fails_is_written_down_and_the_next_one_runs(schedules, error):
    add(schedules, "0 9 * * *")
    clock = TurnedClock(soon("08:00"), soon("08:00") + timedelta(days=2))
    assert len(run(schedules, clock, Runner(clock, error=error))) == 2
    record = schedules.history()[0]
    assert (record.status, str(error).split(maxsplit=1)[-1] in record.message) == ("failed", True)


def test_a_clock_set_back_repeats_nothing(schedules):
    add(schedules, "0 * * * *")
    clock = TurnedClock(soon("09:00"), soon("09:59"))
    run(schedules, clock, Runner(clock))
    clock = TurnedClock(soon("07:30"), soon("10:30"))
    assert [text[3:] for text in run(schedules, clock, Runner(clock))] == ["10:00"]


def test_one_server_a_project(schedules):
    lock = schedules.project.home / "schedules.lock"
    assert schedules.processes() == []
    with only_server(lock):
        (found,) = schedules.processes()
        assert found["kind"] == "scheduler"
        clock = TurnedClock(soon(), soon())
        with pytest.raises(ScheduleError, match=str(found["pid"])):
            run(schedules, clock, Runner(clock))
    assert holder(lock) is None
    assert schedules.processes() == []


def test_the_machines_clock_returns_when_told_to_stop():
    clock, stop = SystemClock(), Event()
    stop.set()
    clock.wait(clock.now() + timedelta(days=1), stop)
    clock.wait(None, stop)
    clock.wait(clock.now() - timedelta(days=1), Event())
    assert clock.now().tzinfo is UTC


def test_a_paused_schedule_is_never_due(schedules):
    add(schedules, "0 * * * *")
    add(schedules, "0 6 * * *", name="other")
    schedules.pause("daily", True)
    clock = TurnedClock(soon(), soon() + timedelta(days=1, hours=1))
    asked = Runner(clock)
    serve(schedules, asked, clock, Event())
    assert {name for name, _ in asked.asked} == {"other"}


def test_one_that_is_paused_while_another_runs_does_not_run(schedules):
    add(schedules, "0 6 * * *", name="first")
    add(schedules, "0 6 * * *", name="second")
    clock = TurnedClock(soon(), soon() + timedelta(hours=7))
    runner = Runner(clock)

    def run_and_pause(schedule, when):
        schedules.pause("second", True)
        return runner(schedule, when)

    serve(schedules, run_and_pause, clock, Event())
    assert [name for name, _ in runner.asked] == ["first"]


def test_a_server_that_nobody_needs_ends_by_itself(schedules):
    class Ticking(TurnedClock):
        def wait(self, until, stop):
            self.time = min(until or self.end, self.time + timedelta(minutes=1))
            self.waits = getattr(self, "waits", 0) + 1
            if self.waits == 3:
                schedules.pause("daily", True)

    add(schedules, "0 6 * * *")
    clock = Ticking(soon(), soon() + timedelta(days=9))
    serve(schedules, Runner(clock), clock, Event(), timedelta(minutes=5))
    assert clock.waits == 2 + 5
    assert schedules.processes() == []
