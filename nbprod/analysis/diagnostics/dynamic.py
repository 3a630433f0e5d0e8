"""NB207 and NB208: libraries changed from a stage, names looked up by text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic


def _patches(findings: Findings) -> Iterator[Diagnostic]:
    for statement in findings.statements:
        if statement.fate != "own" or statement.owner is None:
            continue
        for dotted in statement.patches:
            later = [
                other
                for other in findings.statements[statement.index + 1 :]
                if _uses(findings, other, dotted, statement)
            ]
            if later:
                message = f"`{dotted}` is changed in stage {statement.owner}, and stage {later[0].owner} uses it too"
                yield _PATCH.at(statement, message, "do it in a setup cell, which every stage repeats")


def _uses(findings: Findings, other: Statement, dotted: str, statement: Statement) -> bool:
    if other.owner is None or other.owner == statement.owner:
        return False
    root = dotted.split(".")[0]
    touched = {findings.context.imports.get(name, "").split(".")[0] for name in other.reads}
    return root in touched


def _dynamic(findings: Findings) -> Iterator[Diagnostic]:
    if len(findings.pipeline.stages) < 2:
        return
    for statement in findings.statements:
        cause = statement.effects.get("dynamic")
        if cause and statement.owner is not None and statement.fate == "own":
            name = cause.removeprefix("builtins.")
            message = f"{name}() reaches names that analysis cannot see"
            yield _DYNAMIC.at(statement, message, "use the names themselves, or a dict of your own")


_PATCH = Rule(
    "NB207",
    "error",
    "a library changed in one stage",
    "Stages run in processes of their own. An attribute of a library set in one of them is not set in the others, "
    "while in the notebook it is.",
    "%%mlops stage load\nnp.matrix = np.array",
    "%%mlops setup\nnp.matrix = np.array",
    check=_patches,
)
_DYNAMIC = Rule(
    "NB208",
    "error",
    "names looked up by text",
    "exec, eval, globals() and the like read or bind names that are known only when they run, so it cannot be told "
    "what must cross from stage to stage.",
    'globals()["table_" + year] = df',
    'tables["table_" + year] = df',
    check=_dynamic,
)
RULES = (_PATCH, _DYNAMIC)
