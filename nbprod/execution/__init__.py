"""Pipeline → plan → run: fingerprints, jobs, engines, verify."""

from __future__ import annotations

import contextlib
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import ExecutionError, UsageError
from nbprod.execution.kernels import Interpreter, interpreter
from nbprod.execution.overrides import parameters
from nbprod.execution.planning import plan, why
from nbprod.store import Ledger, to_record, with_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.notebook import Notebook
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.protocols import StageTracking
    from nbprod.core.run import Listener, Run, RunOptions
    from nbprod.core.sweep import Sweep
    from nbprod.core.verification import Verification
    from nbprod.execution.sweeping.searches import Search
    from nbprod.execution.sweeping.trials import RunTrial, Sweeping

__all__ = [
    "Interpreter",
    "compare",
    "effects_refused",
    "estimate",
    "extract",
    "interpreter",
    "not_confirmed",
    "parameters",
    "plan",
    "run",
    "sweep",
    "verify",
    "why",
]


def run(
    pipeline: Pipeline,
    project: Project,
    options: RunOptions,
    listeners: Sequence[Listener] = (),
    tracking: StageTracking | None = None,
    halt: Callable[[], str | None] | None = None,
) -> Run:
    """Run a pipeline and return the run, however it ended: `Run.status` and `Run.error` tell.

    `halt` is asked on the way whether the run shall end now, and why; a run that it ends is `pruned`.

    Raises
    ------
    PlanError, UnavailableError, StoreError
        Before anything ran.
    """
    from nbprod.execution.driver import Driver
    from nbprod.execution.runner import SessionRunner

    with Ledger(project.home) as ledger, _terminable():
        sessions = SessionRunner()
        runner = sessions if options.engine == "nbprod" else _jobs(options.engine, project)
        try:
            done = Driver(pipeline, project, options, ledger, runner).go(listeners, tracking, sessions, halt)
        finally:
            sessions.close()  # other engines leave the model to a session too
    finished = replace(with_values(to_record(done), project), error=done.error)
    if isinstance(finished.error, ExecutionError):
        finished.error.run = finished
    return finished


def extract(pipeline: Pipeline, project: Project, out: Path) -> list[Path]:
    """Write one job notebook a stage below `out`, each runnable by plain papermill; returns the notebooks."""
    from nbprod.execution.extracting import extract as write

    return write(pipeline, project, out)


def sweep(begun: Sweeping, search: Search, pipeline: Pipeline, run: RunTrial) -> Sweep:
    """Make the trials of a sweep; see `nbprod.execution.sweeping`."""
    stages = [stage.name for stage in pipeline.stages]
    # held open: whoever closes it last waits until SQLite's log is in the file
    with Ledger(begun.home), _terminable():
        return begun.go(search, stages, run)


def compare(project: Project, first: Run, second: Run) -> dict[str, Any]:
    """Return two runs side by side; see `nbprod.execution.comparing.compare`."""
    from nbprod.execution.comparing import compare as compared

    return compared(project, first, second)


def verify(
    pipeline: Pipeline,
    project: Project,
    options: RunOptions,
    listeners: Sequence[Listener] = (),
    *,
    reuse: bool = False,
) -> Verification:
    """Run the notebook top to bottom and the pipeline, each from scratch in a copy of the folder, and compare.

    With `reuse` the notebook is not run: the outputs saved in its file are taken.
    """
    from nbprod.execution.verifying import verify as compare

    with _terminable():
        return compare(pipeline, project, options, listeners, reuse=reuse)


def estimate(pipeline: Pipeline, project: Project, found: Sequence[Notebook], *, reuse: bool = False) -> float | None:
    """Return the seconds a verification may take, from earlier runs or the times in the files; None when unknown."""
    from nbprod.execution.verifying.estimate import estimate as guess

    return guess(pipeline, project, found, reuse=reuse)


def effects_refused(pipeline: Pipeline, effects: Sequence[str]) -> UsageError:
    """Return the error for a notebook that changes what is elsewhere."""
    listed = "\n  ".join(effects)
    text = f"{pipeline.notebook} changes what is outside its folder, and verify would do it again:\n  {listed}"
    return UsageError("NB918", text, "nothing was run; --allow-effects runs it all the same")


def not_confirmed(seconds: float) -> UsageError:
    """Return the error for a long verification that nobody agreed to."""
    minutes = f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"
    return UsageError("NB919", f"verify would take {minutes}", "nothing was run; --yes runs it, --reuse half of it")


def _jobs(engine: str, project: Project) -> Any:
    from nbprod.execution.jobrunner import JobRunner

    return JobRunner(engine, project)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, so that nothing is left half-done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
