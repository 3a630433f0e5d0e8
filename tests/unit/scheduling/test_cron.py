"""When cron expressions are due, across clock changes, and how they read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nbprod.core.errors import ScheduleError
from nbprod.scheduling import cron

BERLIN = "Europe/Berlin"  # 2026: one hour forward on 29 March at 02:00, back on 25 October at 03:00


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(text: str, tz: str, after: str, count: int) -> list[str]:
    found, last = [], utc(after)
    for _ in range(count):
        last = cron.following(text, tz, last)
        found.append(last.strftime("%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 6 * * 1-5", "every weekday at 06:00"),
        ("0 6 * * mon-fri", "every weekday at 06:00"),
        ("30 18 * * *", "every day at 18:30"),
        ("0 6,18 * * *", "every day at 06:00 and 18:00"),
        ("5 4 * * 0", "every Sunday at 04:05"),
        ("5 4 * * 7", "every Sunday at 04:05"),
        ("0 9 * * mon,thu", "every Monday and Thursday at 09:00"),
        ("0 9 * * 6,0", "every weekend day at 09:00"),
        ("0 0 1 * *", "on the 1st of every month at 00:00"),
        ("0 0 13 * *", "on the 13th of every month at 00:00"),
        ("0 0 22 * *", "on the 22nd of every month at 00:00"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 * * * *", "every hour"),
        ("20 * * * *", "every hour at minute 20"),
        ("0 */4 * * *", "every 4 hours"),
        ("*/5 * * * 1-5", "every 5 minutes, every weekday"),
        ("0 6 * 3 *", "at the times of `0 6 * 3 *`"),
        ("0 6 1-7 * 1", "at the times of `0 6 1-7 * 1`"),
        ("0 6 * * 5#2", "at the times of `0 6 * * 5#2`"),
    ],
)
def test_words(text, expected):
    assert cron.words(text) == expected


def test_aliases_and_blanks_are_spelt_out():
    assert cron.parse(" @daily ") == "0 0 * * *"
    assert cron.parse("0  6 *\t* 1-5") == "0 6 * * 1-5"


@pytest.mark.parametrize(
    "text", ["", "daily", "* * * *", "* * * * * *", "61 * * * *", "0 24 * * *", "0 0 30 2 *", "R * * * *", "x 6 * * *"]
)
def test_a_wrong_expression_is_answered_with_an_example(text):
    with pytest.raises(ScheduleError, match="every weekday at 06:00") as caught:
        cron.parse(text)
    assert caught.value.code == "NB820"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../UTC", "/etc/passwd"])
def test_an_unknown_time_zone(name):
    with pytest.raises(ScheduleError, match="no time zone"):
        cron.zone(name)


def test_the_machines_zone_is_one_that_exists(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert cron.local_zone() == "Asia/Kolkata"
    monkeypatch.setenv("TZ", "nonsense")
    assert cron.zone(cron.local_zone())


def test_times_of_day_are_the_zones_own():
    assert series("0 6 * * *", "Asia/Kolkata", "2026-01-01T00:00", 2) == ["01 00:30", "02 00:30"]
    assert series("0 6 * * *", BERLIN, "2026-03-27T12:00", 3) == ["28 05:00", "29 04:00", "30 04:00"]


def test_a_time_the_clock_skips_is_due_that_much_later_and_once():
    assert series("30 2 * * *", BERLIN, "2026-03-27T12:00", 3) == ["28 01:30", "29 01:30", "30 00:30"]


def test_a_time_the_clock_shows_twice_is_due_once():
    assert series("30 2 * * *", BERLIN, "2026-10-24T12:00", 2) == ["25 00:30", "26 01:30"]


def test_every_hour_means_every_hour_that_passes():
    expected = ["24 23:00", "25 00:00", "25 01:00", "25 02:00", "25 03:00"]
    assert series("0 * * * *", BERLIN, "2026-10-24T22:30", 5) == expected
    assert series("0 * * * *", BERLIN, "2026-03-28T23:30", 3) == ["29 00:00", "29 01:00", "29 02:00"]


@pytest.mark.parametrize("text", ["*/20 * * * *", "0 * * * *", "30 2 * * *", "0 6 * * 1-5", "15,45 1-3 * * *"])
@pytest.mark.parametrize("start", ["2026-03-28T20:10", "2026-10-24T20:10", "2026-06-01T00:00"])
def test_looking_back_finds_what_looking_forward_found(text, start):
    last = utc(start)
    for _ in range(40):
        due = cron.following(text, BERLIN, last)
        assert due > last
        assert cron.preceding(text, BERLIN, due) == due
        last = due


def test_a_rare_time_is_found():
    assert cron.following("0 0 29 2 *", "UTC", utc("2026-01-01T00:00")) == utc("2028-02-29T00:00")
    assert cron.preceding("0 0 29 2 *", "UTC", utc("2026-01-01T00:00")) == utc("2024-02-29T00:00")
