"""NB320: sequences that take over the order of a set."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule, hinting
from nbprod.analysis.diagnostics.edits import replacement, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic

SEQUENCES = frozenset({"list", "tuple", "enumerate"})


def _check(findings: Findings) -> Iterator[Diagnostic]:
    taken = findings.context.bound
    for statement in hinting(findings, ("list(", "tuple(", "enumerate(")):
        for call in ast.walk(statement.node):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and len(call.args) == 1):
                continue
            if call.func.id not in SEQUENCES or taken & {call.func.id, "set", "frozenset", "sorted"}:
                continue
            if not _set(call.args[0]):
                continue
            inner = ast.unparse(call.args[0])
            message = f"{call.func.id}({inner}) has another order in every process that starts with another hash seed"
            node, new = call if call.func.id == "list" else call.args[0], f"sorted({written(statement, call.args[0])})"
            edits = replacement(statement, node, new)
            yield _RULE.at(statement, message, f"sorted({inner})", call.lineno + statement.parsed.offset, edits)


def _set(node: ast.expr) -> bool:
    """Whether an expression makes a set of something other than plain numbers written out."""
    if isinstance(node, ast.Set):
        return any(not isinstance(item, ast.Constant) or isinstance(item.value, str) for item in node.elts)
    if isinstance(node, ast.SetComp):
        return True
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return named and isinstance(node, ast.Call) and bool(node.args)


_RULE = Rule(
    "NB320",
    "warning",
    "the order of a set",
    "The order of a set of texts follows from a seed that Python draws for each process. Within a run nbprod fixes it; "
    "your own kernel, another machine and the endpoint have others, so that columns, codes or words come in another "
    "order there.",
    "vocabulary = list(set(words))",
    "vocabulary = sorted(set(words))",
    check=_check,
)
RULES = (_RULE,)
