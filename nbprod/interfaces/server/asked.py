"""What a request asks for, once it is known to be well-formed, and which fields a route takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from nbprod.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbprod.interfaces.server.mlflow import Mlflow
    from nbprod.interfaces.server.operation import Work

W = TypeVar("W", bound="Work")
KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "object": (dict, "an object"),
    "array": (list, "a list of objects"),
}


class Changes(Protocol):
    """Whom to tell that something of a notebook changed; may be called from any thread."""

    def emit(self, path: str, what: str, name: str) -> None:
        """Tell that `what` changed: `run`, `operation`, `endpoints` or `schedules`."""

    def follow(self, path: str, what: str, work: Work) -> None:
        """Tell of each change of long work until it is over."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request: its JSON type, what it means, what it is when it is left out."""

    kind: str
    about: str
    default: Any = None
    required: bool = False

    def checked(self, name: str, given: Mapping[str, Any]) -> Any:
        """Return the field's value in a request; raises `UsageError` when it is not of its type."""
        value = given.get(name)
        if value is None and not self.required:
            return self.default
        kind, words = KINDS[self.kind]
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and self.kind == "integer")
        if wrong or (self.kind == "array" and not all(isinstance(item, dict) for item in value or ())):
            raise UsageError("NB930", f"{name} must be {words}", f"{name}: {self.about}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return the field as JSON schema."""
        found: dict[str, Any] = {"type": self.kind, "description": self.about}
        if self.kind == "array":
            found["items"] = {"type": "object"}
        return found if self.default in (None, {}, "") else {**found, "default": self.default}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the notebook, the names in its address, the fields in its query or body.

    Attributes
    ----------
    root
        The server's own tree, which nothing leaves.
    path
        The notebook's path below it, as the front end names it.
    notebook
        The notebook's file.
    changes, mlflow
        Whom to tell of changes; MLflow's pages.
    """

    root: Path
    path: str
    notebook: Path
    changes: Changes
    mlflow: Mlflow
    names: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    def emit(self, what: str, name: str) -> None:
        """Tell that something of the notebook changed."""
        self.changes.emit(self.path, what, name)

    def follow(self, work: W) -> W:
        """Tell of each change of long work until it is over; returns it."""
        self.changes.follow(self.path, "run" if work.kind == "run" else "operation", work)
        return work
