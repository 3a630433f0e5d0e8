"""Adding, listing and removing schedules; what is refused, and how."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from nbprod.config import Project
from nbprod.core.errors import NotebookError, ScheduleError
from nbprod.scheduling import Schedules, preview

DUE = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.fixture
def schedules(project, make_notebook):
    make_notebook(project / "reports" / "daily.ipynb", ["x = 1"])
    return Schedules(Project.find(project))


def add(schedules, cron="0 6 * * 1-5", **more):
    return schedules.add(schedules.project.root / "reports" / "daily.ipynb", cron, **{"tz": "UTC", **more})


def test_what_is_added_is_listed_until_it_is_removed(schedules):
    assert schedules.list() == ()
    added = add(schedules, parameters={"rows": 10, "names": ["a", "ü"]})
    assert schedules.list() == (added,)
    assert added.notebook == "reports/daily.ipynb"
    assert added.as_json()["words"] == "every weekday at 06:00"
    assert Schedules(schedules.project).get("daily") == added
    assert schedules.remove("daily") == added
    assert schedules.list() == ()


def test_a_second_schedule_needs_a_name_of_its_own_else_it_replaces(schedules):
    add(schedules)
    add(schedules, "0 7 * * *")
    add(schedules, "0 8 * * *", name="late")
    assert [(item.name, item.cron) for item in schedules.list()] == [("daily", "0 7 * * *"), ("late", "0 8 * * *")]


def test_next_times_are_in_its_own_zone(schedules):
    added = add(schedules, "0 6 * * *", tz="Asia/Kolkata")
    first, second = added.next(2, after=DUE)
    assert (first.isoformat(), second.isoformat()) == ("2026-11-21T06:00:00+05:30", "2026-11-22T06:00:00+05:30")


def test_without_a_zone_it_is_the_machines(schedules, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert add(schedules, tz=None).tz == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        ({"cron": "6 o'clock"}, "NB820", "every weekday at 06:00"),
        ({"tz": "Mars/Olympus"}, "NB821", "Europe/Berlin"),
        ({"name": "two words"}, "NB822", "no blanks"),
        ({"parameters": {"x": object()}}, "NB825", "can be kept"),
        ({"parameters": {"x": float("nan")}}, "NB825", "can be kept"),
    ],
)
def test_what_can_never_run_is_refused(schedules, more, code, text):
    with pytest.raises(ScheduleError, match=text) as caught:
        add(schedules, **more)
    assert caught.value.code == code
    assert schedules.list() == ()


def test_a_notebook_that_is_not_there(schedules):
    with pytest.raises(NotebookError, match="nope"):
        schedules.add("nope.ipynb", "0 6 * * *")


def test_removing_what_is_not_there_lists_what_is(schedules):
    add(schedules)
    with pytest.raises(ScheduleError, match="schedules: daily"):
        schedules.remove("weekly")


def test_a_damaged_file_is_named(schedules):
    schedules.file.write_bytes(b"this is not a database, far too long for an empty one" * 20)
    with pytest.raises(ScheduleError, match=r"schedules\.sqlite") as caught:
        schedules.list()
    assert caught.value.code == "NB824"


def test_a_time_is_taken_once(schedules):
    added = add(schedules)
    first = schedules.begin(added, DUE)
    assert first is not None
    assert schedules.begin(added, DUE) is None
    schedules.finish(first, "failed", "no network")
    (record,) = schedules.history("daily")
    assert (record.due, record.run, record.status, record.message) == (DUE, first.run, "failed", "no network")
    assert record.as_json()["due"] == "2026-11-20T06:00:00+00:00"
    assert schedules.history("other") == ()


def test_history_outlives_the_schedule(schedules):
    schedules.begin(add(schedules), DUE)
    schedules.remove("daily")
    assert [record.status for record in schedules.history()] == ["started"]


def test_times_of_a_server_that_died_are_interrupted(schedules):
    schedules.begin(add(schedules), DUE)
    assert schedules.recover() == 1
    assert [record.status for record in schedules.history()] == ["interrupted"]
    assert schedules.recover() == 0


def test_a_paused_schedule_has_no_next_time_until_it_is_resumed(schedules):
    add(schedules)
    paused = schedules.pause("daily", True)
    assert (paused.paused, paused.as_json()["paused"], paused.as_json()["next"]) == (True, True, None)
    assert schedules.get("daily") == schedules.pause("daily", True) == paused
    resumed = schedules.pause("daily", False)
    assert not resumed.paused
    assert resumed.as_json()["next"]
    assert schedules.handled(resumed).isoformat() == resumed.resumed, "what passed meanwhile is not made up for"
    assert schedules.pause("daily", False) == resumed
    with pytest.raises(ScheduleError, match="schedules: daily"):
        schedules.pause("weekly", True)


def test_one_that_is_added_anew_is_not_paused(schedules):
    add(schedules)
    schedules.pause("daily", True)
    assert not add(schedules, "0 7 * * *").paused
    assert not schedules.get("daily").paused


def test_a_file_of_an_earlier_version_gets_what_it_lacks(schedules):
    with closing(sqlite3.connect(schedules.file)) as db, db:
        columns = "name TEXT PRIMARY KEY, notebook TEXT, cron TEXT, tz TEXT, parameters TEXT, created TEXT"
        db.execute(f"CREATE TABLE schedules ({columns})")
        db.execute("INSERT INTO schedules VALUES ('old', 'a.ipynb', '0 6 * * *', 'UTC', '{}', '2026-01-01')")
    assert [(item.name, item.paused) for item in schedules.list()] == [("old", False)]
    assert schedules.pause("old", True).paused
    assert add(schedules).created


def test_preview(schedules):
    found = preview("@daily", "Asia/Kolkata")
    assert (found["cron"], found["words"], found["tz"]) == ("0 0 * * *", "every day at 00:00", "Asia/Kolkata")
    assert len(found["next"]) == 5
    assert all(moment.endswith("T00:00:00+05:30") for moment in found["next"])
    with pytest.raises(ScheduleError, match="is not a cron expression"):
        preview("every day")
    with pytest.raises(ScheduleError, match="no time zone"):
        preview("@daily", "Mars/Olympus")
