"""What a stage is seen to depend on, and to leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .formats import Observed, StageSpec


class Observer:
    """Watches one stage."""

    def __init__(self, spec: StageSpec) -> None:
        self._spec = spec

    def start(self) -> None:
        """Watch."""

    def stop(self) -> None:
        """Watch no more."""

    def result(self) -> Observed:
        """Return what was seen."""
        return {
            "files_read": {},
            "files_written": {},
            "environment": {},
            "modules": {},
            "distributions": {},
            "volatile": [],
        }
