"""NB302: paths that exist on one machine."""

from __future__ import annotations

import ast
import json
import re
from itertools import takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule, hinting
from nbprod.analysis.diagnostics.edits import replacement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic, Edit

ROOTS = "home|Users|mnt|media|content|kaggle|tmp|root|data|var|opt|srv|Volumes|scratch|workspace"
_ABSOLUTE = re.compile(rf"(/({ROOTS})/|[A-Za-z]:[\\/]|~/).+")

_HINTS = ("~/", ":\\", ":/", *(f"/{name}/" for name in ROOTS.lower().split("|")))


def _check(findings: Findings) -> Iterator[Diagnostic]:
    inside = f"{findings.around.root.rstrip('/')}/" if len(findings.around.root) > 1 else ""
    hints = (*_HINTS, inside.lower()) if inside else _HINTS
    for statement in hinting(findings, hints):
        for node in ast.walk(statement.node):
            text = node.value if isinstance(node, ast.Constant) else None
            if not isinstance(text, str) or not isinstance(node, ast.Constant) or len(text) >= 300 or "\n" in text:
                continue
            own = bool(inside) and text.startswith(inside)
            if own or _ABSOLUTE.fullmatch(text):
                edits = _relative(findings, statement, node, text) if own else ()
                fix = f"write {edits[0].new}" if edits else "use a path relative to the notebook, or a parameter"
                line = node.lineno + statement.parsed.offset
                yield _RULE.at(statement, f"{text!r} is a path of one machine", fix, line, edits)


def _relative(findings: Findings, statement: Statement, node: ast.Constant, text: str) -> tuple[Edit, ...]:
    """Return the edit to a path relative to the notebook's folder, where stages run unless the notebook leaves it."""
    if any("cwd" in other.state for other in findings.statements):
        return ()
    target, folder = PurePosixPath(text), PurePosixPath(findings.around.folder)
    pairs = zip(target.parts, folder.parts, strict=False)
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    up = [".."] * (len(folder.parts) - shared)
    path = ("/".join([*up, *target.parts[shared:]]) or ".") + ("/" if text.endswith("/") else "")
    return replacement(statement, node, json.dumps(path, ensure_ascii=False))


_RULE = Rule(
    "NB302",
    "warning",
    "an absolute path",
    "The path exists on the author's machine only. Stages run in the notebook's folder, so a path relative to it is "
    "the same file everywhere the project is.",
    'pd.read_csv("/home/ann/churn/data/orders.csv")',
    'pd.read_csv("data/orders.csv")',
    check=_check,
)
RULES = (_RULE,)
