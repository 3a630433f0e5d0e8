"""Scripts that `%run` starts: as in IPython, what one raises is shown, ends the script, and the cell goes on."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.notes import Statement

_IMPORTS = (ast.Import, ast.ImportFrom)
_LITERAL = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.expr_context)


def is_script(parsed: Parsed) -> bool:
    """Whether this is a script of Python; errors of notebooks and `.ipy` files end the cell that runs them."""
    return bool(parsed.argv) and not parsed.cell.number and not parsed.notebook.endswith(".ipy")


def goes_on(statements: Sequence[Statement], kind: str) -> bool:
    """Whether the cell goes on when a step with these statements fails.

    Imports alone, when repeated: what stands before them in the script needs nothing but imports.
    """
    once = kind == "cell" or all(item.type in _IMPORTS for item in statements)
    return once and bool(statements) and is_script(statements[0].parsed)


class Progress:
    """How far scripts have got for certain: what a failure before it may leave out is not repeated elsewhere."""

    def __init__(self) -> None:
        self._started: set[int] = set()
        self._doubtful: set[int] = set()

    def stays(self, statement: Statement) -> bool:
        """Whether a statement must run at its place and nowhere else."""
        if not statement.parsed.argv:
            return False
        script = id(statement.parsed)
        late = script in self._started and isinstance(statement.node, _IMPORTS) and may_fail(statement.node)
        return late or script in self._doubtful

    def note(self, statement: Statement) -> None:
        """Take a statement into account, now that its fate is known."""
        if not is_script(statement.parsed):
            return
        if not isinstance(statement.node, _IMPORTS):
            self._started.add(id(statement.parsed))
        if statement.fate != "replay" and may_fail(statement.node):
            self._doubtful.add(id(statement.parsed))


def followed(statements: Sequence[Statement]) -> dict[int, Statement]:
    """Return, for statements of scripts by index, the last import before that decides whether they are reached."""
    found: dict[int, Statement] = {}
    last: dict[int, Statement] = {}
    for statement in statements:
        if statement.parsed.argv and is_script(statement.parsed):
            script = id(statement.parsed)
            if script in last:
                found[statement.index] = last[script]
            if statement.fate == "replay" and isinstance(statement.node, _IMPORTS) and may_fail(statement.node):
                last[script] = statement
    return found


def may_fail(node: ast.stmt) -> bool:
    """Whether executing a statement may raise."""
    if isinstance(node, ast.Import):
        return any(item.name not in sys.stdlib_module_names for item in node.names)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return bool(node.decorator_list) or not all(map(_literal, _at_definition(node)))
    if isinstance(node, ast.Expr):
        return not _literal(node.value)
    if isinstance(node, ast.Assign):
        return not (_literal(node.value) and all(isinstance(target, ast.Name) for target in node.targets))
    return not isinstance(node, ast.Pass)


def _at_definition(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """Return what is evaluated when a function is defined."""
    inner = node.args
    every = [*inner.posonlyargs, *inner.args, *inner.kwonlyargs, inner.vararg, inner.kwarg]
    notes = [node.returns, *(item.annotation for item in every if item is not None)]
    return [item for item in (*inner.defaults, *inner.kw_defaults, *notes) if item is not None]


def _literal(node: ast.expr) -> bool:
    return all(isinstance(item, _LITERAL) for item in ast.walk(node))
