"""NB301, NB309 and NB310: what saved outputs tell: cells out of order, outputs older than the code, a failed cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.findings import Findings


def _order(findings: Findings) -> Iterator[Diagnostic]:
    highest, above, notebook = 0, 0, ""
    for item in findings.parsed:
        count = item.cell.execution_count
        if count is None:
            continue
        if item.notebook != notebook:
            highest, notebook = 0, item.notebook
        if count < highest:
            message = f"this cell was last executed before cell {above} above it: what is shown came in another order"
            yield _at("NB301", "info", item, message, "restart the kernel and run all cells")
            return
        highest, above = count, item.cell.number


def _older(findings: Findings) -> Iterator[Diagnostic]:
    executed = [item.cell.execution_count is not None for item in findings.parsed]
    if not any(executed):
        return
    fix = "restart the kernel and run all cells"
    last = max(index for index, done in enumerate(executed) if done)
    for index, item in enumerate(findings.parsed):
        if executed[index] or not item.cell.body.strip():
            continue
        if item.cell.outputs:
            yield _at("NB309", "info", item, "this cell shows outputs, but was not executed since it was changed", fix)
            return
        if index < last:
            message = "this cell was not executed when the cells below it were: their outputs do not know of it"
            yield _at("NB309", "info", item, message, fix)
            return


def _failed(findings: Findings) -> Iterator[Diagnostic]:
    for item in findings.parsed:
        for output in item.cell.outputs:
            if output.get("output_type") == "error":
                message = f"the last run failed here: {output.get('ename', 'error')}"
                yield _at("NB310", "info", item, message, "mend the cell and run it, or tag it skip")
                return


def _at(code: str, severity: Any, item: Parsed, message: str, fix: str) -> Diagnostic:
    return Diagnostic(code, severity, message, item.notebook, item.cell.number, item.cell.id, 1, fix=fix)


RULES = (
    Rule(
        "NB301",
        "info",
        "cells executed out of order",
        "The numbers beside the cells do not increase from top to bottom: what is shown comes from another order, "
        "perhaps from values that no cell makes any more. nbprod goes by the order of the cells.",
        "[3]  model.fit(X, y)\n[2]  X = scale(X)",
        "[1]  X = scale(X)\n[2]  model.fit(X, y)",
        check=_order,
    ),
    Rule(
        "NB309",
        "info",
        "outputs older than the code",
        "The notebook was saved with cells that were not executed after they were written, so what it shows is not "
        "what it does.",
        "[1]  df = load()\n[ ]  df = df.dropna()\n[2]  len(df)      # shown with the rows that dropna removes",
        "restart the kernel and run all cells, then save",
        check=_older,
    ),
    Rule(
        "NB310",
        "info",
        "the last run failed here",
        "The saved output of the cell is an error. As it is, the notebook does not run top to bottom.",
        "[4]  df['prize']      # KeyError: 'prize'",
        "[4]  df['price']",
        check=_failed,
    ),
)
