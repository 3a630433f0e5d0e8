"""NB204: a stage that needs what a serve, gate or test cell makes, or changes what such a cell looked at."""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.roles import PSEUDO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic


def _check(findings: Findings) -> Iterator[Diagnostic]:
    made: dict[str, int] = {}
    for statement in findings.statements:
        if statement.owner in PSEUDO and statement.fate == "own":
            for name in statement.facts.binds:
                made[name] = statement.cell.number
    for statement in findings.statements if made else ():
        if statement.owner in PSEUDO or statement.owner is None:
            continue
        for name in sorted(set(statement.facts.reads) & set(made)):
            if any(missing is statement and name == lacking for missing, lacking, _ in findings.links.missing):
                message = f"`{name}` is made by cell {made[name]}, which runs after all stages"
                yield _RULE.at(statement, message, f"tag cell {made[name]} as a stage", statement.reads.get(name))
    yield from _changed(findings)


def _changed(findings: Findings) -> Iterator[Diagnostic]:
    """Yield what a pseudo-stage reads at its place, but a later stage changes before it gets to run."""
    early = [item for item in findings.statements if item.owner in PSEUDO and item.fate == "own"]
    wanted = 0
    for statement in early:
        wanted |= statement.names.mask(statement.facts.reads)
    writers: dict[str, list[Statement]] = {}
    for other in findings.statements if wanted else ():
        if other.owner is not None and other.owner not in PSEUDO and other.fate == "own":
            for name in other.names.unmask(other.write_mask & wanted):
                writers.setdefault(name, []).append(other)
    for statement in early:
        found = [
            (later.index, name, later) for name in statement.facts.reads for later in _after(writers, name, statement)
        ]
        if found:
            _, name, later = min(found, key=lambda item: item[:2])
            place = later.cell.number
            message = f"this cell reads `{name}`, cell {place} changes it, and {statement.role} cells run last"
            yield _RULE.at(statement, message, f"move this cell below cell {place}, or tag it as a stage")


def _after(writers: dict[str, list[Statement]], name: str, statement: Statement) -> list[Statement]:
    """Return the first statement that writes a name after this one, if there is one."""
    known = writers.get(name, [])
    at = bisect(known, statement.index, key=lambda other: other.index)
    return known[at : at + 1]


_RULE = Rule(
    "NB204",
    "error",
    "serve, gate and test cells run last",
    "Cells with these roles are executed after all stages, so no stage can use what they make, and they see values as "
    "they are at the end.",
    "%%mlops gate\nbest = accuracy >= 0.9\n# further down:\n%%mlops stage report\nprint(best)",
    "%%mlops stage evaluate\nbest = accuracy >= 0.9\n# further down:\n%%mlops gate\nassert best",
    check=_check,
)
RULES = (_RULE,)
