"""How the result of `verify` looks in a terminal (UX.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.interfaces.cli.render import counted
from nbprod.interfaces.cli.screen import Screen, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.core.verification import Difference, LeftOut, Verification

SHOWN = 12


def show(screen: Screen, found: Verification) -> None:
    """Print whether pipeline and notebook are equal, and every difference with its likely cause."""
    screen.line("")
    screen.line(head(found))
    for item in found.differences[:SHOWN]:
        _difference(screen, item, found.notebook)
    if len(found.differences) > SHOWN:
        screen.line(f"         and {len(found.differences) - SHOWN} more: --json or --html FILE has them all")
    for why, items in grouped(found.left_out):
        places = ", ".join(dict.fromkeys(place(item, found.notebook) for item in items))
        screen.line(("left out ", "dim"), f"{places}: {why}")
    if found.equal and found.reused:
        screen.line(("equal", "green"), " to the outputs saved in the file; the values were not compared")
    elif found.equal:
        screen.line(("equal", "green"))


def head(found: Verification) -> str:
    """Return `notebook 4.1 s · pipeline 2.7 s · 23 values, 6 displays compared`."""
    took = "saved outputs" if found.reused else f"notebook {seconds(found.notebook_seconds)}"
    number = counted(found.displays, "display")
    if not found.reused:
        number = f"{counted(found.compared - found.displays, 'value')}, {number}"
    return f"{took} · pipeline {seconds(found.pipeline_seconds)} · {number} compared"


def grouped(items: Iterable[LeftOut]) -> list[tuple[str, list[LeftOut]]]:
    """Return what was left out by reason."""
    found: dict[str, list[LeftOut]] = {}
    for item in items:
        found.setdefault(item.why, []).append(item)
    return list(found.items())


def place(item: LeftOut | Difference, notebook: str) -> str:
    """Return `cell 9`, with the notebook where it is another one."""
    other = getattr(item, "path", "") or getattr(item, "notebook", "")
    text = f"cell {item.cell}" if item.cell else "the notebook"
    return text if other in ("", notebook) else f"{other} {text}"


def first(item: Difference) -> str:
    """Return both sides in a line, from the place where they differ first."""
    path, _, rest = item.where.rpartition(": ")
    left, middle, right = rest.partition(" instead of ")
    if item.kind == "value" and middle:
        where = f"{path if 'first' in path else f'first at {path}'}: " if path else ""
        return f"{where}{left} in the notebook, {right} in the pipeline"
    where = f"{item.where}: " if item.where else ""
    return f"{where}{item.notebook} in the notebook, {item.pipeline} in the pipeline"


def _difference(screen: Screen, item: Difference, notebook: str) -> None:
    stage = f" ({item.stage})" if item.stage else ""
    screen.line(("differs  ", "bold red"), f"{item.name:<12} {place(item, notebook)}{stage}   {first(item)}")
    fix = f"  fix: {item.fix}" if item.fix else ""
    if item.cause:
        word = "likely cause: " if item.deterministic else ""
        screen.line(f"         {word}{item.cause}.{fix}")
