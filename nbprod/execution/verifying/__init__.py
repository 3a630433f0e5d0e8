"""`verify`: the notebook top to bottom in one process, the pipeline in many, and all that comes of them compared."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.config import Project
from nbprod.core.errors import StageFailed, UsageError
from nbprod.core.run import Event, RunStatus
from nbprod.execution.verifying import shown, whole
from nbprod.execution.verifying.causes import Causes
from nbprod.execution.verifying.report import Findings
from nbprod.execution.verifying.values import Compared, Side, Values
from nbprod.store import Ledger, remember_verified

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Listener, Run, RunOptions
    from nbprod.core.verification import Verification

LEFT_BEHIND = (".nbprod", ".git", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".mypy_cache")
MOST_BYTES = 2 << 30
NOTEBOOK = "notebook"
INTERRUPTED = "NB506"


def verify(
    pipeline: Pipeline,
    project: Project,
    options: RunOptions,
    listeners: Sequence[Listener] = (),
    *,
    reuse: bool = False,
) -> Verification:
    """Run both from scratch, one after the other in the same copy of the project, and compare.

    With `reuse` the notebook is not run: what its file shows is compared with what the pipeline shows.

    Raises
    ------
    StageFailed
        A cell of the notebook itself raised.
    BoundaryError
        A value that cannot be stored has to cross from one stage to another.
    """
    asked = dataclasses.replace(options, force=True, run_id=None, start=None, stop=None, engine="nbprod")
    with tempfile.TemporaryDirectory(prefix="nbprod-verify-") as folder:
        judge = _Judge(pipeline, project, asked, listeners, Path(folder))
        found = judge.reused() if reuse else judge.compared()
    with Ledger(project.home) as ledger:
        if not reuse:
            remember_verified(ledger, pipeline, equal=found.equal)
    return found


class _Judge:
    """One verification, in a folder of its own."""

    def __init__(
        self,
        pipeline: Pipeline,
        project: Project,
        options: RunOptions,
        listeners: Sequence[Listener],
        place: Path,
    ) -> None:
        self.pipeline = pipeline
        self.project = project
        self.options = options
        self.listeners = listeners
        self.place = place
        self.whole = whole.cut(pipeline, project, options)
        self.findings = Findings(pipeline, self.whole, Causes(self.whole.texts))

    def compared(self) -> Verification:
        """Run both and compare."""
        names = [NOTEBOOK, *(stage.name for stage in self.pipeline.stages)]
        started = {"stages": names, "besides": 1, "parameters": dict(self.options.parameters)}
        self._tell(Event("run-started", None, started))
        first = self._notebook("notebook")
        copy = self._copy("pipeline")
        parts = self._pipeline(copy)
        one, other = Side.of(first, self.place / "notebook"), Side.of(parts, self.place / "pipeline")
        seen = shown.of_notebook(first, self.whole, one.home)
        parts_seen = shown.of_pipeline(parts, self.pipeline, other.home, self.whole)
        values = Values(self.pipeline, copy, self.options, self.whole)
        compared = values.compare(one, other)
        compared.states = list(values.states(one, other))
        count, unlike = shown.compare(seen, parts_seen, self.whole.cells)
        findings = self.findings
        findings.failed(parts)
        findings.values(compared)
        findings.displays(count, unlike, seen, parts_seen)
        if findings.suspects():
            self._tell(Event("note", None, {"message": "a difference: the notebook runs a second time"}))
            self._second(values, one, seen, compared, unlike)
        findings.leave_out(seen, parts_seen)
        self._tell(Event("run-finished", None, {}))
        return findings.verification(first.seconds, parts.seconds)

    def reused(self) -> Verification:
        """Run the pipeline, and compare what it shows with what the notebook's file shows."""
        saved = shown.of_file(self.whole, self.project)
        if not any(saved.outputs.values()):
            text = f"{self.pipeline.notebook} has no saved outputs to compare with"
            raise UsageError("NB929", text, "run all cells and save, or verify without --reuse")
        parts = self._pipeline(self._copy("pipeline"), whole_run=True)
        parts_seen = shown.of_pipeline(parts, self.pipeline, self.place / "pipeline", self.whole)
        count, unlike = shown.compare(saved, parts_seen, self.whole.cells)
        self.findings.failed(parts)
        self.findings.displays(count, unlike, saved, parts_seen, reused=True)
        self.findings.leave_out(saved, parts_seen, reused=True)
        return dataclasses.replace(self.findings.verification(0.0, parts.seconds), reused=True)

    def _second(
        self, values: Values, one: Side, seen: shown.Shown, compared: Compared, unlike: Sequence[shown.Unlike]
    ) -> None:
        again = self._notebook("again")
        two = Side.of(again, self.place / "again")
        names = values.again(one, two, compared.found)
        self.findings.drop_states(values.states_again(one, two, compared.states))
        seen_again = shown.of_notebook(again, self.whole, self.place / "again")
        _, moving = shown.compare(seen, seen_again, [item.key for item in unlike])
        self.findings.chance(names, {item.key for item in moving}, seen, seen_again)

    def _notebook(self, side: str) -> Run:
        """Run the notebook top to bottom in one process; as one line of progress."""
        self._tell(Event("stage-started", NOTEBOOK, {"reason": "top to bottom in one process"}))
        try:
            run = whole.run(self.whole, self.pipeline, self._copy(side), self.options)
        except StageFailed as error:
            if error.code == INTERRUPTED:
                raise KeyboardInterrupt from None
            words = re.sub(r"stage notebook-\d+", "its process", error.message)
            error.message = f"the notebook itself, run top to bottom, fails: {words}"
            error.hint = "restart the kernel and run all cells to see it"  # the executed notebook is gone by then
            raise
        data = {"status": "succeeded", "seconds": run.seconds, "reason": "", "metrics": {}, "outputs": ()}
        self._tell(Event("stage-finished", NOTEBOOK, data))
        return run

    def _pipeline(self, copy: Project, *, whole_run: bool = False) -> Run:
        """Run the pipeline. A cell that fails is a difference; what else stops it is raised."""
        listeners = [self._tell if whole_run else self._forward]
        run_done = whole.drive(self.pipeline, copy, self.options, whole.Apart(self.pipeline), listeners)
        error = run_done.error
        if run_done.status is not RunStatus.SUCCEEDED and error is not None:
            if error.code == INTERRUPTED:
                raise KeyboardInterrupt
            if not isinstance(error, StageFailed):
                raise error
        return run_done

    def _forward(self, event: Event) -> None:
        if event.kind not in ("run-started", "run-finished"):
            self._tell(event)

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def _copy(self, side: str) -> Project:
        """Return a fresh copy of the project, at the same path for each side: paths in values shall be equal."""
        target = self.place / "copy"
        if target.exists():
            shutil.rmtree(target)
        source = self.project.root
        if _size(source) > MOST_BYTES:
            source = self.project.notebook(self.pipeline.notebook).parent
        inside = target / source.relative_to(self.project.root)
        shutil.copytree(source, inside, symlinks=True, ignore=_left_behind)
        (self.place / side).mkdir()
        return Project(target, self.place / side, self.project.settings)


def _size(folder: Path) -> int:
    return sum(_files(folder))


def _files(folder: Path) -> Iterator[int]:
    """Yield the sizes of the files below a folder; what vanishes meanwhile counts nothing."""
    for path in folder.iterdir():
        if path.name in LEFT_BEHIND or path.is_symlink():
            continue
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir():
                yield from _files(path)
            else:
                yield path.lstat().st_size


def _left_behind(folder: str, names: list[str]) -> set[str]:
    """Return what is not copied: what belongs to tools, and what is no file (sockets, pipes)."""
    known = set(shutil.ignore_patterns(*LEFT_BEHIND)(folder, names))
    odd = (
        path for path in map(Path(folder).joinpath, names) if path.exists() and not (path.is_file() or path.is_dir())
    )
    return known | {path.name for path in odd}
