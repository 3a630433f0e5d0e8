"""NB306, NB307, NB308: cells that joined a stage, several models, stages that are never reused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic


def _joined(findings: Findings) -> Iterator[Diagnostic]:
    told: set[tuple[str, int]] = set()
    for statement in findings.statements:
        if statement.fate != "own" or statement.role not in (None, "setup") or id(statement.cell) in findings.stages:
            continue
        place = (statement.parsed.notebook, statement.cell.number)
        if statement.owner and place not in told:
            told.add(place)
            yield _JOINED.at(
                statement, f"this runs once, as part of stage {statement.owner}", "tag the cell to choose the stage"
            )


def _models(findings: Findings) -> Iterator[Diagnostic]:
    names = findings.pipeline.undecided
    if not names:
        return
    first = findings.pipeline.models[0]
    here = (first.notebook, first.cell)
    statement = next(item for item in findings.statements if (item.parsed.notebook, item.cell.number) == here)
    yield _MODELS.at(
        statement, f"several names may hold the model: {', '.join(names)}", f"nbprod run --model {names[0]}", first.line
    )


def _volatile(findings: Findings) -> Iterator[Diagnostic]:
    for stage in findings.pipeline.stages:
        if stage.volatile and not stage.options.cache_for:
            statement = next((item for item in findings.statements if item.owner == stage.name), None)
            if statement is not None:
                message = f"stage {stage.name} runs every time: {stage.volatile[0]}"
                yield _VOLATILE.at(statement, message, "--cache-for 1d reuses its result for a day")


_JOINED = Rule(
    "NB306",
    "info",
    "a cell that joined a stage",
    "Imports, definitions and constants are repeated in each stage that needs them; anything else in an untagged or "
    "setup cell runs once, in the stage before it, or in the first.",
    "%%mlops stage load\ndf = pd.read_csv(path)\n# next cell, no tag:\ndf = df.dropna()      # is part of stage load",
    "%%mlops stage clean\ndf = df.dropna()",
    check=_joined,
)
_MODELS = Rule(
    "NB307",
    "warning",
    "several models",
    "Several fitted objects reach the end of the notebook, and only one is recorded and served.",
    "ridge = Ridge().fit(X, y)\nforest = RandomForestRegressor().fit(X, y)",
    "%%mlops stage train --model forest",
    check=_models,
)
_VOLATILE = Rule(
    "NB308",
    "info",
    "a stage that is never reused",
    "What it depends on (network, database, clock, entropy) cannot be seen before it runs, so its result is never "
    "reused unless you say for how long it may be. A shell line or another process counts as such, too: what it does "
    "is not seen.",
    "df = pd.read_sql(query, engine)",
    "%%mlops stage load --cache-for 1d\ndf = pd.read_sql(query, engine)",
    check=_volatile,
)
RULES = (_JOINED, _MODELS, _VOLATILE)
