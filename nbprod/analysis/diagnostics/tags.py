"""NB101 to NB104: what the reader found wrong with tags; the findings come with the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.core.pipeline import Diagnostic


def _check(findings: Findings) -> Iterator[Diagnostic]:
    for notebook in findings.notebooks:
        yield from notebook.problems


RULES = (
    Rule(
        "NB101",
        "error",
        "bad stage name",
        "A stage's name becomes a file name, a run's name and a label; it is a letter or _, then up to 62 letters, "
        "digits, _ or -, and none of the words that name roles.",
        "%%mlops stage 1. load data",
        "%%mlops stage load_data",
        check=_check,
    ),
    Rule(
        "NB102",
        "error",
        "unknown role or option",
        "Only the options of the grammar are known; one that is not would be ignored silently.",
        "%%mlops stage train --retry 2",
        "%%mlops stage train --retries 2",
    ),
    Rule(
        "NB103",
        "error",
        "tags that disagree",
        "A cell may be tagged by metadata, by a cell tag or by a %%mlops line; all say the same thing, so two of them "
        "on one cell must agree.",
        'metadata {"nbprod": {"stage": "train"}}, and in the cell:\n%%mlops stage fit',
        'metadata {"nbprod": {"stage": "train"}}',
    ),
    Rule(
        "NB104",
        "error",
        "an option with a wrong value",
        "Times are numbers of seconds or texts such as 10m and 1d, sizes are texts such as 4Gi.",
        "%%mlops stage train --timeout soon",
        "%%mlops stage train --timeout 10m",
    ),
)
