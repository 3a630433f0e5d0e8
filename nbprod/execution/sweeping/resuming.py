"""Sweeps that are on record: found again, and the trials of theirs that are finished."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import NbprodError, PlanError, Where
from nbprod.core.sweep import Sweep, Trial, TrialStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

INTERRUPTED = "NB506"
KEPT = (TrialStatus.SUCCEEDED, TrialStatus.FAILED, TrialStatus.PRUNED)
SAME = ("metric", "maximize", "search", "space", "fixed")
"""What makes two sweeps of a notebook the same one, begun twice."""

_fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None


def find(home: Path, notebook: str, sweep_id: str | None, asked: Mapping[str, Any]) -> Sweep:
    """Return the sweep of a notebook to go on with, its finished trials only.

    Parameters
    ----------
    home, notebook
        Whose.
    sweep_id
        Its id or a prefix of it; None: the newest.
    asked
        Facts that its record must hold.

    Raises
    ------
    PlanError
        There is none.
    """
    records = [record for record in _records(home) if record["notebook"] == notebook]
    fitting = [record for record in records if all(record[name] == asked[name] for name in asked)]
    found = [record for record in fitting if record["sweep"].startswith(sweep_id or "")]
    if not found:
        named = f" {sweep_id}" if sweep_id else " with these values" if records else ""
        listed = ", ".join(record["sweep"] for record in records[:8])
        hint = f"sweeps: {listed}" if records else "leave --resume out"
        raise PlanError("NB413", f"{notebook} has no sweep{named} to go on with", hint)
    return _sweep(found[0])


@contextlib.contextmanager
def holding(file: Path) -> Iterator[None]:
    """Keep everybody else from going on with a sweep; raises `PlanError` when somebody does."""
    if _fcntl is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = file.with_suffix(".lock")
    with lock.open("a") as held:
        try:
            _fcntl.flock(held, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except BlockingIOError:
            raise PlanError("NB413", f"sweep {file.stem} goes on in another process", "nbprod ps, or wait") from None
        except OSError:  # a file system without locks
            yield
            return
        yield
        lock.unlink(missing_ok=True)


def _records(home: Path) -> list[dict[str, Any]]:
    """Return the sweeps on record, the newest first; those of an older form, which cannot go on, are left out."""
    found = []
    for file in (home / "sweeps").glob("*.json"):
        with contextlib.suppress(OSError, ValueError):
            record = json.loads(file.read_text(encoding="utf-8"))
            if {*SAME, "sweep", "notebook", "code"} <= set(record):
                found.append((file.stat().st_mtime, record))
    return [record for _, record in sorted(found, key=lambda item: item[0], reverse=True)]


def _sweep(record: Mapping[str, Any]) -> Sweep:
    trials = [_trial(entry) for entry in record["trials"]]
    return Sweep(
        record["sweep"],
        record["notebook"],
        record["metric"],
        record["maximize"],
        tuple(trial for trial in trials if trial.status in KEPT and not _interrupted(trial)),
        search=record["search"],
        planned=record["planned"],
        seed=record["seed"],
        space=record["space"],
        fixed=record["fixed"],
        code=record["code"],
    )


def _interrupted(trial: Trial) -> bool:
    return trial.error is not None and trial.error.code == INTERRUPTED


def _trial(entry: Mapping[str, Any]) -> Trial:
    error = entry["error"]
    if error is not None:
        where = Where(**error["where"]) if error.get("where") else None
        error = NbprodError(error["code"], error["message"], error.get("hint"), where)
    return Trial(
        entry["number"],
        entry["parameters"],
        entry["run"],
        TrialStatus(entry["status"]),
        entry["value"],
        entry["seconds"],
        error,
        {int(step): float("nan") if value is None else value for step, value in entry.get("reports", ())},
    )
