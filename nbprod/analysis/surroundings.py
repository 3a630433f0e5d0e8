"""What lies around a notebook and some diagnostics must know; analysis reads no file itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The project of a notebook as far as diagnostics ask for it.

    Attributes
    ----------
    root, folder
        Absolute folders of the project and of the notebook, empty when not known.
    unpinned
        What requirements.txt asks for without a version.
    tools
        The `[tool]` table of `pyproject.toml`.
    """

    root: str = ""
    folder: str = ""
    unpinned: tuple[str, ...] = ()
    tools: Mapping[str, Any] = field(default_factory=dict)


NOWHERE = Surroundings()
