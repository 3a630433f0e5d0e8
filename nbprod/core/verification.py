"""What `verify` found: the notebook and its pipeline, compared."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Difference:
    """A value or a display that is not the same in the notebook and in the pipeline.

    Attributes
    ----------
    name
        Of the value; `output` for what a cell displays.
    cell, path
        Where it is made; `path` is the notebook.
    notebook, pipeline
        What it is on either side, in a line.
    cause, fix
        The likely cause and what to do about it.
    stage
        The stage that makes it.
    where
        Where inside the value the first difference is.
    kind
        `value`, `display`, `state` or `error`.
    deterministic
        False when the notebook, run twice, differs from itself.
    outputs
        What either side displays, as nbformat has it.
    """

    name: str
    cell: int | None
    notebook: str
    pipeline: str
    cause: str = ""
    fix: str = ""
    path: str = ""
    stage: str = ""
    where: str = ""
    kind: str = "value"
    deterministic: bool = True
    outputs: tuple[tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]] = field(default=((), ()), repr=False)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A cell, or a value of it, that `verify` did not compare, and why."""

    notebook: str
    cell: int | None
    why: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of `verify`: equal, how many values and displays were compared, the differences, what was left out.

    `compared` counts values and displays; `displays` says how many of them are displays. `reused` is True when the
    notebook's side are the outputs saved in the file. `stages` tells for each stage how much was compared.
    """

    equal: bool
    compared: int
    differences: tuple[Difference, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notebook_seconds: float = 0.0
    pipeline_seconds: float = 0.0
    notebook: str = ""
    displays: int = 0
    reused: bool = False
    effects: tuple[str, ...] = ()
    stages: tuple[Mapping[str, Any], ...] = ()

    @property
    def non_deterministic(self) -> tuple[Difference, ...]:
        """The differences that the notebook, run twice, shows by itself."""
        return tuple(item for item in self.differences if not item.deterministic)

    def as_json(self) -> dict[str, Any]:
        """Return the object of `verify --json` in CONTRACT.md."""
        shown = ("name", "cell", "notebook", "pipeline", "cause", "fix", "path", "stage", "where", "kind")
        return {
            "equal": self.equal,
            "compared": self.compared,
            "differences": [
                {**{name: getattr(item, name) for name in shown}, "deterministic": item.deterministic}
                for item in self.differences
            ],
            "left_out": [
                {"notebook": item.notebook, "cell": item.cell, "why": item.why, "name": item.name or None}
                for item in self.left_out
            ],
            "displays": self.displays,
            "non_deterministic": [{"name": item.name, "cell": item.cell} for item in self.non_deterministic],
            "effects": list(self.effects),
            "reused": self.reused,
            "seconds": {"notebook": self.notebook_seconds, "pipeline": self.pipeline_seconds},
        }
