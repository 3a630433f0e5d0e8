"""What several calls share: how a request's values become words of a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def parameters(given: Mapping[str, Any]) -> list[str]:
    """Return the `-p` options for the parameters of a request."""
    arguments: list[str] = []
    for name, value in given.items():
        arguments += ["-p", f"{name}={value if isinstance(value, str) else repr(value)}"]
    return arguments


def word(name: str) -> str:
    """Return a file's name as a command takes it for a file, never for an option."""
    return f"./{name}" if name.startswith("-") else name
