"""NB325: a connection made in one stage and used in another."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.diagnostics.edits import before, text_of
from nbprod.analysis.replays import can_open_again, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic


def _check(findings: Findings) -> Iterator[Diagnostic]:
    made_somewhere = any("connection" in statement.effects for statement in findings.statements if statement.effects)
    if len(findings.pipeline.stages) < 2 or not made_somewhere:
        return
    open_now: dict[str, Statement] = {}
    for statement in findings.statements:
        if statement.owner is None:
            continue
        for name in sorted(statement.reads.keys() & open_now.keys()):
            made = open_now[name]
            if made.owner != statement.owner and (name, statement.owner) not in {
                (n, s.owner) for n, s in open_now.items()
            }:
                yield _found(findings, made, statement, name)
                del open_now[name]
        for name in statement.facts.binds:
            open_now.pop(name, None)
            if (
                "connection" in statement.facts.effects
                and statement.fate == "own"
                and isinstance(statement.node, ast.Assign)
            ):
                open_now[name] = statement


def _found(findings: Findings, made: Statement, used: Statement, name: str) -> Diagnostic:
    again = can_open_again(made, findings.statements)
    text = text_of(made)
    edits = before(used, text) if again and text and kind_of(made) == "connection" else ()
    place = f"stage {made.owner} (cell {made.cell.number})"
    message = f"`{name}` is a connection of {place} and cannot cross to stage {used.owner}: both run as one"
    fix = f"keep all that uses `{name}` in one stage, and commit before the next"
    if edits:
        fix = f"make it again here: {text}"
    return _RULE.at(used, message, fix, used.reads.get(name), edits)


_RULE = Rule(
    "NB325",
    "warning",
    "a connection that two stages share",
    "A connection belongs to the process that opened it and cannot be stored. nbprod opens it again in each stage that "
    "uses it where that is sound; here it depends on what is computed, is changed, or holds a database in memory, so "
    "the stages run as one: in one process, cached and retried together.",
    "# stage load\nengine = create_engine(url_of(config))\n# stage report\npd.read_sql(query, engine)",
    "# stage report\nengine = create_engine(url_of(config))\npd.read_sql(query, engine)",
    check=_check,
)
RULES = (_RULE,)
