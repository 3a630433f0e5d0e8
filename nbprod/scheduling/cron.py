"""Cron expressions: when they are due, across changes of the clock, and how to say them in words.

Times of day are the time zone's own. A time that the clock skips is due that much later; a time that the clock shows
twice is due once, unless the hour field asks for every hour (`*`), when both count.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbprod.core.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLE = 'five fields: minute, hour, day of month, month, day of week; "0 6 * * 1-5" is every weekday at 06:00'
ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SHIFT = timedelta(hours=3)  # more than any clock change moves an hour


def parse(text: str) -> str:
    """Return the expression with single blanks and aliases spelt out; raises `ScheduleError` with an example."""
    from croniter import croniter

    cron = ALIASES.get(text.strip().lower(), " ".join(text.split()))
    if len(cron.split()) != 5:
        raise ScheduleError("NB820", f"`{text}` is not a cron expression: it has {len(cron.split())} fields", EXAMPLE)
    if any(letter in field.upper() for field in cron.split()[:3] for letter in "HR"):
        raise ScheduleError("NB820", f"`{text}`: times chosen at random are not supported", EXAMPLE)
    try:
        croniter(cron, datetime(2026, 1, 1)).get_next(datetime)  # noqa: DTZ001 - wall-clock time, of no zone
    except ValueError as error:
        raise ScheduleError("NB820", f"`{text}` is not a cron expression: {error}", EXAMPLE) from None
    return cron


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name; raises `ScheduleError` when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError("NB821", f"there is no time zone {name}", "write it like Europe/Berlin or UTC") from None


def local_zone() -> str:
    """Return the name of this machine's time zone, `UTC` when it cannot be told."""
    link = os.path.realpath("/etc/localtime")
    for name in (os.environ.get("TZ", "").lstrip(":"), link.partition("/zoneinfo/")[2], _timezone_file()):
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"


def following(cron: str, tz: str, after: datetime) -> datetime:
    """Return the first time the expression is due after `after`, in UTC."""
    return _nearest(cron, tz, after, forward=True)


def preceding(cron: str, tz: str, at: datetime) -> datetime:
    """Return the last time the expression was due at or before `at`, in UTC."""
    return _nearest(cron, tz, at, forward=False)


def _nearest(cron: str, tz: str, at: datetime, *, forward: bool) -> datetime:
    here = zone(tz)
    start = at.astimezone(here).replace(tzinfo=None)
    best: datetime | None = None
    edge = start
    for wall in _walls(cron, start - SHIFT if forward else start + SHIFT, forward=forward):
        if best is not None and abs(wall - edge) > SHIFT:
            return best
        for instant in _instants(wall, here, both=cron.split()[1].startswith("*")):
            if (instant > at) if forward else (instant <= at):
                edge = wall if best is None else edge
                best = instant if best is None else (min if forward else max)(best, instant)
    raise ScheduleError("NB820", f"`{cron}` is never due", EXAMPLE)  # pragma: no cover - parse refuses such


def _walls(cron: str, start: datetime, *, forward: bool) -> Iterator[datetime]:
    from croniter import croniter

    times = croniter(cron, start)
    step: Callable[[type[datetime]], datetime] = times.get_next if forward else times.get_prev
    while True:
        yield step(datetime)


def _instants(wall: datetime, here: ZoneInfo, *, both: bool) -> tuple[datetime, ...]:
    first = wall.replace(tzinfo=here, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=here, fold=1).astimezone(UTC)
    return (first, second) if both and second > first else (first,)


def _timezone_file() -> str:
    try:
        return Path("/etc/timezone").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def words(cron: str) -> str:
    """Return the expression in words, such as `every weekday at 06:00`; the expression itself when it is too rich."""
    minute, hour, day, month, weekday = cron.split()
    when, which = _times(minute, hour), _days(day, month, weekday)
    if when is None or which is None:
        return f"at the times of `{cron}`"
    if not when.startswith("at "):
        return when if which == "every day" else f"{when}, {which}"
    return f"{which} {when}"


def _times(minute: str, hour: str) -> str | None:
    if hour == "*":
        return _within_hour(minute)
    if hour.startswith("*/") and minute.isdigit():
        tail = "" if minute == "0" else f" at minute {minute}"
        return f"every {hour[2:]} hours{tail}"
    hours = hour.split(",")
    if minute.isdigit() and all(item.isdigit() for item in hours):
        return "at " + _joined([f"{int(item):02d}:{int(minute):02d}" for item in hours])
    return None


def _within_hour(minute: str) -> str | None:
    if minute in {"*", "*/1"}:
        return "every minute"
    if minute.startswith("*/"):
        return f"every {minute[2:]} minutes"
    if minute == "0":
        return "every hour"
    return f"every hour at minute {minute}" if minute.isdigit() else None


def _days(day: str, month: str, weekday: str) -> str | None:
    if month != "*":
        return None
    if day == "*" and weekday == "*":
        return "every day"
    if day == "*":
        return _weekdays(weekday)
    if weekday == "*" and day.isdigit():
        ending = "th" if 10 <= int(day) <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(int(day) % 10, "th")
        return f"on the {day}{ending} of every month"
    return None


def _weekdays(field: str) -> str | None:
    short = {name[:3].lower(): number for number, name in enumerate(DAYS)}
    numbers: list[int] = []
    for part in field.lower().split(","):
        ends = [short.get(item, int(item) if item.isdigit() else -1) for item in part.split("-")]
        if len(ends) > 2 or min(ends) < 0:
            return None
        numbers += range(ends[0], ends[-1] + 1)
    known = {frozenset(range(1, 6)): "every weekday", frozenset({0, 6}): "every weekend day"}
    chosen = frozenset(number % 7 for number in numbers)
    return known.get(chosen) or "every " + _joined([DAYS[number % 7] for number in numbers])


def _joined(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
