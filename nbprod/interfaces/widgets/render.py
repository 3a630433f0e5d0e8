"""A run as self-contained HTML: no script, no style sheet, colours of the surrounding theme."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.core.run import Run

STATES = {
    "pending": ("○", "waiting"),
    "running": ("◐", "running"),
    "succeeded": ("✓", "done"),
    "cached": ("≡", "cached"),
    "failed": ("✗", "failed"),
    "skipped": ("-", "skipped"),
    "interrupted": ("■", "stopped"),
}
DIM = "color:var(--jp-ui-font-color2,#666)"
CELL = "padding:1px 12px 1px 0;text-align:left"


def run_html(run: Run) -> str:
    """Return a run as a table of its stages, its metrics and gates, and what went wrong."""
    return page(run.as_json())


def page(run: Mapping[str, Any]) -> str:
    """Return the same from the object of `run --json`, complete or as far as the run got."""
    icon, word = STATES.get(str(run.get("status")), ("○", str(run.get("status", ""))))
    head = f"{escape(str(run.get('notebook', '')))} · {icon} {word}"
    if run.get("seconds"):
        head += f" · {seconds(run['seconds'])}"
    if run.get("run"):
        head += f" · run {escape(str(run['run'])[:4])}"
    parts = [f"<p><b>{head}</b></p>", _stages(run.get("stages", ())), _numbers(run), _error(run.get("error"))]
    body = "".join(part for part in parts if part)
    return f'<div class="nbprod-run" style="font-family:var(--jp-ui-font-family,sans-serif)">{body}</div>'


def seconds(value: float) -> str:
    """Return a time with three significant digits."""
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"


def _stages(stages: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(_stage(stage) for stage in stages)
    return f'<table style="border-collapse:collapse">{rows}</table>' if rows else ""


def _stage(stage: Mapping[str, Any]) -> str:
    status = str(stage.get("status", "pending"))
    icon, word = STATES.get(status, ("○", status))
    took = seconds(float(stage.get("seconds") or 0.0)) if status == "succeeded" else word
    told = _metrics(stage.get("metrics") or {}) or ", ".join(map(str, stage.get("outputs") or ()))
    if status in ("cached", "failed", "skipped"):
        told = str(stage.get("reason") or "")
    cells = [f"{icon} {escape(str(stage.get('name', '')))}", took]
    shown = "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells)
    return f'<tr>{shown}<td style="{CELL};{DIM}">{escape(told)}</td></tr>'


def _numbers(run: Mapping[str, Any]) -> str:
    gates = [
        f"gate {gate['expression']} {'held' if gate['held'] else 'did not hold'}" for gate in run.get("gates") or ()
    ]
    text = " · ".join(part for part in (_metrics(run.get("metrics") or {}), *gates) if part)
    return f"<p>{escape(text)}</p>" if text else ""


def _metrics(values: Mapping[str, float]) -> str:
    return " · ".join(f"{name} {value:.4g}" for name, value in values.items())


def _error(error: Mapping[str, Any] | None) -> str:
    if not error:
        return ""
    where = error.get("where") or {}
    place = f"cell {where['cell']} " if where.get("cell") else ""
    place += f"line {where['line']} " if place and where.get("line") else ""
    hint = f'<br><span style="{DIM}">{escape(str(error["hint"]))}</span>' if error.get("hint") else ""
    text = escape(f"{place}{error.get('message', '')}")
    return f'<p role="alert">✗ <b>{escape(str(error.get("code", "")))}</b> {text}{hint}</p>'
