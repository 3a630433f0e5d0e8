"""What several calls share: the operation a request names, and how its values become words of a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import MissingValue
from nbprod.interfaces.server import operations, paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.interfaces.server.asked import Asked
    from nbprod.interfaces.server.operation import Operation


def operation(asked: Asked, name: str) -> Operation:
    """Return a run or operation of a notebook in the server's tree by its process; raises `MissingValue`."""
    found = operations.find(asked.notebook, name)
    if not paths.below(asked.root, Path(found.record["notebook"])):
        raise MissingValue("NB609", f"there is no operation {name}", "start it again")
    return found


def parameters(given: Mapping[str, Any], option: str = "-p") -> list[str]:
    """Return the options that give a command the parameters of a request."""
    arguments: list[str] = []
    for name, value in given.items():
        arguments += [option, f"{name}={value if isinstance(value, str) else repr(value)}"]
    return arguments


def chosen(given: Mapping[str, Any], *names: str) -> list[str]:
    """Return the options of these names that a request gives."""
    return [f"--{name}={given[name]}" for name in names if given[name]]


def word(name: str) -> str:
    """Return a file's name as a command takes it for a file, never for an option."""
    return f"./{name}" if name.startswith("-") else name
