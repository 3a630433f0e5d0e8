"""Pipeline: stages, edges, parameters and diagnostics, derived from a notebook and never written by hand."""

from __future__ import annotations

import shlex
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from nbprod.core.errors import Where
from nbprod.core.frozen import dataclass
from nbprod.core.notebook import Role, StageOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity = Literal["error", "warning", "info"]
StepKind = Literal["parameters", "replay", "cell"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change to the files that mends a finding by itself.

    `text`: at `line` (1-based, as the cell's author sees it) and `column` (0-based) of the cell, `old` gives way to
    `new`. `tag`: the cell gets the tag that `%%mlops new` gives; with `old`, as metadata in place of a magic.
    `outputs`: the cell's outputs go. `requirement`: requirements.txt gets the line `new`.
    """

    kind: Literal["text", "tag", "outputs", "requirement"]
    notebook: str
    cell: int
    new: str = ""
    old: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding; the same object feeds CLI, JSON, magics and sidebar. `column` and `end_column` are 0-based.

    `fix` says what to do, in words; `edits` are what `check --fix` does, empty where no machine should.
    """

    code: str
    severity: Severity
    message: str
    notebook: str
    cell: int | None = None
    cell_id: str | None = None
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    fix: str | None = None
    edits: tuple[Edit, ...] = ()

    @property
    def where(self) -> Where:
        """The place of the finding."""
        return Where(self.notebook, self.cell, self.cell_id, self.line)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name of the `parameters` cell.

    `type` is `int`, `float`, `str`, `bool`, `list`, `dict`, `date`, …; `default` is the literal's value (None when it
    is not a literal), `default_source` its text, `help` the comment beside or above it, `derived_from` the parameters
    its default is computed from: overriding those does not change it.
    """

    name: str
    type: str
    default: Any
    default_source: str
    help: str = ""
    cell: int = 0
    line: int = 0
    optional: bool = False
    derived_from: tuple[str, ...] = ()
    notebook: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of source that a stage executes, in this order.

    `parameters`: statements of the parameters cell that this stage reads; overrides are injected after the last one.
    `replay`: imports, definitions and constants of other cells that the stage needs; they run before inputs are loaded.
    `cell`: the stage's own cells, or what of an untagged cell joined it. `first_line` is the line, in the author's
    cell, of the first line of `source`, so that tracebacks name the author's own line. `order` is the place of the cell
    among all that are run, those of other notebooks included. `argv` is what `%run` gave the script it is part of. What
    a `tolerant` step raises is shown and does not end the stage; it does end the script that the step is part of.
    """

    kind: StepKind
    cell: int
    cell_id: str
    source: str
    first_line: int = 1
    notebook: str = ""
    names: tuple[str, ...] = ()
    order: int = 0
    argv: tuple[str, ...] = ()
    tolerant: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A named set of cells, the unit of execution, caching, retry and placement.

    Attributes
    ----------
    reads
        Names whose value must come from an earlier stage.
    writes
        Names this stage binds, mutates or may mutate, over-approximated; the run drops what did not change.
    deletes
        Names surely deleted by the stage.
    replays
        Names defined by the replayed steps; they are never stored, but referred to.
    parameters
        Parameters the stage reads by replay.
    modules
        Top-level modules the stage imports, directly or by replay.
    files_read, files_written
        Literal paths, as written in the notebook.
    environment
        Environment variables read by literal name.
    volatile
        Why no fingerprint can see all the stage depends on; empty when one can.
    defines
        Steps that define again what its own cells define and others may replay: its values may refer to that.
    patches
        What the stage changes in libraries that later stages use, beyond the options known to be carried.
    repeats
        What statements change in libraries that every stage repeats.
    code_digest
        Digest of the normalised source of all steps: comments and layout do not change it.
    """

    name: str
    cells: tuple[int, ...]
    steps: tuple[Step, ...]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    replays: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    options: StageOptions = field(default_factory=StageOptions)
    modules: tuple[str, ...] = ()
    files_read: tuple[str, ...] = ()
    files_written: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    patches: tuple[str, ...] = ()
    code_digest: str = ""
    defines: tuple[Step, ...] = ()
    repeats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` needs or must follow `source`; `names` are what crosses (files and state as `file:…`, `state:…`)."""

    source: str
    target: str
    names: tuple[str, ...]
    kind: Literal["data", "order", "file", "state"] = "data"


@dataclass(frozen=True, slots=True)
class CellRole:
    """The role analysis gave a cell, and why; `inferred` is False where the author tagged it."""

    cell: int
    cell_id: str
    role: Role | Literal["exploration"]
    stage: str | None = None
    inferred: bool = False
    reason: str = ""
    notebook: str = ""


@dataclass(frozen=True, slots=True)
class ModelCandidate:
    """A name that may hold the fitted estimator: the stage that fits it last, the names given to fit or predict."""

    name: str
    stage: str
    cell: int
    line: int
    inputs: tuple[str, ...] = ()
    notebook: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What analysis derives from a notebook, or from several: `notebook` is the first of `notebooks`.

    `stages` are in an order that satisfies all edges, by notebook position where edges leave a choice. `serve`, `gate`
    and `test` are pseudo-stages of these names, executed after the others; each is None without such cells.
    `definitions` are all steps that are replayed anywhere, or would be if a stage needed them.
    """

    notebook: str
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    parameters: tuple[Parameter, ...]
    roles: tuple[CellRole, ...]
    diagnostics: tuple[Diagnostic, ...]
    serve: Stage | None = None
    gate: Stage | None = None
    test: Stage | None = None
    models: tuple[ModelCandidate, ...] = ()
    left_out: tuple[int | str, ...] = ()
    kernel: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notebooks: tuple[str, ...] = ()
    definitions: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """The notebook's stem, of several the last one's: the default name of experiment and model."""
        return (self.notebooks or (self.notebook,))[-1].rsplit("/", 1)[-1].removesuffix(".ipynb")

    @property
    def files(self) -> str:
        """The notebooks as words of a command line."""
        return " ".join(shlex.quote(path) for path in self.notebooks or (self.notebook,))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that forbid a run."""
        return tuple(item for item in self.diagnostics if item.severity == "error")

    @property
    def undecided(self) -> tuple[str, ...]:
        """The names of which one must be chosen: several may hold the model, and no cell says which."""
        said = self.serve is not None or any(stage.options.model for stage in self.stages)
        names = tuple(dict.fromkeys(candidate.name for candidate in self.models))
        return () if said or len(names) < 2 else names

    def stage(self, name: str) -> Stage:
        """Return the stage of that name; KeyError when there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def upstream(self, name: str) -> tuple[str, ...]:
        """Return all stages that `name` depends on, in pipeline order."""
        return self._closure(name, backwards=True)

    def downstream(self, name: str) -> tuple[str, ...]:
        """Return all stages that depend on `name`, in pipeline order."""
        return self._closure(name, backwards=False)

    def _closure(self, name: str, *, backwards: bool) -> tuple[str, ...]:
        found: set[str] = set()
        todo = [name]
        while todo:
            current = todo.pop()
            for edge in self.edges:
                near, far = (edge.target, edge.source) if backwards else (edge.source, edge.target)
                if near == current and far not in found:
                    found.add(far)
                    todo.append(far)
        return tuple(stage.name for stage in self.stages if stage.name in found)
