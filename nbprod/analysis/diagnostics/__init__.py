"""The rules of `nbprod check`, one subject a file, and what `--explain` says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics import (
    asking,
    builtins,
    connections,
    cut,
    cycle,
    dynamic,
    environment,
    formatters,
    history,
    install,
    leakage,
    magics,
    options,
    order,
    parameters,
    paths,
    places,
    pseudo,
    random,
    saved,
    secrets,
    sizes,
    syntax,
    tags,
    target,
    together,
    undefined,
)
from nbprod.analysis.diagnostics.explaining import codes_of, explain_of
from nbprod.analysis.diagnostics.secrets import masked

if TYPE_CHECKING:
    from nbprod.analysis.diagnostics.base import Rule
    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic

__all__ = ["RULES", "check", "codes", "explain", "masked"]

MODULES = (
    tags, together, options, parameters, syntax, magics, undefined, cycle, pseudo, history, dynamic, asking, saved,
    paths, secrets, random, install, places, formatters, sizes, leakage, target, order, environment, cut, connections,
    builtins,
)  # fmt: skip
RULES: tuple[Rule, ...] = tuple(rule for module in MODULES for rule in module.RULES)
SEVERITIES = ("error", "warning", "info")


def check(findings: Findings) -> tuple[Diagnostic, ...]:
    """Return all findings, errors first, in the order of the notebook."""
    found = {item: None for rule in RULES if rule.check is not None for item in rule.check(findings)}
    foreign = {item.notebook for item in found if item.code == syntax.FOREIGN}
    told = [item for item in found if item.notebook not in foreign or item.code == syntax.FOREIGN]
    return tuple(
        sorted(told, key=lambda item: (SEVERITIES.index(item.severity), item.notebook, item.cell or 0, item.line or 0))
    )


def explain(code: str) -> str:
    """Return why a diagnostic or an error exists, with an example; raises `UsageError` naming codes like it."""
    return explain_of(RULES, code)


def codes() -> str:
    """Return all codes with their titles, one a line."""
    return codes_of(RULES)
