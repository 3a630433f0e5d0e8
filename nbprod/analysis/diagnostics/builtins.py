"""NB326: names of Python's own that are bound to something else, and called as if they were not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.replays import DEFINITIONS, IMPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic

COMMON = frozenset({
    "abs", "all", "any", "bool", "bytes", "dict", "display", "enumerate", "filter", "float", "format",
    "frozenset", "hash", "id", "input", "int", "isinstance", "iter", "len", "list", "map", "max", "min", "next",
    "object", "open", "print", "range", "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple",
    "type", "zip",
})  # fmt: skip


def _check(findings: Findings) -> Iterator[Diagnostic]:
    suspects = COMMON & findings.context.bound
    if not suspects:
        return
    shadowed: dict[str, Statement] = {}
    for statement in findings.statements:
        for name, line in statement.facts.called.items():
            if name in shadowed:
                cell = shadowed[name].cell.number
                message = f"`{name}` is called, but cell {cell} bound that name to a value of its own"
                yield _RULE.at(statement, message, f"give the value of cell {cell} another name", line)
        if isinstance(statement.node, (*DEFINITIONS, *IMPORTS)):
            continue
        for name in suspects & (statement.facts.binds | statement.facts.maybe):
            shadowed.setdefault(name, statement)
        for name in suspects & statement.facts.deletes:
            shadowed.pop(name, None)


_RULE = Rule(
    "NB326",
    "warning",
    "a builtin that is shadowed",
    "A cell binds a name of Python's own, and a later one calls it. In the order in which cells were written it may "
    "have worked; top to bottom the call meets the value.",
    "max = df.price.max()\n# further down:\nmax(a, b)      # TypeError: 'float' object is not callable",
    "highest = df.price.max()\n# further down:\nmax(a, b)",
    check=_check,
)
RULES = (_RULE,)
