"""Pieces of cells: the author's own lines, with what is not meant left blank so that line numbers stay."""

from __future__ import annotations

import ast
import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

from nbprod.analysis.cells import Layout, lines_of
from nbprod.analysis.scripts import goes_on
from nbprod.analysis.shapes import sketches_of
from nbprod.core.pipeline import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import StepKind


def whole(parsed: Parsed, statements: Sequence[Statement]) -> Step:
    """Return the step that executes a cell as it is."""
    cell = parsed.cell
    dropped = cell.source.count("\n") - cell.body.count("\n")
    return _step(parsed, "cell", cell.body, 1 + dropped, statements)


def cut(kind: StepKind, statements: Sequence[Statement]) -> Step:
    """Return the step that executes these statements of one cell."""
    parsed = statements[0].parsed
    if parsed.whole:
        return whole(parsed, statements)
    layout = _layout(parsed)
    shift, lines = parsed.offset - layout.dropped, layout.lines
    kept: dict[int, str] = {}
    for statement in statements:
        shared = id(statement.sketch) in layout.crowded
        for row, text in enumerate(
            _segment(statement) if shared else lines[statement.first + shift - 1 : statement.last + shift]
        ):
            number = statement.first + row
            kept[number] = f"{kept[number]}; {text}" if number in kept and shared else text
    first, last = min(kept), max(kept)
    source = "\n".join(kept.get(number, "") for number in range(first, last + 1))
    return _step(parsed, kind, source, first + parsed.offset, statements)


def _step(parsed: Parsed, kind: StepKind, source: str, first: int, statements: Sequence[Statement]) -> Step:
    names = {name for statement in statements for name in (*statement.facts.binds, *statement.facts.maybe)}
    cell, written, tolerant = parsed.cell, tuple(sorted(names)), goes_on(statements, kind)
    return Step(
        kind, cell.number, cell.id, source, first, parsed.notebook, written, parsed.order, parsed.argv, tolerant
    )


def digest(statements: Sequence[Statement], parsed: Sequence[Parsed]) -> str:
    """Return the digest of what a stage executes; comments and layout do not change it."""
    total = hashlib.sha256()
    for statement in statements:
        total.update(statement.sketch.digest)
    for item in parsed:
        if item.magic is not None or item.problems:
            total.update(item.cell.body.encode("utf-8", "surrogatepass"))
    return total.hexdigest()


def _layout(parsed: Parsed) -> Layout:
    if parsed.layout is None:
        sketches, crowded = sketches_of(parsed.statements), set()
        for before, sketch in pairwise(sketches):
            if sketch.first <= before.last:
                crowded |= {id(before), id(sketch)}
        lines = lines_of(parsed.cell.body)
        parsed.layout = Layout(lines, len(lines_of(parsed.cell.source)) - len(lines), crowded)
    return parsed.layout


def _segment(statement: Statement) -> list[str]:
    return ast.unparse(statement.node).split("\n")
