"""NB201 and NB202: names that nobody defines, names that were deleted."""

from __future__ import annotations

import ast
from bisect import bisect
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule, place
from nbprod.analysis.scripts import is_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic


SPELLINGS = 20
_BRANCHING = (ast.If, ast.IfExp, ast.Match, ast.ExceptHandler)


def _undefined(findings: Findings) -> Iterator[Diagnostic]:
    if not findings.links.missing:
        return
    seen: set[tuple[str, str, int]] = set()
    builtin = {dotted for statement in findings.statements for dotted in statement.patches}
    fixes = _Fixes(findings)
    for statement, name, deleted in findings.links.missing:
        key = (name, statement.parsed.notebook, statement.cell.number)
        if deleted is None and key not in seen and f"builtins.{name}" not in builtin:
            seen.add(key)
            found = _UNDEFINED.at(
                statement, _message(statement, name), fixes.of(statement, name), statement.reads[name]
            )
            spared = is_script(statement.parsed) or _in_branches(statement.node, name)  # the cell may go on
            yield replace(found, severity="warning") if spared else found


def _in_branches(node: ast.stmt, name: str) -> bool:
    """Whether a statement reads a name only in branches that are perhaps never taken."""
    todo: list[tuple[ast.AST, bool]] = [(node, False)]
    found: list[bool] = []
    while todo:
        item, branch = todo.pop()
        if isinstance(item, ast.Name) and item.id == name:
            found.append(branch)
        for field, value in ast.iter_fields(item):
            inner = branch or (field not in ("test", "subject") and _branching(item))
            todo += [(child, inner) for child in (value if isinstance(value, list) else [value]) if _is_node(child)]
    return bool(found) and all(found)


def _branching(node: ast.AST) -> bool:
    always = isinstance(node, ast.If) and "__name__" in ast.dump(node.test)  # `if __name__ == "__main__":`
    return isinstance(node, _BRANCHING) and not always


def _is_node(value: object) -> TypeGuard[ast.AST]:
    return isinstance(value, ast.AST)


def _message(statement: Statement, name: str) -> str:
    reader = f"stage {statement.owner}" if statement.role in (None, "stage") else f"the {statement.role} cell"
    return f"`{name}` is read by {reader}, but no stage or setup cell before it defines it"


class _Fixes:
    """What may mend a missing name; spellings are compared for the first names only, as that takes long."""

    def __init__(self, findings: Findings) -> None:
        self.skipped = [
            cell for item in findings.notebooks for cell in item.cells if cell.tag and cell.tag.role == "skip"
        ]
        self.bound: dict[str, list[Statement]] = {}
        for other in findings.statements:
            for name in other.facts.binds | other.facts.maybe:
                self.bound.setdefault(name, []).append(other)
        self.spelled = sorted({name for other in findings.statements for name in other.facts.binds})
        self.others: dict[str, str] = {}

    def of(self, statement: Statement, name: str) -> str:
        bound = self.bound.get(name, [])
        after = bisect(bound, statement.index, key=lambda other: other.index)
        if after < len(bound):
            other = bound[after]
            return f"{place(other, statement)} defines it, but comes later: move it above {place(statement, other)}"
        if name not in self.others:
            self.others[name] = self._elsewhere(name)
        return self.others[name]

    def _elsewhere(self, name: str) -> str:
        for cell in self.skipped:
            if f"{name} =" in cell.source:
                return f"cell {cell.number} seems to define it, but is tagged skip"
        close = get_close_matches(name, self.spelled, 1) if len(self.others) < SPELLINGS else []
        if close:
            return f"`{close[0]}` is defined; is that meant?"
        return "it exists only in the memory of the kernel that last ran this notebook: add the cell that creates it"


def _deleted(findings: Findings) -> Iterator[Diagnostic]:
    for statement, name, deleted in findings.links.missing:
        if deleted is not None:
            message = f"`{name}` is read here, but {place(deleted, statement)} deleted it"
            yield _DELETED.at(statement, message, "take the `del` away, or define it again", statement.reads.get(name))


_UNDEFINED = Rule(
    "NB201",
    "error",
    "a name that nobody defines",
    "Run top to bottom in a fresh kernel, the notebook fails here with NameError. Often the cell that made the name "
    "was deleted or moved while its value stayed in the kernel's memory. In a branch that may not be taken, and in a "
    "script, whose errors do not end the cell that runs it, it is a warning.",
    "X = scaler.transform(X)      # no cell creates scaler",
    "scaler = StandardScaler().fit(X)\nX = scaler.transform(X)",
    check=_undefined,
)
_DELETED = Rule(
    "NB202",
    "error",
    "a name that was deleted",
    "Run top to bottom, the notebook fails here with NameError: a cell above deletes the name.",
    "del df\ndf.head()",
    "df.head()\ndel df",
    check=_deleted,
)
RULES = (_UNDEFINED, _DELETED)
