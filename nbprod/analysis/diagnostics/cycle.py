"""NB203: stages that need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic


def _check(findings: Findings) -> Iterator[Diagnostic]:
    names = findings.cycle
    if not names:
        return
    ring = _ring(names, set(findings.links.causes))
    for source, target in zip(ring, [*ring[1:], ring[0]], strict=True):
        early, late, name = findings.links.causes[source, target]
        message = (
            f"stage {target} ({place(late)}) needs `{name}` as stage {source} ({place(early, late)}) "
            f"leaves it, but {source} in turn needs {target}: {' → '.join([*ring, ring[0]])}"
        )
        together = f"{place(early, late)} and {place(late)}"
        fix = f"give {place(late)} a stage of its own, or put {together} in one stage"
        yield _RULE.at(late, message, fix)


def _ring(names: list[str], edges: set[tuple[str, str]]) -> list[str]:
    """Return a cycle among `names`, all of whose members have a predecessor there."""
    path = [names[-1]]
    while True:
        before = next((name for name in names if (name, path[-1]) in edges and name != path[-1]), None)
        if before is None:
            names = [name for name in names if name != path[-1]]
            path = [names[-1]]
        elif before in path:
            return list(reversed(path[path.index(before) :]))
        else:
            path.append(before)


_RULE = Rule(
    "NB203",
    "error",
    "stages that need each other",
    "A stage's cells run together. If one of its cells comes before a cell of another stage and one comes after it, "
    "and values flow both ways, there is no order that gives the notebook's result.",
    "# stage a\nx = 1\n# stage b\ny = x + 1\n# stage a again\nz = y + 1",
    "# stage a\nx = 1\n# stage b\ny = x + 1\n# stage c\nz = y + 1",
    check=_check,
)
RULES = (_RULE,)
