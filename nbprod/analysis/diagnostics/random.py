"""NB304: random numbers without a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.stages import GENERATORS, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic


def _check(findings: Findings) -> Iterator[Diagnostic]:
    seeds = seeded(findings.statements)
    told: set[tuple[str, int]] = set()
    for statement in findings.statements:
        causes = [
            cause
            for token, cause in statement.state.items()
            if token in GENERATORS and seeds.get(token, len(findings.statements)) > statement.index
        ]
        entropy = statement.effects.get("entropy", "")
        if entropy.endswith("without a seed"):
            causes.append(entropy.removesuffix(" without a seed"))
        place = (statement.parsed.notebook, statement.cell.number)
        if causes and place not in told and statement.owner is not None:
            told.add(place)
            message = f"random numbers without a seed ({causes[0]}): two runs will differ"
            yield _RULE.at(statement, message, "pass random_state=0, or call np.random.seed(0) in the first cell")


_RULE = Rule(
    "NB304",
    "warning",
    "random numbers without a seed",
    "Two runs give two results, so nothing can be reused or compared.",
    "model = RandomForestClassifier()",
    "model = RandomForestClassifier(random_state=0)",
    check=_check,
)
RULES = (_RULE,)
