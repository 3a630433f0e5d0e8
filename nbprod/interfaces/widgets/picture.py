"""The pipeline's picture: a box a stage with its state as icon, word and seconds, and what it gave last."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.core import words
from nbprod.core.drawing import Sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.drawing import Box, Drawing, Line

    Stage = Mapping[str, Any]

SIZES = Sizes(width=268, height=46, gap_y=22, margin=4)
NAME, LAST = 17, 40
"""Letters that fit beside the state, and below it."""


def picture(drawing: Drawing, run: Mapping[str, Any]) -> str:
    """Return a pipeline, laid out with `SIZES`, as inline SVG with the states of a run as `run --json` has it."""
    stages = {str(stage["name"]): stage for stage in run.get("stages") or ()}
    shown = [(box, stages.get(box.name, {"name": box.name, "status": "none"})) for box in drawing.boxes]
    wide, high = f"{drawing.width:g}", f"{drawing.height:g}"
    label = "; ".join(f"{box.name} {words.STATES.get(_status(stage), ('', ''))[1]}" for box, stage in shown)
    about = escape(f"Pipeline of {run.get('notebook', '')}: {label}")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{about}" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" style="display:block;font-family:{words.FONT}">'
    )
    failed = str((run.get("error") or {}).get("message", ""))
    boxes = [_box(box, stage, at, failed) for at, (box, stage) in enumerate(shown)]
    return words.drawn("\n".join([head, *boxes, *map(_line, drawing.lines), "</svg>"]), "overflow-x:auto")


def passed(stage: Stage) -> str:
    """Return how long a stage took, or has run so far; nothing for one that did not run."""
    status = _status(stage)
    if status == "running":
        return f"{max(0, int(time.time() - float(stage.get('started') or time.time())))} s"
    took = float(stage.get("seconds") or 0.0)
    return words.seconds(took) if status == "succeeded" or (status == "failed" and took) else ""


def last(stage: Stage, failed: str = "") -> str:
    """Return what a stage last told: why it failed, the cell it is at, its metrics, the names it left, or why not."""
    status = _status(stage)
    if status == "failed":
        return failed or str(stage.get("reason") or "")
    if status == "running":
        return f"cell {stage['cell']}" if stage.get("cell") else ""
    told = words.numbers(stage.get("metrics") or {}) or ", ".join(map(str, stage.get("outputs") or ()))
    return told or (str(stage.get("reason") or "") if status in ("cached", "skipped") else "")


def _status(stage: Stage) -> str:
    return str(stage.get("status", "pending"))


def _box(box: Box, stage: Stage, at: int, failed: str) -> str:
    status = _status(stage)
    state = f"{words.state(status)} {passed(stage)}".strip()
    colour = words.STAGES[at % len(words.STAGES)]
    stroke, width = {"running": (words.BRAND, 2), "failed": (words.ERROR, 2)}.get(status, (words.RULE, 1))
    told = last(stage, failed)
    parts = [
        _text(box.x + 14, box.y + 19, words.clip(box.name, NAME), f"font-size:13px;font-weight:600;fill:{words.INK}"),
        _text(box.x + SIZES.width - 9, box.y + 19, state, f"font-size:12px;text-anchor:end;fill:{_ink(status)}"),
        _text(box.x + 14, box.y + 36, words.clip(told, LAST), f"font-size:11.5px;fill:{words.DIM}"),
        _more(box.name, str(stage.get("reason") or ""), told),
    ]
    return (
        f'<g><rect x="{box.x:g}" y="{box.y:g}" width="{SIZES.width}" height="{SIZES.height}" rx="4" '
        f'style="fill:{words.PAPER};stroke:{stroke};stroke-width:{width}"/>'
        f'<rect x="{box.x:g}" y="{box.y:g}" width="5" height="{SIZES.height}" rx="2" style="fill:{colour}"/>'
        f"{' '.join(filter(None, parts))}</g>"
    )


def _more(name: str, reason: str, told: str) -> str:
    """Return what is told on hover: why a stage is in its state, and what had to be cut."""
    cut = [text for text, most in ((name, NAME), (told, LAST)) if words.clip(text, most) != text]
    shown = [text for text in dict.fromkeys((reason, *cut)) if text and text != words.clip(told, LAST)]
    return f"<title>{escape(' · '.join(shown))}</title>" if shown else ""


def _ink(status: str) -> str:
    return words.ERROR if status == "failed" else words.INK


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" style="{style}">{escape(text)}</text>' if text else ""


def _line(line: Line) -> str:
    crossing = escape(f"{line.source} → {line.target}: {', '.join(line.names)}")
    return (
        f'<g><title>{crossing}</title><path d="{line.path}" style="fill:none;stroke:transparent;stroke-width:10"/>'
        f'<path d="{line.path}" style="fill:none;stroke:{words.RULE};stroke-width:1.5"/></g>'
    )
