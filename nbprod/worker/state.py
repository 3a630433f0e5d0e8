"""State outside variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .buffers import Buffers


def capture() -> dict[str, str]:
    """Return a token for each kind of state there is now."""
    return {}


def record(before: dict[str, str], namespace: dict[str, Any], buffers: Buffers) -> dict[str, Any]:  # noqa: ARG001 - filled in next
    """Return what changed since `before`."""
    return {}


def restore(record: dict[str, Any], namespace: dict[str, Any], buffers: Buffers) -> None:
    """Set what `record` says."""
