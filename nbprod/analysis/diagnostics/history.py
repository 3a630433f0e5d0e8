"""NB205: values taken from the session's history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic

_OUTPUT = re.compile(r"_{1,3}|_i{1,3}|_i?[0-9]+|In|Out|_ih|_oh|_dh")


def _history(findings: Findings) -> Iterator[Diagnostic]:
    asked = [
        (statement, name, statement.facts.reads[name])
        for statement in findings.statements
        for name in statement.facts.reads
        if name[0] in "_IO" and statement.fate != "left-out" and _OUTPUT.fullmatch(name)
    ]
    if asked:
        bound = {name for statement in findings.statements for name in statement.facts.binds | statement.facts.maybe}
        bound |= {"_", "__", "___"} if findings.one_session else set()
        for statement, name, line in asked:
            if name not in bound:
                message = f"`{name}` is a result in the session's history, which a pipeline does not have"
                yield _HISTORY.at(statement, message, "give that result a name where it is made", line)


_HISTORY = Rule(
    "NB205",
    "error",
    "a value from the session's history",
    "`_`, `Out[3]` and `In` depend on which cells were executed when. Stages run in sessions of their own. "
    "In a notebook that is one stage, `_` and `__` are what they are in the notebook.",
    "df.mean()\n# next cell\n_ * 2",
    "means = df.mean()\n# next cell\nmeans * 2",
    check=_history,
)
RULES = (_HISTORY,)
