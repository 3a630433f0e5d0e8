"""NB322 to NB324: stages that gain little: one for everything, cells that only define, stages that only show."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.replays import DEFINITIONS, IMPORTS
from nbprod.analysis.roles import shows_only
from nbprod.core.pipeline import Diagnostic, Edit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement

MANY = 6
"""Cells: fewer may well be one stage."""


def _everything(findings: Findings) -> Iterator[Diagnostic]:
    """Yield the only stage, where it reads data, fits a model and judges it."""
    stages = findings.pipeline.stages
    if len(stages) != 1 or len(stages[0].cells) < MANY:
        return
    tagged = any(role.stage and not role.inferred for role in findings.pipeline.roles)
    methods = {fit.method for statement in findings.statements for fit in statement.facts.fits}
    if not methods & {"fit", "fit_transform", "partial_fit"} or not methods & {"predict", "predict_proba", "score"}:
        return
    name = findings.pipeline.notebook
    message = (
        f"{'stage ' + stages[0].name if tagged else 'the notebook'} does everything: any change runs all of it again"
    )
    fix = "give loading, features, training and evaluation stages of their own: nbprod suggest NB"
    first = next(item for item in findings.parsed if item.cell.number == stages[0].cells[0])
    yield Diagnostic("NB322", "info", message, name, first.cell.number, first.cell.id, 1, fix=fix)


def _stages(findings: Findings) -> Iterator[Diagnostic]:
    """Look at the cells that their author made part of a stage."""
    by_stage: dict[str, dict[int, list[Statement]]] = {}
    for cell, group in groupby(findings.statements, key=lambda item: id(item.parsed)):
        together = list(group)
        tag = together[0].cell.tag
        if tag is not None and tag.stage is not None:
            by_stage.setdefault(tag.stage, {})[cell] = together
    for cells in by_stage.values():
        for statements in cells.values():
            yield from _defining(statements)
        if len(by_stage) > 1:
            yield from _showing(findings, list(cells.values()))


def _defining(statements: Sequence[Statement]) -> Iterator[Diagnostic]:
    """Yield a cell of a stage that only imports and defines what every stage repeats."""
    first = statements[0]
    if first.fate != "replay":
        return
    plain = all(
        item.fate == "replay" and isinstance(item.node, (*IMPORTS, *DEFINITIONS)) and not item.parsed.magic
        for item in statements
    )
    if plain and first.cell.tag and not first.cell.tag.options:
        message = f"this cell only imports and defines, so it is no work of stage {first.owner}"
        edits = (Edit("tag", first.parsed.notebook, first.cell.number, "setup"),)
        yield _DEFINING.at(first, message, "tag it setup", edits=edits)


def _showing(findings: Findings, cells: Sequence[Sequence[Statement]]) -> Iterator[Diagnostic]:
    """Yield a stage all of whose cells do nothing but show something."""
    own = [(item, cell) for cell in cells for item in cell if item.fate == "own"]
    if not own or not all(shows_only(item, cell, {}) for item, cell in own):
        return
    read_at = {name: statement.index for statement in findings.statements for name in statement.reads}
    if all(shows_only(item, cell, read_at) for item, cell in own):
        first = cells[0][0]
        message = f"stage {first.owner} only shows something, and leaves nothing"
        fix = "keep it to have the output with every run, else take the tag away: it is then left out of runs"
        yield _SHOWING.at(first, message, fix)


_SHOWING = Rule(
    "NB324",
    "info",
    "a stage that only shows",
    "A cell without a tag that does nothing but show something is exploration, and costs a run nothing. As a stage it "
    "is executed, stored and waited for.",
    "%%mlops stage look\ndf.describe()",
    "df.describe()      # no tag",
)
_DEFINING = Rule(
    "NB323",
    "info",
    "a stage's cell that only defines",
    "Imports and definitions are repeated in every stage that needs them, whichever cell they are in. Tagged setup, "
    "the cell says so, and the stage's picture shows what it does.",
    "%%mlops stage load\nimport pandas as pd",
    "%%mlops setup\nimport pandas as pd",
    check=_stages,
)
RULES = (
    Rule(
        "NB322",
        "info",
        "a stage that does everything",
        "With one stage nothing can be reused, retried, placed on another machine or run at the same time: a changed "
        "colour of a plot trains the model again.",
        "# one stage: load, clean, train, plot",
        "# stages load, clean, train, evaluate: nbprod suggest NB proposes them",
        check=_everything,
    ),
    _DEFINING,
    _SHOWING,
)
