"""Names and line numbers of cells, as their author sees them."""

from __future__ import annotations

import ast
import linecache
from typing import Any

from IPython.core.compilerop import CachingCompiler  # noqa: TID253 - imported only where cells are run


def file_name(notebook: str, cell: int) -> str:
    """Return the name under which a cell is compiled, such as `<churn.ipynb cell 7>`."""
    return f"<{notebook} cell {cell}>" if cell else f"<{notebook}>"


class CellCompiler(CachingCompiler):
    """Compiles a cell under its own name, its first line numbered as in the notebook.

    A cell may arrive in parts (a definition here, the rest there); together they make up the text that tracebacks and
    `inspect.getsource` show.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # IPython has types only in part
        self._cell: str | None = None
        self._skipped = 0
        self._titles: dict[str, tuple[str, str]] = {}

    def enter(self, notebook: str, cell: int, source: str, first_line: int) -> str:
        """Say which cell comes next; returns the name it is compiled under."""
        self._cell = file_name(notebook, cell)
        # IPython drops leading blank lines before it compiles.
        self._skipped = first_line - 1 + _blank_lines(source)
        self._titles[self._cell] = (notebook, f"cell {cell}" if cell else "script")
        return self._cell

    def leave(self) -> None:
        """Say that what comes next is no cell."""
        self._cell = None

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        """Keep the text for tracebacks; returns the name to compile under."""
        if self._cell is None:
            return str(super().cache(transformed_code, number, raw_code))
        name = self._cell
        known = linecache.cache.get(name)
        lines = list(known[2]) if known is not None and len(known) == 4 else []
        new = [line + "\n" for line in transformed_code.splitlines()]
        lines += ["\n"] * (self._skipped - len(lines))
        lines[self._skipped : self._skipped + len(new)] = new
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
        return name

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> Any:
        """Parse; line numbers of the tree and of syntax errors are the cell's."""
        shift = self._skipped if filename == self._cell else 0
        try:
            tree = super().ast_parse(source, filename, symbol)
        except SyntaxError as error:
            _shift_error(error, shift)
            raise
        return ast.increment_lineno(tree, shift) if shift else tree

    def format_code_name(self, name: str) -> tuple[str, str] | None:
        """Return `churn.ipynb`, `cell 7`: how tracebacks call the cell."""
        if name in self._titles:
            return self._titles[name]
        named: tuple[str, str] | None = super().format_code_name(name)
        return named


def _blank_lines(source: str) -> int:
    lines = source.splitlines()
    blank = next((number for number, line in enumerate(lines) if line.strip()), 0)
    return int(blank)


def _shift_error(error: SyntaxError, shift: int) -> None:
    if error.lineno is not None:
        error.lineno += shift
    if error.end_lineno is not None:
        error.end_lineno += shift
