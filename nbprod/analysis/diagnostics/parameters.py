"""NB105 and NB311: a second parameters cell, parameters that derive from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings


def _second(findings: Findings) -> Iterator[Diagnostic]:
    cells = [item for item in findings.parsed if item.cell.tag and item.cell.tag.role == "parameters"]
    for item in cells[1:]:
        first = f"cell {cells[0].cell.number}"
        first += f" of {cells[0].notebook}" if item.notebook != cells[0].notebook else ""
        message = f"a second parameters cell; {first} is one already"
        fix = f"move its lines to {first}, or tag it setup"
        yield Diagnostic("NB105", "error", message, item.notebook, item.cell.number, item.cell.id, 1, fix=fix)


def _derived(findings: Findings) -> Iterator[Diagnostic]:
    for parameter in findings.pipeline.parameters:
        if parameter.derived_from:
            names = ", ".join(parameter.derived_from)
            message = f"`{parameter.name}` is computed from {names}; overriding {names} does not change it"
            here = (parameter.notebook, parameter.cell)
            item = next(item for item in findings.parsed if (item.notebook, item.cell.number) == here)
            place = (item.notebook, parameter.cell, item.cell.id, parameter.line)
            yield Diagnostic("NB311", "info", message, *place, fix="compute it in the cell below the parameters")


RULES = (
    Rule(
        "NB105",
        "error",
        "two parameters cells",
        "Overrides are applied after the parameters cell. With two of them it would depend on the order which value "
        "counts.",
        check=_second,
    ),
    Rule(
        "NB311",
        "info",
        "a parameter that derives from another",
        "As in papermill, overrides apply after the whole parameters cell, so a name computed there keeps the value "
        "it had with the default.",
        "rows = 100\nhalf = rows // 2",
        "rows = 100\n# next cell:\nhalf = rows // 2",
        check=_derived,
    ),
)
