"""The rules of `nbprod check`, one subject a file, and what `--explain` says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics import (
    cycle,
    dynamic,
    history,
    magics,
    options,
    parameters,
    places,
    production,
    pseudo,
    random,
    syntax,
    tags,
    together,
    undefined,
)
from nbprod.core.errors import UsageError

if TYPE_CHECKING:
    from nbprod.analysis.diagnostics.base import Rule
    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic

MODULES = (
    tags, together, options, parameters, syntax, magics, undefined, cycle, pseudo, history, dynamic, production,
    random, places,
)  # fmt: skip
RULES: tuple[Rule, ...] = tuple(rule for module in MODULES for rule in module.RULES)
SEVERITIES = ("error", "warning", "info")


def check(findings: Findings) -> tuple[Diagnostic, ...]:
    """Return all findings, errors first, in the order of the notebook."""
    found = {item: None for rule in RULES if rule.check is not None for item in rule.check(findings)}
    return tuple(
        sorted(found, key=lambda item: (SEVERITIES.index(item.severity), item.notebook, item.cell or 0, item.line or 0))
    )


def explain(code: str) -> str:
    """Return why a rule exists, with an example; raises `UsageError` listing the codes."""
    rule = next((rule for rule in RULES if rule.code == code.upper()), None)
    if rule is None:
        known = ", ".join(sorted({rule.code for rule in RULES}))
        raise UsageError("NB920", f"no diagnostic has the code {code}", f"known codes: {known}")
    return rule.explain()
