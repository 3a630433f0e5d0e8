"""NB106: cells of one stage that give an option different values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings


def _check(findings: Findings) -> Iterator[Diagnostic]:
    given: dict[tuple[str, str], tuple[Any, int]] = {}
    for item in findings.parsed:
        tag = item.cell.tag
        if tag is None:
            continue
        for option, value in tag.options.items():
            before = given.setdefault((str(tag.stage), option), (value, item.cell.number))
            if before[0] != value and not isinstance(value, (tuple, dict)):
                message = f"stage {tag.stage} has {option} {before[0]} in cell {before[1]} and {value} here"
                place = (item.notebook, item.cell.number, item.cell.id, 1)
                yield Diagnostic("NB106", "error", message, *place, fix=f"give {option} once")


RULES = (
    Rule(
        "NB106",
        "error",
        "options that contradict each other",
        "Options on several cells of a stage are merged; two values for one of them leave no sound choice.",
        "%%mlops stage train --retries 1\n# next cell:\n%%mlops stage train --retries 3",
        "%%mlops stage train --retries 3\n# next cell:\n%%mlops stage train",
        check=_check,
    ),
)
