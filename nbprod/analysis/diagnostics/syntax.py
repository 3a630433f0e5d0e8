"""NB110, NB112 and NB113: cells and notebooks that are not Python, notebooks without code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings


FOREIGN = "NB113"
"""Nothing else is said of a notebook of another language."""
PYTHON = ("python", "ipython", "python2", "python3")


def _problems(findings: Findings) -> Iterator[Diagnostic]:
    for item in findings.parsed:
        yield from item.problems


def _foreign(findings: Findings) -> Iterator[Diagnostic]:
    for notebook in findings.notebooks:
        if notebook.language is not None and notebook.language.lower() not in PYTHON:
            message = f"this is a notebook of {notebook.language}; nbprod runs Python notebooks"
            fix = "choose a Python kernel for it: jupyter kernelspec list"
            yield Diagnostic(FOREIGN, "error", message, notebook.path, fix=fix)


def _no_code(findings: Findings) -> Iterator[Diagnostic]:
    if not any(item.cell.body.strip() for item in findings.parsed):
        message = "there is no code to run"
        yield Diagnostic("NB112", "error", message, findings.notebooks[0].path, fix="add a code cell")


RULES = (
    Rule(
        "NB110",
        "error",
        "a cell that is not Python",
        "The cell cannot be parsed, so the notebook does not run top to bottom either. Notes and half-written cells "
        "may be tagged skip, or made text cells.",
        "df = pd.read_csv(",
        'df = pd.read_csv("orders.csv")',
        check=_problems,
    ),
    Rule(
        "NB112",
        "error",
        "no code",
        "A pipeline is made of code cells; this notebook has none that would run.",
        "# Notes on churn      (a text cell, and no other)",
        'df = pd.read_csv("orders.csv")',
        check=_no_code,
    ),
    Rule(
        FOREIGN,
        "error",
        "a notebook of another language",
        "Analysis reads Python, and stages run in Python processes. A notebook of R, Julia or another language is "
        "refused as a whole.",
        "library(dplyr)      # kernel: ir",
        "import pandas as pd      # kernel: python3",
        check=_foreign,
    ),
)
