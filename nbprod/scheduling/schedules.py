"""Schedules of a project and what became of their times, in one SQLite file behind one class."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbprod.config import require_notebook
from nbprod.core.errors import ScheduleError
from nbprod.core.notebook import NAME_PATTERN
from nbprod.scheduling import cron as times
from nbprod.scheduling.lock import holder

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from nbprod.config import Project

Rows = list[dict[str, Any]]
TABLES = """
CREATE TABLE IF NOT EXISTS schedules (
    name TEXT PRIMARY KEY, notebook TEXT NOT NULL, cron TEXT NOT NULL, tz TEXT NOT NULL,
    parameters TEXT NOT NULL, created TEXT NOT NULL, paused INTEGER NOT NULL DEFAULT 0,
    resumed TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS times (
    schedule TEXT NOT NULL, due TEXT NOT NULL, run TEXT NOT NULL, status TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (schedule, due)
);
"""
LATER = {"paused": "INTEGER NOT NULL DEFAULT 0", "resumed": "TEXT NOT NULL DEFAULT ''"}
COLUMNS = "name, notebook, cron, tz, parameters, created, paused, resumed"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A notebook that runs at set times: `cron` in the time zone `tz`, with `parameters` over the notebook's own.

    While it is `paused` it is never due; times before `resumed` are not made up for.
    """

    name: str
    notebook: str
    cron: str
    tz: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    paused: bool = False
    resumed: str = ""

    @property
    def words(self) -> str:
        """The expression in words, such as `every weekday at 06:00`."""
        return times.words(self.cron)

    def next(self, count: int = 1, after: datetime | None = None) -> tuple[datetime, ...]:
        """Return the next times it is due, in its own time zone."""
        found: list[datetime] = []
        last = after or datetime.now(UTC)
        for _ in range(count):
            last = times.following(self.cron, self.tz, last)
            found.append(last.astimezone(times.zone(self.tz)))
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """Return the schedule with its next time, None while it is paused; JSON values only."""
        return {
            "name": self.name,
            "notebook": self.notebook,
            "cron": self.cron,
            "tz": self.tz,
            "words": self.words,
            "parameters": dict(self.parameters),
            "created": self.created,
            "paused": self.paused,
            "next": None if self.paused else self.next()[0].isoformat(),
        }


@dataclass(frozen=True, slots=True)
class ScheduledTime:
    """One time a schedule was due, and what became of it.

    `run` is the id of its run, chosen before it began. `status` is `started`, `succeeded`, `failed` or `interrupted`.
    """

    schedule: str
    due: datetime
    run: str
    status: str
    started: str
    finished: str = ""
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        names = ("schedule", "run", "status", "started", "finished", "message")
        return {"due": self.due.isoformat(), **{name: getattr(self, name) for name in names}}


class Schedules:
    """The schedules of a project.

    Parameters
    ----------
    project
        The project; everything is kept in `schedules.sqlite` of its home.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.file = project.home / "schedules.sqlite"

    def add(
        self,
        notebook: str | os.PathLike[str],
        cron: str,
        *,
        tz: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Schedule:
        """Add a schedule, or replace the one of that name; raises `ScheduleError` for what can never run.

        Parameters
        ----------
        notebook
            The notebook's path.
        cron
            Five fields, or `@daily` and the like.
        tz
            Name of a time zone; default the machine's.
        parameters
            Overrides by name; JSON values.
        name
            Default: the notebook's stem.
        """
        path = require_notebook(notebook)
        chosen = name or path.stem
        if name is not None and not re.fullmatch(NAME_PATTERN, name):
            raise ScheduleError("NB822", f"`{name}` cannot name a schedule", "letters, digits, _ and -, no blanks")
        known = times.zone(tz or times.local_zone()).key
        schedule = Schedule(
            chosen, self.project.relative(path), times.parse(cron), known, dict(parameters or {}), _stamp()
        )
        row = (chosen, schedule.notebook, schedule.cron, known, _dumped(schedule.parameters), schedule.created)
        with self._open() as db:
            db.execute(f"INSERT OR REPLACE INTO schedules ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, '')", row)  # noqa: S608 - a constant
        return schedule

    def list(self) -> tuple[Schedule, ...]:
        """Return all schedules, by name."""
        if not self.file.exists():
            return ()
        with self._open() as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM schedules ORDER BY name")  # noqa: S608 - a constant
            return tuple(
                Schedule(name, notebook, cron, tz, json.loads(parameters), created, bool(paused), resumed)
                for name, notebook, cron, tz, parameters, created, paused, resumed in rows
            )

    def get(self, name: str) -> Schedule:
        """Return the schedule of that name; raises `ScheduleError` listing those there are."""
        known = self.list()
        for schedule in known:
            if schedule.name == name:
                return schedule
        names = ", ".join(schedule.name for schedule in known) or "none"
        raise ScheduleError("NB823", f"there is no schedule {name}", f"schedules: {names}")

    def remove(self, name: str) -> Schedule:
        """Remove a schedule and return it; what its runs left stays. Raises `ScheduleError` when there is none."""
        schedule = self.get(name)
        with self._open() as db:
            db.execute("DELETE FROM schedules WHERE name = ?", (name,))
        return schedule

    def pause(self, name: str, paused: bool = True) -> Schedule:
        """Let a schedule rest, or be due again, and return it; raises `ScheduleError` when there is none."""
        if self.get(name).paused != paused:
            query = "UPDATE schedules SET paused = ?, resumed = ? WHERE name = ?"
            with self._open() as db:
                db.execute(query, (int(paused), "" if paused else _stamp(), name))
        return self.get(name)

    def history(self, name: str | None = None, limit: int = 50) -> tuple[ScheduledTime, ...]:
        """Return what became of past times, newest first, of one schedule or of all."""
        query = "SELECT * FROM times WHERE ? IS NULL OR schedule = ? ORDER BY due DESC, schedule LIMIT ?"
        with self._open() as db:
            rows = db.execute(query, (name, name, limit)).fetchall()
        return tuple(ScheduledTime(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in rows)

    def processes(self) -> Rows:
        """Return the process that serves this project's schedules, if one does."""
        found = holder(self.project.home / "schedules.lock")
        return [{"kind": "scheduler", **found}] if found else []

    def begin(self, schedule: Schedule, due: datetime, message: str = "") -> ScheduledTime | None:
        """Write down that a time's run begins; None when that time was taken before."""
        intent = ScheduledTime(schedule.name, due, secrets.token_hex(4), "started", _stamp(), message=message)
        row = (intent.schedule, due.isoformat(), intent.run, intent.status, intent.started, "", message)
        with self._open() as db:
            done = db.execute("INSERT OR IGNORE INTO times VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return intent if done.rowcount else None

    def finish(self, intent: ScheduledTime, status: str, message: str = "") -> None:
        """Write down what became of a time."""
        query = "UPDATE times SET status = ?, finished = ?, message = ? WHERE schedule = ? AND due = ?"
        text = message or intent.message
        with self._open() as db:
            db.execute(query, (status, _stamp(), text, intent.schedule, intent.due.isoformat()))

    def recover(self) -> int:
        """Mark times whose server died as interrupted, so that they are never run twice; return how many."""
        query = (
            "UPDATE times SET status = 'interrupted', message = 'the scheduler was stopped' WHERE status = 'started'"
        )
        with self._open() as db:
            return db.execute(query).rowcount

    def handled(self, schedule: Schedule) -> datetime:
        """Return the last time of a schedule that was taken, at least the time it was added or resumed."""
        with self._open() as db:
            row = db.execute("SELECT max(due) FROM times WHERE schedule = ?", (schedule.name,)).fetchone()
        return datetime.fromisoformat(max(row[0] or "", schedule.created, schedule.resumed))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            db = sqlite3.connect(self.file, timeout=30)
            try:
                db.executescript(TABLES)
                _complete(db)
                with db:
                    yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            hint = f"move {self.file} away and add the schedules again"
            raise ScheduleError("NB824", f"the schedules cannot be read or written: {error}", hint) from error


def preview(cron: str, tz: str | None = None) -> dict[str, Any]:
    """Return what a schedule would mean: `cron`, `words`, `tz` and `next`, its next five times.

    Raises `ScheduleError` for an expression or a time zone that is none.
    """
    known = times.zone(tz or times.local_zone()).key
    asked = Schedule("preview", "", times.parse(cron), known)
    following = [moment.isoformat() for moment in asked.next(5)]
    return {"cron": asked.cron, "words": asked.words, "tz": known, "next": following}


def _complete(db: sqlite3.Connection) -> None:
    """Add the columns that a file of an earlier nbprod lacks."""
    present = {row[1] for row in db.execute("PRAGMA table_info(schedules)")}
    for name, kind in LATER.items():
        if name not in present:
            db.execute(f"ALTER TABLE schedules ADD COLUMN {name} {kind}")


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _dumped(parameters: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(parameters), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        hint = "numbers, texts, booleans, lists and dictionaries of them can be kept"
        raise ScheduleError("NB825", f"a parameter cannot be kept with a schedule: {error}", hint) from None
