"""NB209: cells that wait for somebody to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic


def _check(findings: Findings) -> Iterator[Diagnostic]:
    for statement in findings.statements:
        cause = statement.effects.get("input")
        if cause and statement.owner is not None and statement.fate == "own":
            secret = "getpass" in cause
            message = f"nobody is there to answer {cause.removeprefix('builtins.')}() in a run"
            fix = 'nbprod.secret("NAME") takes it from the environment' if secret else "make it a parameter"
            yield _RULE.at(statement, message, fix)


_RULE = Rule(
    "NB209",
    "error",
    "a cell that asks",
    "A pipeline runs unattended: by a schedule, in a container, in another process. There is nobody to type.",
    'n = int(input("rows?"))',
    "n = 100    # in the parameters cell; nbprod run NB -p n=500",
    check=_check,
)
RULES = (_RULE,)
