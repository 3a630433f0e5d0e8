"""States as icon and word, times and numbers as people read them, colours of the surrounding theme."""

from __future__ import annotations

import re
import unicodedata
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.core.drawing import COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATES = {
    "pending": ("○", "waiting"),
    "none": ("○", "not run"),
    "running": ("◐", "running"),
    "succeeded": ("✓", "done"),
    "cached": ("≡", "cached"),
    "failed": ("✗", "failed"),
    "pruned": ("✂", "pruned"),
    "skipped": ("-", "skipped"),
    "interrupted": ("■", "stopped"),
    "healthy": ("●", "healthy"),
    "starting": ("◐", "starting"),
    "unhealthy": ("✗", "unhealthy"),
    "stopped": ("■", "stopped"),
}
FONT = "var(--jp-ui-font-family,system-ui,sans-serif)"
INK = "var(--jp-ui-font-color1,currentColor)"
DIM = "var(--jp-ui-font-color2,currentColor)"
PAPER = "var(--jp-layout-color1,transparent)"
RULE = "var(--jp-border-color1,#9e9e9e)"
BRAND = "var(--jp-brand-color1,#1976d2)"
ERROR = "var(--jp-error-color1,#d32f2f)"
GOOD = "var(--jp-success-color1,#388e3c)"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
_THEME = (
    "--jp-brand-color1",
    "--jp-warn-color1",
    "--jp-success-color1",
    "--jp-mirror-editor-operator-color",
    "--jp-info-color1",
    "--jp-mirror-editor-atom-color",
    "--jp-mirror-editor-string-color",
    "--jp-accent-color1",
)
STAGES = tuple(f"var({name},{colour})" for name, colour in zip(_THEME, COLOURS, strict=True))
"""The colours of stages by their place, as the sidebar has them."""


def state(name: str) -> str:
    """Return a state as icon and word."""
    icon, word = STATES.get(name, ("○", name))
    return f"{icon} {word}"


def seconds(value: float) -> str:
    """Return a time with three significant digits."""
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"


def number(value: Any) -> str:
    """Return a number with four significant digits, anything else as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def numbers(values: Mapping[str, Any]) -> str:
    """Return metrics in a line."""
    return " · ".join(f"{name} {number(value)}" for name, value in values.items())


def given(parameters: Mapping[str, Any]) -> str:
    """Return parameters in a line."""
    shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in parameters.items()}
    return " ".join(f"{name}={value}" for name, value in shown.items())


def clip(text: str, most: int) -> str:
    """Return the first line of a text, cut to a width in letters; wide ones count twice."""
    line = text.strip().splitlines()[0] if text.strip() else ""
    width = 0
    for at, letter in enumerate(line):
        width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if width > most:
            return f"{line[: max(0, at - 1)]}…"
    return line


def table(head: Iterable[str], rows: Iterable[Iterable[str]], right: Iterable[int] = ()) -> str:
    """Return a table of cells that are HTML already; the columns `right` hold numbers."""
    numeric = set(right)

    def cells(kind: str, row: Iterable[str]) -> str:
        base = "padding:2px 14px 2px 0;white-space:nowrap;vertical-align:top;text-align:"
        sides = ((cell, "right" if at in numeric else "left") for at, cell in enumerate(row))
        return "".join(f'<{kind} style="{base}{side}">{cell}</{kind}>' for cell, side in sides)

    titles = list(head)
    top = f"<thead><tr>{cells('th', titles)}</tr></thead>" if titles else ""
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    style = "border-collapse:collapse;margin:4px 0;font-size:inherit;color:inherit"
    return f'<table style="{style}">{top}<tbody>{body}</tbody></table>'


def drawn(svg: str, style: str = "") -> str:
    """Return SVG as a part of a view.

    Jupyter takes SVG out of a notebook that is not trusted, but not its texts: with a line each they can be read.
    """
    return f'<div style="white-space:pre-line;margin:6px 0;{style}">{svg}</div>'


def dim(text: str) -> str:
    """Return a text, escaped, that stands back."""
    return f'<span style="color:{DIM}">{escape(text)}</span>'


def problem(error: Mapping[str, Any] | None) -> str:
    """Return what went wrong: where, what, and what to do next."""
    if not error:
        return ""
    text = escape(f"{place(error)}{error.get('message', '')}")
    hint = f"<br>{dim(str(error['hint']))}" if error.get("hint") else ""
    code = escape(str(error.get("code", "")))
    shown = f'<p role="alert" style="white-space:pre-wrap;margin:6px 0">✗ <b>{code}</b> {text}{hint}</p>'
    if not error.get("traceback"):
        return shown
    lines = escape(ANSI.sub("", "\n".join(map(str, error["traceback"]))))
    return f'{shown}<details><summary style="cursor:pointer">traceback</summary><pre>{lines}</pre></details>'


def place(error: Mapping[str, Any]) -> str:
    """Return cell and line of an error, as far as they are known, before its message."""
    where = error.get("where") or {}
    shown = f"cell {where['cell']} " if where.get("cell") else ""
    return shown + (f"line {where['line']} " if shown and where.get("line") else "")


def block(kind: str, parts: Iterable[str]) -> str:
    """Return parts as one view."""
    style = f"font-family:{FONT};font-size:13px;line-height:1.45"
    return f'<div class="nbprod-{kind}" style="{style}">{"".join(part for part in parts if part)}</div>'


def heading(title: str, told: str, rest: Iterable[str]) -> str:
    """Return the first line of a view: what it shows, its state, which screen readers are told of, and the rest."""
    status = f'<span role="status" aria-live="polite">{escape(told)}</span>'
    more = "".join(f" · {escape(part)}" for part in rest if part)
    return f'<p style="margin:4px 0"><b>{escape(title)}</b> · {status}{more}</p>'
