"""All that analysis found out about notebooks; what the diagnostics look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.analysis.surroundings import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.context import Context
    from nbprod.analysis.edges import Links
    from nbprod.analysis.notes import Statement
    from nbprod.analysis.surroundings import Surroundings
    from nbprod.core.notebook import Notebook
    from nbprod.core.pipeline import Pipeline


@dataclass(slots=True)
class Findings:
    """What each step of the analysis made.

    Attributes
    ----------
    stable
        The statement that defines each replayed name.
    stages
        The stage of each cell (by `id()`) that is part of one by tag.
    cycle
        Stages that need each other, empty when there are none.
    lowered
        The text of each cell in lower case.
    """

    notebooks: Sequence[Notebook]
    parsed: list[Parsed]
    statements: list[Statement]
    context: Context
    stable: dict[str, Statement]
    stages: dict[int, str]
    links: Links
    pipeline: Pipeline
    cycle: list[str]
    around: Surroundings = NOWHERE
    lowered: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lowered = [item.cell.body.lower() for item in self.parsed]

    @property
    def one_session(self) -> bool:
        """Whether the cells run as they stand, one after another in one session: the notebook is one stage."""
        stages = self.pipeline.stages
        if len(stages) != 1 or any(step.kind != "cell" for step in stages[0].steps):
            return False
        return all(item.owner == stages[0].name and item.parsed.top is None for item in self.statements)
