"""NB207 and NB208: libraries changed from a stage, names looked up by text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.dynamics import HOOK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic


def _patches(findings: Findings) -> Iterator[Diagnostic]:
    for statement in findings.statements:
        changes = [*statement.patches, *(["id()"] if "identity" in statement.effects else [])]
        if not changes or statement.fate != "own" or statement.owner is None:
            continue
        others = (other.owner for other in findings.statements[statement.index + 1 :] if other.fate == "own")
        later = next((owner for owner in others if owner not in (None, statement.owner)), None)
        for dotted in changes if later else ():
            known = dotted == "id()"
            what = "what id() gives is kept" if known else f"`{dotted}` is changed"
            fix = (
                "keep the object itself, and ask with `is`"
                if known
                else "do it in a setup cell, which every stage repeats"
            )
            message = f"{what} in stage {statement.owner}: the stages after it run in its process"
            yield _PATCH.at(statement, message, fix)


def _dynamic(findings: Findings) -> Iterator[Diagnostic]:
    if len(findings.pipeline.stages) < 2:
        return
    for statement in findings.statements:
        cause = statement.effects.get("dynamic")
        if cause and statement.owner is not None and statement.fate == "own":
            name = cause.removeprefix("builtins.")
            message, fix = (
                f"{name}() reaches names that analysis cannot see",
                "use the names themselves, or a dict of your own",
            )
            if cause == HOOK:
                message, fix = f"{name}() has a function called around every cell", "call it in the cells that need it"
            yield _DYNAMIC.at(statement, message, fix)


_PATCH = Rule(
    "NB207",
    "warning",
    "a library changed in one stage",
    "Stages run in processes of their own. What one of them changes in a library would not be changed in the others, "
    "while in the notebook it is. So the stages after it run in its process, are reused or run together, and cannot "
    "be extracted as jobs; what a setup cell changes, every stage repeats.",
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
