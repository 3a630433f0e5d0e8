"""NB313: outputs that make the file huge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic, Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings

MOST = 1_000_000


def _size(output: object) -> int:
    """Return how much text an output is."""
    if isinstance(output, str):
        return len(output)
    if isinstance(output, dict):
        return sum(map(_size, output.values()))
    return sum(map(_size, output)) if isinstance(output, (list, tuple)) else 0


def _check(findings: Findings) -> Iterator[Diagnostic]:
    for item in findings.parsed:
        size = sum(map(_size, item.cell.outputs))
        if size > MOST:
            message = f"the outputs of this cell are {size / 1e6:.1f} MB of text in the file"
            edits = (Edit("outputs", item.notebook, item.cell.number),)
            place = (item.notebook, item.cell.number, item.cell.id, 1)
            fix = "clear them; show fewer rows, or write the picture to a file"
            yield Diagnostic("NB313", "warning", message, *place, fix=fix, edits=edits)


RULES = (
    Rule(
        "NB313",
        "warning",
        "huge outputs",
        "They are opened, copied, compared and kept with every version and every run of the notebook. A run writes the "
        "outputs anew, so clearing them loses nothing.",
        "px.scatter(df)      # draws a million points into the notebook",
        "px.scatter(df.sample(5000, random_state=0))",
        check=_check,
    ),
)
