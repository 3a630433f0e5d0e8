"""A sweep as self-contained HTML: the best, a small plot a parameter, the trials ranked."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.core import words
from nbprod.core.plot import Point, plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Trial = Mapping[str, Any]

MOST = 100
DARK = (
    "@media(prefers-color-scheme:dark){:root{--jp-brand-color1:#64b5f6;--jp-success-color1:#81c784;"
    "--jp-error-color1:#ef9a9a;--jp-border-color1:#757575}}"
)
"""The colours that a theme of Jupyter would give, for dark paper."""
ENDED = ("succeeded", "failed", "pruned", "skipped")
MADE = ("succeeded", "failed", "pruned")
INTERRUPTED = "NB506"


def board(sweep: Mapping[str, Any], error: Mapping[str, Any] | None = None) -> str:
    """Return a sweep, as `sweep --json` has it, complete or as far as it got."""
    trials: Sequence[Trial] = sweep.get("trials") or ()
    parts = [words.heading(str(sweep.get("notebook", "")), _state(sweep), [*_about(sweep)])]
    if trials:
        plots = [_course(sweep), *(_plot(name, sweep) for name in _swept(trials))]
        parts += [words.drawn("\n".join(plots), "display:flex;flex-wrap:wrap"), _table(sweep)]
    return words.block("sweep", [*parts, words.problem(error)])


def page(sweep: Mapping[str, Any]) -> str:
    """Return a sweep as a page that needs nothing else."""
    title = escape(f"{sweep['notebook']} · sweep {sweep['sweep'][:8]}")
    style = "body{color-scheme:light dark;background:Canvas;color:CanvasText;margin:24px;max-width:1200px}"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}{DARK}</style>'
    how = [sweep["search"], *([f"seed {sweep['seed']}"] if sweep["seed"] is not None else [])]
    how += [f"{name} {text}" for name, text in sweep["space"].items()]
    how += [f"{name}={text} in all trials" for name, text in sweep["fixed"].items()]
    about = f'<p style="font-family:{words.FONT};font-size:13px">{words.dim(" · ".join(how))}</p>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{board(sweep)}{about}</body></html>\n'


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
    ended = sum(_ended(trial) in MADE for trial in trials)
    told = words.state(str(sweep.get("status") or _status(sweep)))
    return f"{told} {ended} of {_planned(sweep)} trials" if trials else told


def _planned(sweep: Mapping[str, Any]) -> int:
    return int(sweep.get("planned") or len(sweep["trials"]))


def _status(sweep: Mapping[str, Any]) -> str:
    states = [_ended(trial) for trial in sweep["trials"]]
    if "skipped" in states or "interrupted" in states:
        return "interrupted"
    return "succeeded" if all(state in ENDED for state in states) and len(states) >= _planned(sweep) else "running"


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
    points = {trial["number"]: _point(trial["parameters"][name], trial, sweep["metric"]) for trial in done}
    return plot(axis, sweep["metric"], list(points.values()), points.get(sweep.get("best"))) if points else ""


def _course(sweep: Mapping[str, Any]) -> str:
    """Return the metric trial by trial, with the best so far as a line."""
    done = [trial for trial in sweep["trials"] if trial["value"] is not None]
    if len(done) < 2:
        return ""
    points = {trial["number"]: _point(trial["number"], trial, sweep["metric"]) for trial in done}
    record: list[tuple[Any, float]] = []
    for point in points.values():
        if not record or (point.y > record[-1][1] if sweep.get("maximize") else point.y < record[-1][1]):
            record.append((point.x, point.y))
    axis = "trial", [trial["number"] for trial in sweep["trials"]]
    return plot(axis, sweep["metric"], list(points.values()), points.get(sweep.get("best")), record)


def _point(x: Any, trial: Trial, metric: str) -> Point:
    value = float(trial["value"])
    told = f"trial {trial['number']}: {words.given(trial['parameters'])}, {metric} {words.number(value)}"
    return Point(x, value, told)


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
    return words.seconds(float(trial["seconds"])) if trial["status"] in MADE else ""
