"""NB321: an environment nobody could make again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings


def _check(findings: Findings) -> Iterator[Diagnostic]:
    names = findings.around.unpinned
    if names:
        message = (
            f"requirements.txt gives no version of {', '.join(names[:5])}{' and others' if len(names) > 5 else ''}"
        )
        fix = "uv pip freeze > requirements.txt, in the notebook's environment"
        yield Diagnostic("NB321", "info", message, findings.notebooks[0].path, fix=fix)


RULES = (
    Rule(
        "NB321",
        "info",
        "versions that are not pinned",
        "The same notebook gives other results, or none, with other versions of its libraries. A lock file, or a "
        "requirements.txt whose lines all say ==, makes the environment again.",
        "# requirements.txt\npandas\nscikit-learn>=1.4",
        "# requirements.txt\npandas==2.2.3\nscikit-learn==1.5.2",
        check=_check,
    ),
)
