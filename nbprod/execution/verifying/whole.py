"""The notebook, top to bottom in one process: cut only where a stage ends, to note what the names hold there."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod import notebooks
from nbprod.core.pipeline import Stage, Step
from nbprod.core.run import RunStatus
from nbprod.execution import overrides as given
from nbprod.execution import specs
from nbprod.execution.driver import Driver
from nbprod.execution.runner import SessionRunner
from nbprod.execution.session import Session
from nbprod.execution.verifying.causes import Text
from nbprod.store import Ledger
from nbprod.store.files import digest_json
from nbprod.worker import links, naming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.pipeline import CellRole, Pipeline
    from nbprod.core.run import Listener, Run, RunOptions
    from nbprod.execution.runner import Work

JUDGING = ("gate", "test")
Key = tuple[str, int]


class Watching(SessionRunner):
    """Has each manifest tell the content of definitions and parameters too, which are not stored.

    Parameters
    ----------
    pipeline
        Whose definitions and parameters.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self._names = sorted({*specs.references(pipeline), *(parameter.name for parameter in pipeline.parameters)})

    def execute(self, work: Work, hear: Callable[[Mapping[str, Any]], None]) -> None:
        """Execute one stage."""
        work.spec["digests"] = self._names
        super().execute(work, hear)


class OneProcess(Watching):
    """Everything in one process that lives until the end, as a kernel does.

    All names are stored at the end of each piece: what changes is not taken from analysis, which is what is judged.
    """

    def execute(self, work: Work, hear: Callable[[Mapping[str, Any]], None]) -> None:
        """Execute one piece."""
        work.spec["everything"] = True
        super().execute(work, hear)

    def _take(self, work: Work) -> Session:
        if self._last is None:
            self._last = Session(work.python.python, work.environment, _folder(work))
        return self._last

    def settle(self, *, keep: bool) -> None:
        """Keep the process."""

    def alive(self) -> frozenset[str]:
        """Return every stage so far."""
        return frozenset(self._last.stages) if self._last else frozenset()


class Apart(Watching):
    """Every stage in a process of its own, but for state outside variables that lives in one process only."""

    fuses = False

    def joins(self, name: str) -> bool:
        """Say whether `name` is such state; a value is refused."""
        return links.is_state(name)

    def needs(self, stage: Stage, name: str) -> bool:
        """Say whether a stage's code has the name: what only might share something with its values is let go."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        return links.is_state(name) or any(word.search(step.source) for step in stage.steps)


def _folder(work: Work) -> Path:
    from pathlib import Path

    return Path(work.spec["cwd"])


@dataclass(frozen=True, slots=True)
class Piece:
    """Cells of the notebook in one go; `stage` is the stage whose cells end it, None for what follows the last one."""

    stage: str | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """The notebook cut into pieces, and as a pipeline whose stages are these pieces.

    `cells` has every code cell in order as (notebook, cell), with its role.
    """

    pipeline: Pipeline
    pieces: tuple[Piece, ...]
    cells: Mapping[Key, CellRole | None]
    texts: tuple[Text, ...]

    def ends(self, stage: str) -> list[int]:
        """Return the pieces that a stage's cells end, in order."""
        return [at for at, piece in enumerate(self.pieces) if piece.stage == stage]


def cut(pipeline: Pipeline, project: Project, options: RunOptions) -> Whole:
    """Return the notebook cut after each run of cells that belong to one stage."""
    names = {stage.name for stage in pipeline.stages}
    owners = {
        (step.notebook or pipeline.notebook, step.cell): stage.name
        for stage in pipeline.stages
        for step in stage.steps
        if step.kind == "cell"
    }
    cells: dict[Key, CellRole | None] = {}
    pieces: list[Piece] = []
    steps: list[Step] = []
    last: str | None = None
    for key, role, found in _steps(pipeline, project, options):
        cells[key] = role
        # a cell with nothing but `%run` is the cells of that file, in the stage its role names
        owner = owners.get(key) or (role.stage if role is not None and role.stage in names else None)
        if owner is not None and last is not None and owner != last:
            pieces.append(Piece(last, tuple(steps)))
            steps = []
        last = owner or last
        steps += found
    pieces.append(Piece(last, tuple(steps)))
    texts = tuple(Text(step.notebook, step.cell, step.source) for piece in pieces for step in piece.steps)
    return Whole(_as_pipeline(pipeline, pieces), tuple(pieces), cells, texts)


def _steps(
    pipeline: Pipeline, project: Project, options: RunOptions
) -> Iterator[tuple[Key, CellRole | None, list[Step]]]:
    """Yield every code cell with what of it is executed; overrides follow the parameters cell, as in papermill."""
    lines = "\n".join(f"{name} = {given.source(value)}" for name, value in options.parameters.items())
    roles = {(role.notebook or pipeline.notebook, role.cell): role for role in pipeline.roles}
    for path in pipeline.notebooks or (pipeline.notebook,):
        for cell in notebooks.read(project.notebook(path), path).cells:
            if cell.kind != "code":
                continue
            role = roles.get((path, cell.number))
            kind = role.role if role is not None else ""
            steps = [] if kind == "skip" else [Step("cell", cell.number, cell.id, cell.body, 1, path)]
            if lines and kind == "parameters":
                steps.append(Step("cell", cell.number, cell.id, lines, 1, path))
            yield (path, cell.number), role, steps


def _as_pipeline(pipeline: Pipeline, pieces: Sequence[Piece]) -> Pipeline:
    # what is replayed anywhere is compared as code, not as values: the same names are left out on both sides
    replays = tuple(specs.references(pipeline))
    judging = {
        (step.notebook or pipeline.notebook, step.cell)
        for stage in (pipeline.gate, pipeline.test)
        if stage is not None
        for step in stage.steps
        if step.kind == "cell"
    }
    # names such as `_` are the shell's, unless the notebook binds them
    bound = tuple(sorted({name for stage in pipeline.stages for name in stage.writes if naming.hidden(name)}))
    stages = []
    for at, piece in enumerate(pieces):
        steps = tuple(dataclasses.replace(step, tolerant=(step.notebook, step.cell) in judging) for step in piece.steps)
        code = digest_json([step.source for step in steps])
        name = f"notebook-{at + 1:03d}"
        stages.append(Stage(name, (), steps, writes=bound, replays=replays, code_digest=code))
    bare = dataclasses.replace(pipeline, edges=(), parameters=(), models=(), definitions=())
    return dataclasses.replace(bare, stages=tuple(stages), serve=None, gate=None, test=None)


def run(whole: Whole, pipeline: Pipeline, project: Project, options: RunOptions) -> Run:
    """Run the notebook in one process; the run's stages are its pieces. Raises what stopped it."""
    bare = dataclasses.replace(options, parameters={})  # overrides are statements in it already
    done = drive(whole.pipeline, project, bare, OneProcess(pipeline))
    if done.status is not RunStatus.SUCCEEDED and done.error is not None:
        raise done.error
    return done


def drive(
    pipeline: Pipeline, project: Project, options: RunOptions, runner: SessionRunner, listeners: Sequence[Listener] = ()
) -> Run:
    """Carry out a run with a runner of ours, and return it however it ended."""
    with Ledger(project.home) as ledger:
        try:
            return Driver(pipeline, project, options, ledger, runner).go(listeners, None, runner)
        finally:
            runner.close()
