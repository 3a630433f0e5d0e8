"""Edits for rules: a place in the syntax tree found again in the cell as its author wrote it."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from nbprod.core.pipeline import Edit

if TYPE_CHECKING:
    from nbprod.analysis.context import Context
    from nbprod.analysis.notes import Statement


def dotted(context: Context, node: ast.expr) -> str:
    """Return the full name of what an expression such as `np.random.rand` imports, else an empty text."""
    if isinstance(node, ast.Name):
        return context.imports.get(node.id, "")
    base = dotted(context, node.value) if isinstance(node, ast.Attribute) else ""
    return f"{base}.{node.attr}" if base and isinstance(node, ast.Attribute) else ""


def imported_as(context: Context, module: str) -> str | None:
    """Return the name a module was imported under."""
    return next((name for name, full in sorted(context.imports.items()) if full == module), None)


def replacement(statement: Statement, node: ast.expr, new: str) -> tuple[Edit, ...]:
    """Return the edit that puts `new` in the place of an expression; none where it is not found in the text."""
    found = _segment(statement, node)
    if found is None or not _same(found[2], node):
        return ()
    line, column, old = found
    return (Edit("text", statement.parsed.notebook, statement.cell.number, new, old, line, column),)


def written(statement: Statement, node: ast.expr) -> str:
    """Return an expression as its author wrote it, or made anew where it is not found in the text."""
    found = _segment(statement, node)
    return found[2] if found is not None and _same(found[2], node) else ast.unparse(node)


def with_keyword(statement: Statement, node: ast.Call, keyword: str, value: str) -> tuple[Edit, ...]:
    """Return the edit that gives a call one more keyword, or without its name its only argument."""
    found = _segment(statement, node)
    if found is None or not _same(found[2], node):
        return ()
    wanted = copy.deepcopy(node)
    argument = ast.parse(value, mode="eval").body
    if keyword:
        wanted.keywords.append(ast.keyword(keyword, argument))
    else:
        wanted.args.append(argument)
    text = f"{keyword}={value}" if keyword else value
    head, tail = found[2][:-1].rstrip(), found[2][len(found[2][:-1].rstrip()) :]
    for comma in (", " if node.args or node.keywords else "", " " if head.endswith(",") else ""):
        new = f"{head}{comma}{text}{tail}"
        if _same(new, wanted):
            line, column = found[0] + head.count("\n"), len(head) - head.rfind("\n") - 1
            column += 0 if "\n" in head else found[1]
            return (Edit("text", statement.parsed.notebook, statement.cell.number, f"{comma}{text}", "", line, column),)
    return ()


def before(statement: Statement, text: str) -> tuple[Edit, ...]:
    """Return the edit that puts lines above a statement of the outermost level."""
    magic = statement.parsed.magic
    line = statement.first + statement.parsed.offset
    lines = statement.cell.source.split("\n")
    if (magic is not None and magic.name == "timeit") or not 0 < line <= len(lines):
        return ()
    first = _first_word(statement)
    if first is None or not lines[line - 1].startswith(first):
        return ()
    return (Edit("text", statement.parsed.notebook, statement.cell.number, f"{text}\n", "", line, 0),)


def text_of(statement: Statement) -> str | None:
    """Return a statement of the outermost level as its author wrote it; None where a magic stands for it."""
    shift = statement.parsed.offset
    lines = statement.cell.source.split("\n")[statement.first + shift - 1 : statement.last + shift]
    text = "\n".join(lines).rstrip()
    try:
        found = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    return text if len(found) == 1 and ast.dump(found[0]) == ast.dump(statement.node) else None


def _first_word(statement: Statement) -> str | None:
    """Return how a statement begins at the left margin; None where a magic's line stands for it."""
    if statement.node.col_offset:
        return None
    return ast.unparse(statement.node).split("\n")[0][:1]


def _segment(statement: Statement, node: ast.expr) -> tuple[int, int, str] | None:
    """Return line, column and text of an expression in its author's cell."""
    shift = statement.parsed.offset
    lines = statement.cell.source.split("\n")
    first, last = node.lineno + shift, (node.end_lineno or node.lineno) + shift
    if not 0 < first <= last <= len(lines):
        return None
    begin = _column(lines[first - 1], node.col_offset)
    end = _column(lines[last - 1], node.end_col_offset or 0)
    if first == last:
        return first, begin, lines[first - 1][begin:end]
    inner = lines[first : last - 1]
    return first, begin, "\n".join([lines[first - 1][begin:], *inner, lines[last - 1][:end]])


def _column(line: str, bytes_before: int) -> int:
    return len(line.encode()[:bytes_before].decode(errors="replace"))


def _same(text: str, node: ast.expr) -> bool:
    try:
        return ast.dump(ast.parse(f"({text}\n)", mode="eval").body) == ast.dump(node)
    except (SyntaxError, ValueError):
        return False
