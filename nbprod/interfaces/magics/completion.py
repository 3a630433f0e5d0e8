"""Completion of verbs, options and stage names behind `%mlops` and `%%mlops`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.core.errors import NbprodError
from nbprod.core.notebook import ROLES
from nbprod.interfaces.magics.find import open_notebook
from nbprod.interfaces.magics.verbs import OPTIONS, VERBS

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGE_OPTIONS = (
    "--retries",
    "--timeout",
    "--no-cache",
    "--cache-for",
    "--resources",
    "--reads",
    "--metric",
    "--gate",
    "--python",
    "--model",
)
TAKES_STAGE = ("--from", "--to", "why", "stage")


def complete(shell: Any, event: Any) -> list[str]:
    """Return what may stand at the cursor; IPython filters by what was typed."""
    words = event.line[: event.line.rfind(event.symbol)].split() if event.symbol else event.line.split()
    return candidates(words, _stages(shell.user_ns) if words and words[-1] in TAKES_STAGE else [])


def candidates(words: list[str], stages: list[str]) -> list[str]:
    """Return the candidates behind `words`, the first of which is `%mlops` or `%%mlops`."""
    if words and words[-1] in TAKES_STAGE:
        return stages
    if words[:1] == ["%%mlops"]:
        return ["stage", *ROLES] if len(words) == 1 else list(STAGE_OPTIONS)
    return list(VERBS) if len(words) <= 1 else list(OPTIONS)


def _stages(namespace: Mapping[str, Any]) -> list[str]:
    try:
        return [stage.name for stage in api.analyze(open_notebook(namespace)).stages]
    except NbprodError:
        return []
