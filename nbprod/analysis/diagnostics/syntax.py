"""NB110 and NB112: cells that are not Python, notebooks without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings


def _problems(findings: Findings) -> Iterator[Diagnostic]:
    for item in findings.parsed:
        yield from item.problems


def _no_code(findings: Findings) -> Iterator[Diagnostic]:
    if not any(item.cell.body.strip() for item in findings.parsed):
        message = "there is no code to run"
        yield Diagnostic("NB112", "error", message, findings.notebooks[0].path, fix="add a code cell")


RULES = (
    Rule(
        "NB110",
        "error",
        "a cell that is not Python",
        "The cell cannot be parsed, so the notebook does not run top to bottom either.",
        check=_problems,
    ),
    Rule("NB112", "error", "no code", "A pipeline is made of code cells; this notebook has none.", check=_no_code),
)
