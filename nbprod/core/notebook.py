"""Notebook, cell and role, as every other part of nbprod sees them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from nbprod.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.pipeline import Diagnostic

Role = Literal["stage", "parameters", "setup", "serve", "gate", "test", "skip"]
ROLES: tuple[str, ...] = ("parameters", "setup", "serve", "gate", "test", "skip")
NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]{0,62}"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage asks of the machine: CPU cores, memory in bytes, GPUs."""

    cpu: float | None = None
    mem: int | None = None
    gpu: float | None = None


@dataclass(frozen=True, slots=True)
class StageOptions:
    """Options of a stage, merged over its cells; times in seconds, None where not given."""

    retries: int = 0
    timeout: float | None = None
    cache: bool = True
    cache_for: float | None = None
    resources: Resources = field(default_factory=Resources)
    reads: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    python: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """What the author said of a cell: its role, for a stage its name, and the options given on this cell."""

    role: Role
    stage: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    source: Literal["metadata", "tag", "magic"] = "metadata"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    `source` is the text in the file. `body` is what runs: the `%%mlops` line is taken out so that every remaining line
    keeps its number (see `nbprod.notebooks.strip_magic`). `number` is 1-based over all cells of the notebook.
    """

    number: int
    id: str
    kind: Literal["code", "markdown", "raw"]
    source: str
    body: str
    tag: Tag | None = None
    execution_count: int | None = None
    outputs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook: `path` relative to the project with forward slashes, its cells, kernel name and language.

    `problems` are findings of the reader, such as tags that disagree; analysis hands them on. `runs` are the notebooks
    and scripts that `%run` lines name, here and in those, by the path as written; a script is one cell of number 0.
    `modules` are the texts of the modules beside it that its cells import, by dotted name.
    """

    path: str
    cells: tuple[Cell, ...]
    kernel: str | None = None
    language: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()
    runs: Mapping[str, Notebook] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stem of the file, the default name of experiment and model."""
        return self.path.rsplit("/", 1)[-1].removesuffix(".ipynb")
