"""The user's own MLflow calls, led into the run of their stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .formats import MlflowSpec


def begin(spec: MlflowSpec | None) -> None:
    """Lead calls to the run of `spec`."""


def end() -> None:
    """Lead no more."""
