"""Code nested so deeply that walking through it is more than the interpreter allows."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis.cells import Parsed

DEEPEST = 80


def leave_out(parsed: Sequence[Parsed]) -> None:
    """Take the statements out of cells that are too deep, and say so."""
    for item in parsed:
        deep = next((node for node in item.statements if _depth(node) > DEEPEST), None)
        if deep is not None:
            item.problems.append(_too_deep(item, deep))
            item.statements = []


def _depth(node: ast.AST) -> int:
    deepest, todo = 0, [(node, 1)]
    while todo:
        node, depth = todo.pop()
        deepest = max(deepest, depth)
        todo.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return deepest


def _too_deep(item: Parsed, node: ast.stmt) -> Diagnostic:
    message = f"this is nested more than {DEEPEST} levels deep, too deep to be analysed"
    place = (item.notebook, item.cell.number, item.cell.id, node.lineno + item.offset)
    return Diagnostic("NB110", "error", message, *place, fix="write it in several statements, or tag the cell skip")
