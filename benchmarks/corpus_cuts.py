"""Where an untagged notebook is cut into stages: at its headings, evenly, or at random."""

from __future__ import annotations

import ast
import random
import re
from typing import Any

MOST = 5
"""Stages at most."""
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+\S", re.MULTILINE)
_TAG = re.compile(r"^(parameters$|nbprod:|stage:)")
_DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Cells = list[dict[str, Any]]


def cut(cells: Cells, how: str, seed: int) -> int:
    """Tag the code cells in place, a chain of stages in the order of the notebook; returns how many stages.

    Cells of only imports and definitions stay untagged. `how` is `tags` (as the author tagged it), `headings` or
    `random`.
    """
    if how == "tags" or _tagged(cells):
        return 0
    work = [at for at, cell in enumerate(cells) if cell["cell_type"] == "code" and not _defines_only(source(cell))]
    starts = _at_random(work, seed) if how == "random" else _at_headings(cells, work)
    stage = 0
    for position, at in enumerate(work):
        stage += position == 0 or at in starts
        cells[at]["metadata"] = {**cells[at]["metadata"], "nbprod": {"stage": f"part{stage}"}}
    return stage


def source(cell: dict[str, Any]) -> str:
    """Return the text of a cell."""
    text = cell["source"]
    return text if isinstance(text, str) else "".join(text)


def _tagged(cells: Cells) -> bool:
    return any(
        "nbprod" in cell["metadata"]
        or source(cell).lstrip().startswith("%%mlops")
        or any(_TAG.match(tag) for tag in cell["metadata"].get("tags", []))
        for cell in cells
    )


def _defines_only(text: str) -> bool:
    """Return whether a cell has nothing but imports, definitions, `%matplotlib` and comments."""
    lines = [line for line in text.splitlines() if not line.startswith("%matplotlib")]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError):
        return False
    return all(isinstance(node, _DEFINES) or _is_text(node) for node in tree.body)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _at_random(work: list[int], seed: int) -> set[int]:
    chance = random.Random(seed)
    count = min(len(work) - 1, chance.randint(1, MOST - 1))
    return set(chance.sample(work[1:], count)) if count > 0 else set()


def _at_headings(cells: Cells, work: list[int]) -> set[int]:
    """Return the cells before which to cut: those after the highest headings that part the work, else every quarter."""
    for level in range(1, 7):
        starts = _after_headings(cells, work, level)
        if len(starts) > 1:
            return set(_evenly(starts, work))
    return {work[len(work) * part // 4] for part in range(1, 4)} if len(work) > 3 else set(work)


def _after_headings(cells: Cells, work: list[int], level: int) -> list[int]:
    """Return the first working cell after each heading of that level or above."""
    starts = []
    for at, cell in enumerate(cells):
        if cell["cell_type"] == "markdown" and any(len(mark) <= level for mark in _HEADING.findall(source(cell))):
            following = next((item for item in work if item > at), None)
            if following is not None and following not in starts:
                starts.append(following)
    return starts


def _evenly(starts: list[int], work: list[int]) -> list[int]:
    """Return at most `MOST` of the starts, so that the stages are about as long as each other."""
    if len(starts) <= MOST:
        return starts
    wanted = [work[len(work) * part // MOST] for part in range(1, MOST)]
    return [min(starts, key=lambda start: abs(work.index(start) - work.index(goal))) for goal in wanted]
