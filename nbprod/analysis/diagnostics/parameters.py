"""NB105, NB311 and NB314 to NB316: two parameters cells, derived, unread and overwritten parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Parameter, Severity


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
            yield _at(findings, parameter, "NB311", "info", message, "compute it in the cell below the parameters")


def _unused(findings: Findings) -> Iterator[Diagnostic]:
    if not findings.pipeline.parameters:
        return
    names, mask = findings.context.names, 0
    for statement in findings.statements:
        if statement.role != "parameters":
            mask |= statement.read_mask | names.mask(statement.facts.deletes)
    read = set(names.unmask(mask))
    shells = "".join(item.cell.body for item in findings.parsed if "!" in item.cell.body or "%" in item.cell.body)
    derived = {name for parameter in findings.pipeline.parameters for name in parameter.derived_from}
    for parameter in findings.pipeline.parameters:
        if parameter.name not in read | derived and parameter.name not in shells:
            message = f"no cell reads the parameter `{parameter.name}`: overriding it changes nothing"
            yield _at(findings, parameter, "NB314", "info", message, "use it, or take it out of the parameters cell")


def _rebound(findings: Findings) -> Iterator[Diagnostic]:
    """Yield parameters that a cell binds anew before anything reads them, so that overrides are lost."""
    waiting = {item.name for item in findings.pipeline.parameters}
    names = findings.context.names
    for statement in findings.statements if waiting else ():
        if statement.role == "parameters":
            continue
        if not waiting:
            return
        binds, read = statement.facts.binds, names.mask(waiting) & statement.read_mask
        for name in sorted(waiting & binds - set(names.unmask(read))):
            message = f"`{name}` is a parameter, and this gives it another value before any cell reads it"
            yield _REBOUND.at(statement, message, f"take this line away, or `{name}` out of the parameters cell")
        waiting -= binds | set(names.unmask(read))


def _computed(findings: Findings) -> Iterator[Diagnostic]:
    """Yield what in a parameters cell is no setting: code with effects runs before overrides apply."""
    for statement in findings.statements:
        if statement.role == "parameters" and (set(statement.effects) - {"display"} or statement.state):
            what = next(iter((*statement.effects.values(), *statement.state.values())))
            message = f"the parameters cell does more than give values ({what.removeprefix('builtins.')})"
            yield _COMPUTED.at(statement, message, "move this to a cell below the parameters")


def _at(findings: Findings, parameter: Parameter, code: str, severity: Severity, message: str, fix: str) -> Diagnostic:
    here = (parameter.notebook, parameter.cell)
    item = next(item for item in findings.parsed if (item.notebook, item.cell.number) == here)
    return Diagnostic(code, severity, message, item.notebook, parameter.cell, item.cell.id, parameter.line, fix=fix)


_REBOUND = Rule(
    "NB315",
    "warning",
    "a parameter that is overwritten",
    "A run may override the parameter, but the notebook then gives it a value of its own, and the override is lost "
    "without a word.",
    "n_rows = 100      # parameters cell\n# next cell:\nn_rows = 5000",
    "n_rows = 5000     # parameters cell",
    check=_rebound,
)
_COMPUTED = Rule(
    "NB316",
    "info",
    "a parameters cell that does more",
    "Overrides apply after the whole cell, as in papermill: what the cell reads, draws or writes has happened by then, "
    "with the defaults.",
    'path = "orders.csv"\ndf = pd.read_csv(path)',
    'path = "orders.csv"\n# next cell:\ndf = pd.read_csv(path)',
    check=_computed,
)
RULES = (
    Rule(
        "NB105",
        "error",
        "two parameters cells",
        "Overrides are applied after the parameters cell. With two of them it would depend on the order which value "
        "counts.",
        "%%mlops parameters\nrows = 100\n# further down:\n%%mlops parameters\nseed = 0",
        "%%mlops parameters\nrows = 100\nseed = 0",
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
    Rule(
        "NB314",
        "info",
        "a parameter that nobody reads",
        "It can be overridden, shown and recorded, and makes no difference: often the value is written out a second "
        "time further down.",
        "test_size = 0.25      # parameters cell\n# further down:\ntrain_test_split(X, y, test_size=0.25)",
        "train_test_split(X, y, test_size=test_size)",
        check=_unused,
    ),
    _REBOUND,
    _COMPUTED,
)
