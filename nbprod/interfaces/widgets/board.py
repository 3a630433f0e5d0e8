"""A sweep as self-contained HTML: the best, a small plot a parameter, the trials ranked."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.widgets import words
from nbprod.interfaces.widgets.plot import Point, plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Trial = Mapping[str, Any]

MOST = 100
ENDED = ("succeeded", "failed", "skipped")
INTERRUPTED = "NB506"


def board(sweep: Mapping[str, Any], error: Mapping[str, Any] | None = None) -> str:
    """Return a sweep, as `sweep --json` has it, complete or as far as it got."""
    trials: Sequence[Trial] = sweep.get("trials") or ()
    parts = [words.heading(str(sweep.get("notebook", "")), _state(sweep), [*_about(sweep)])]
    if trials:
        plots = [_plot(name, sweep) for name in _swept(trials)]
        parts += [words.drawn("\n".join(plots), "display:flex;flex-wrap:wrap"), _table(sweep)]
    return words.block("sweep", [*parts, words.problem(error)])


def plain(sweep: Mapping[str, Any], error: Mapping[str, Any] | None = None) -> str:
    """Return a sweep as text."""
    lines = [" · ".join([str(sweep.get("notebook", "")), _state(sweep), *_about(sweep)])]
    for trial in ranked(sweep)[:MOST]:
        value = words.number(trial["value"]) if trial["value"] is not None else ""
        told = words.clip(str((trial["error"] or {}).get("message", "")), 60)
        line = f"  {words.state(_ended(trial)):<10} {words.given(trial['parameters']):<32} {value:<10} {told}"
        lines.append(line.rstrip())
    return "\n".join([*lines, *([f"{error.get('code')}  {error.get('message')}"] if error else [])])


def ranked(sweep: Mapping[str, Any]) -> list[Trial]:
    """Return the trials, the best first; those without a value after the others, in the order they are made."""
    trials = list(sweep.get("trials") or ())
    done = sorted((trial for trial in trials if trial["value"] is not None), key=lambda trial: float(trial["value"]))
    done = done[::-1] if sweep.get("maximize") else done
    done.sort(key=lambda trial: trial["number"] != sweep.get("best"))  # of equals, the first is the best
    return [*done, *(trial for trial in trials if trial["value"] is None)]


def _state(sweep: Mapping[str, Any]) -> str:
    trials: Sequence[Trial] = sweep.get("trials") or ()
    ended = sum(_ended(trial) in ("succeeded", "failed") for trial in trials)
    told = words.state(str(sweep.get("status") or _status(trials)))
    return f"{told} {ended} of {len(trials)} trials" if trials else told


def _status(trials: Sequence[Trial]) -> str:
    if any(trial["status"] == "skipped" for trial in trials):
        return "interrupted"
    return "succeeded" if all(trial["status"] in ENDED for trial in trials) else "running"


def _ended(trial: Trial) -> str:
    """Return a trial's state; one that somebody stopped did not fail."""
    return "interrupted" if (trial.get("error") or {}).get("code") == INTERRUPTED else str(trial["status"])


def _about(sweep: Mapping[str, Any]) -> list[str]:
    best = next((trial for trial in sweep.get("trials") or () if trial["number"] == sweep.get("best")), None)
    if best is None:
        return [f"{sweep['metric']}, {'largest' if sweep.get('maximize') else 'smallest'} is best"]
    return [f"best {sweep['metric']} {words.number(best['value'])}", words.given(best["parameters"])]


def _swept(trials: Sequence[Trial]) -> list[str]:
    """Return the parameters that differ among trials; where none does, all."""
    names = list(trials[0]["parameters"])
    return [name for name in names if len({str(trial["parameters"][name]) for trial in trials}) > 1] or names


def _plot(name: str, sweep: Mapping[str, Any]) -> str:
    done = [trial for trial in sweep["trials"] if trial["value"] is not None]
    axis = name, [trial["parameters"][name] for trial in sweep["trials"]]
    points = {trial["number"]: _point(name, trial, sweep["metric"]) for trial in done}
    return plot(axis, sweep["metric"], list(points.values()), points.get(sweep.get("best"))) if points else ""


def _point(name: str, trial: Trial, metric: str) -> Point:
    value = float(trial["value"])
    told = f"trial {trial['number']}: {words.given(trial['parameters'])}, {metric} {words.number(value)}"
    return Point(trial["parameters"][name], value, told)


def _table(sweep: Mapping[str, Any]) -> str:
    trials = ranked(sweep)
    names = list(trials[0]["parameters"])
    head = ["trial", "state", *map(escape, names), escape(str(sweep["metric"])), "time", "run"]
    rows = [_row(trial, names, sweep) for trial in trials[:MOST]]
    more = len(trials) - MOST
    note = f'<p style="margin:2px 0">{words.dim(f"{more} more trials")}</p>' if more > 0 else ""
    right = [0, *range(2, 2 + len(names) + 2)]
    return f'<div style="overflow-x:auto">{words.table(head, rows, right)}</div>{note}'


def _row(trial: Trial, names: Sequence[str], sweep: Mapping[str, Any]) -> list[str]:
    best = trial["number"] == sweep.get("best")
    state = escape("✓ best" if best else words.state(_ended(trial)))
    value = escape(words.number(trial["value"])) if trial["value"] is not None else ""
    cells = [str(trial["number"]), state, *(escape(words.number(trial["parameters"][name])) for name in names)]
    cells += [value, _time(trial)]
    cells = [f"<b>{cell}</b>" if best and cell else cell for cell in cells]
    error = (trial.get("error") or {}) if _ended(trial) == "failed" else {}
    told = words.dim(words.clip(f"{words.place(error)}{error.get('message', '')}", 60)) if error else ""
    run = f"<code>{escape(str(trial['run'])[:4])}</code>" if trial.get("run") else ""
    return [*cells, f"{run} {told}".strip()]


def _time(trial: Trial) -> str:
    if trial["status"] == "running":
        return f"{max(0, int(time.time() - float(trial.get('began') or time.time())))} s"
    return words.seconds(float(trial["seconds"])) if trial["status"] in ("succeeded", "failed") else ""
