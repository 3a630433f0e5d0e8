"""`%run`: the cells of another notebook, or a script, in the place of the line that runs them (rule 5)."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.analysis import cells
from nbprod.analysis.shapes import Instance
from nbprod.core.notebook import Tag
from nbprod.notebooks.runs import RunLine, parse_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.analysis.cells import Parsed
    from nbprod.core.notebook import Cell, Notebook

_EXITS = re.compile(r"(?<![\w.])(exit|quit)\s*\(")
_KEPT = ("stage", "setup")


def expand(notebooks: Sequence[Notebook]) -> list[Parsed]:
    """Return the code cells of notebooks as parsed, skipped ones left out, `%run` lines replaced by what they run."""
    found: list[Parsed] = []
    for notebook in notebooks:
        for cell in notebook.cells:
            if cell.kind == "code" and not (cell.tag and cell.tag.role == "skip"):
                item = cells.parse(cell, notebook.path)
                found += _expanded(item, notebook, (notebook.path,)) if _may_run(item) else [item]
    for order, item in enumerate(found):
        item.order = order
    return found


def _expanded(item: Parsed, main: Notebook, running: tuple[str, ...]) -> list[Parsed]:
    """Return a cell in parts: its own statements, and between them what its `%run` lines run."""
    runs = {at: text for at, node in enumerate(item.statements) if (text := _run(node)) is not None}
    if not runs or item.whole:
        return [item]
    parts: list[Parsed] = []
    start = 0
    for at, text in runs.items():
        node, line = item.statements[at], parse_run(text)
        other = main.runs.get(line.path)
        problem = _problem(item, node, line, other) or _unfit(other, running)
        if problem or other is None:
            item.refused[node.lineno + item.offset] = problem or ("", "")
            continue
        parts += _part(item, start, at)
        at_line = item.line or node.lineno + item.offset
        parts += (replace(found, line=at_line) for found in _included(item, other, line, main, running))
        start = at + 1
    if not parts:
        return [item]
    return [*parts, *_part(item, start, len(item.statements))]


def _may_run(item: Parsed) -> bool:
    return "run" in item.cell.body and not isinstance(item.statements, Instance)


def _run(node: ast.stmt) -> str | None:
    """Return the arguments of `%run` where a statement is one."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "run_line_magic"):
        return None
    words = [item.value for item in call.args if isinstance(item, ast.Constant)]
    return str(words[1]) if len(words) == 2 and words[0] == "run" else None


def _problem(item: Parsed, node: ast.stmt, line: RunLine, other: Notebook | None) -> tuple[str, str] | None:
    """Return why a line cannot be replaced by what it runs, and the fix."""
    if line.problem:
        return line.problem, line.fix
    if item.cell.tag and item.cell.tag.role == "parameters":
        return "a parameters cell holds assignments only", "move it to a cell of its own"
    if not _alone(item, node):
        return "it shares its line, or goes over several", "give it a line of its own"
    if other is None:
        return f"there is no file {line.path}", "paths start from the folder of the notebook that is run"
    return None


def _unfit(other: Notebook | None, running: tuple[str, ...]) -> tuple[str, str] | None:
    """Return why a file cannot stand in the place of a line, and the fix."""
    if other is None:
        return None
    if other.path in running:
        return f"{other.path} is run by itself: {' → '.join((*running, other.path))}", "take one of the %run lines out"
    for cell in other.cells:
        if cell.kind == "code" and "__future__" in cell.body:
            return f"a __future__ import of {other.path} would hold for later cells", "take it out, or use import"
        if not cell.number and _EXITS.search(cell.body):
            return f"exit() and quit() in {other.path} are the shell's", "use sys.exit()"
    return None


def _alone(item: Parsed, node: ast.stmt) -> bool:
    text = cells.lines_of(item.cell.body)[node.lineno + _shift(item) - 1].rstrip()
    lines = [line for other in item.statements for line in {other.lineno, other.end_lineno or other.lineno}]
    return not text.endswith("\\") and lines.count(node.lineno) == 1


def _shift(item: Parsed) -> int:
    return item.offset - (len(cells.lines_of(item.cell.source)) - len(cells.lines_of(item.cell.body)))


def _part(item: Parsed, start: int, stop: int) -> Iterator[Parsed]:
    """Yield the statements `start` to `stop` as a cell of their own, every line where it was."""
    if start == stop:
        return
    inner = item.statements[start:stop]
    shift, lines = _shift(item), cells.lines_of(item.cell.body)
    first = item.statements[start - 1].lineno + shift if start else 0
    last = item.statements[stop].lineno + shift - 1 if stop < len(item.statements) else len(lines)
    kept = ["" if not first <= number < last else text for number, text in enumerate(lines)]
    if last < len(lines) and isinstance(inner[-1], ast.Expr):
        kept[last] = "None"  # it is not the last line of its cell, so its value is not shown
    yield replace(item, cell=replace(item.cell, body="\n".join(kept)), statements=inner, problems=[])


def _included(
    item: Parsed, other: Notebook, line: RunLine, main: Notebook, running: tuple[str, ...]
) -> Iterator[Parsed]:
    """Yield the cells of what is run; they show no results, as under IPython."""
    for cell in other.cells:
        if cell.kind != "code":
            continue
        tag = item.cell.tag or _own_tag(cell)
        body = cell.body
        found = cells.parse(replace(cell, tag=tag), other.path)
        if found.statements and isinstance(found.statements[-1], ast.Expr) and not found.whole:
            body += "\nNone"
        found.cell = replace(found.cell, source=cell.source + body[len(cell.body) :], body=body, execution_count=None)
        found.top, found.home = item.top or item.cell, item.home or item.notebook
        found.argv = (line.path if "." in line.path.rpartition("/")[2] else f"{line.path}.py", *line.arguments)
        if not cell.number and not line.shares:
            found.isolated = True
        yield from _expanded(found, main, (*running, other.path))


def _own_tag(cell: Cell) -> Tag | None:
    """Return the tag under which a cell that `%run` executes takes part: it executes every cell, with its defaults."""
    if cell.tag is None or cell.tag.role in _KEPT:
        return cell.tag
    return Tag("setup") if cell.tag.role == "parameters" else None
