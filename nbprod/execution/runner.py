"""Runs one stage: in a worker session of ours, or as a job notebook through another engine.

What starts processes and talks to them is imported when a stage is executed: a run that reuses all needs none of it.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nbprod.core.errors import BoundaryError, ExecutionError, NbprodError, StageFailed, Where
from nbprod.core.frozen import dataclass
from nbprod.execution import specs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.execution.executed import Executed
    from nbprod.execution.kernels import Interpreter
    from nbprod.execution.session import Session
    from nbprod.execution.zygotes import Warm
    from nbprod.worker.formats import ModelSpec, StageSpec


@dataclass(frozen=True, slots=True)
class Work:
    """One stage to execute: its spec, where the executed notebook goes, and in which interpreter and environment."""

    stage: Stage
    spec: StageSpec
    executed: Path
    python: Interpreter
    environment: Mapping[str, str]
    pipeline: Pipeline
    zygote: bool = True

    def warm(self) -> Warm | None:
        """Return the zygote to fork the stage from, None when a new process is wanted."""
        if not self.zygote:
            return None
        from nbprod.execution.imports import imported
        from nbprod.execution.zygotes import Warm

        sources = [step.source for stage in specs.every_stage(self.pipeline) for step in stage.steps]
        return Warm(self.python, self.environment, imported(sources))

    def where(self, index: int | None, line: int | None = None) -> Where:
        """Return the place of a step."""
        if index is None or not 0 <= index < len(self.spec["steps"]):
            return Where(self.pipeline.notebook)
        step = self.spec["steps"][index]
        return Where(self.notebook(index), step["cell"], step["cell_id"], line)

    def notebook(self, index: int) -> str:
        """Return the notebook a step comes from."""
        steps = self.stage.steps
        return (steps[index].notebook if index < len(steps) else "") or self.pipeline.notebook


class Runner(Protocol):
    """Executes stages one after another."""

    def joins(self, name: str) -> bool:
        """Say whether stages may share a process because of `name`, which cannot be stored."""

    def needs(self, stage: Stage, name: str) -> bool:
        """Say whether a stage cannot do without `name`, which is in another process, or may share things with it."""

    def execute(self, work: Work, hear: Callable[[Mapping[str, Any]], None]) -> None:
        """Execute one stage until its manifest is written; raises `ExecutionError` or `BoundaryError`."""

    def settle(self, *, keep: bool) -> None:
        """Let go of the process of the last stage, or keep it for stages that need what lives there alone."""

    def alive(self) -> frozenset[str]:
        """Return the stages whose process still lives."""

    def dismiss(self) -> None:
        """Ask all processes to end; `close` waits for them."""

    def close(self, *, at_once: bool = False) -> None:
        """End all processes."""


class SessionRunner:
    """Stages in worker sessions: each in a process of its own, or several in one that holds an unstorable value.

    A stage that reads what the stage before it left goes on in that one's process: it need not be loaded again. It
    sees what it would see in a process of its own.
    """

    fuses = True
    """Whether stages may go on in the process of the stage before them."""

    def __init__(self) -> None:
        self._last: Session | None = None
        self._held: Session | None = None
        self._idle: Session | None = None
        self._leaving: list[Session] = []

    def joins(self, name: str) -> bool:  # noqa: ARG002 - whatever it is
        """Return True."""
        return True

    def needs(self, stage: Stage, name: str) -> bool:  # noqa: ARG002 - to be on the safe side
        """Return True."""
        return True

    def execute(self, work: Work, hear: Callable[[Mapping[str, Any]], None]) -> None:
        """Execute one stage, in the kept process if there is one."""
        from nbprod.execution.executed import Executed

        session = self._take(work)
        spec, metadata = work.spec, work.pipeline.metadata
        executed = Executed(work.stage.name, spec["steps"], spec["parameters"], metadata, work.executed)
        try:
            self._follow(session, work, executed, hear)
        except BaseException:
            self.close(at_once=True)
            raise
        finally:
            # a full disk is told by what the stage itself met, not by the notebook that could not be kept
            with contextlib.suppress(NbprodError):
                executed.write(work.executed)
        session.stages.append(work.stage.name)

    def model(self, spec: ModelSpec, work: Work) -> str:
        """Write a model directory in a fresh process and return its path."""
        from nbprod.execution.session import ProcessDiedError, death

        session = self._followed(work) or _session(work)
        try:
            for event in session.run({"op": "model", "spec": spec}):
                if event["event"] == "model-finished":
                    return str(event["path"])
                if event["event"] in ("failed", "fatal"):
                    raise _failure(event, work)
        except ProcessDiedError as error:
            raise StageFailed("NB503", *death(error, "the model step", session.last_words())) from error
        finally:
            self._leave(session)
        raise ExecutionError("NB599", "the worker ended without writing the model")

    def settle(self, *, keep: bool) -> None:
        """End the process of the last stage unless it is kept; at most one is."""
        last, held = self._last, self._held
        self._last = None
        if keep and held is None:
            self._held = last
            return
        if last is not None and last is not held:
            if self._idle is not None:
                self._leave(self._idle)
            self._idle = last
        if not keep and held is not None:
            self._leave(held)
            self._held = None

    def signal(self, number: int) -> None:
        """Send a signal to the process of the stage that is being executed, from another thread."""
        session = self._last
        if session is not None:
            session.signal(number)

    def alive(self) -> frozenset[str]:
        """Return the stages whose process still lives."""
        return frozenset(self._held.stages) if self._held else frozenset()

    def dismiss(self) -> None:
        """Ask all processes to end; `close` waits for them."""
        for session in self._living():
            self._leave(session)

    def close(self, *, at_once: bool = False) -> None:
        """End all processes."""
        if at_once:
            for session in self._living():
                session.kill()
        self.dismiss()
        for session in self._leaving:
            session.close()
        self._leaving.clear()

    def _living(self) -> set[Session]:
        """Give up the processes that nobody has asked to end."""
        living = {session for session in (self._last, self._held, self._idle) if session is not None}
        self._last = self._held = self._idle = None
        return living

    def _take(self, work: Work) -> Session:
        held = self._held
        if held is not None and held.python == work.python.python:
            self._last = held
        else:
            self._last = self._followed(work) or _session(work)
        return self._last

    def _followed(self, work: Work) -> Session | None:
        """Return the process of the stage before, if this one reads what was left there; else let it go."""
        idle, self._idle = self._idle, None
        if idle is None:
            return None
        read = {entry["stage"] for entry in work.spec["inputs"]}
        if self.fuses and idle.python == work.python.python and read & set(idle.stages):
            return idle
        self._leave(idle)
        return None

    def _leave(self, session: Session) -> None:
        """Ask a process to end; it is waited for when the run is over."""
        session.dismiss()
        self._leaving.append(session)

    def _follow(
        self, session: Session, work: Work, executed: Executed, hear: Callable[[Mapping[str, Any]], None]
    ) -> None:
        from nbprod.execution.session import ProcessDiedError, TimedOutError, death

        timeout = work.stage.options.timeout
        try:
            for event in session.run({"op": "stage", "spec": work.spec}, timeout):
                executed.take(event)
                hear(event)
                if event["event"] in ("failed", "fatal"):
                    raise _failure(event, work)
        except ProcessDiedError as error:
            message, hint = death(error, f"stage {work.stage.name}", "" if session.ready else session.last_words())
            where = work.where(executed.running())
            executed.died(message)
            raise StageFailed("NB503", message, hint, where) from error
        except TimedOutError as error:
            message = f"stage {work.stage.name} took longer than its timeout of {timeout:g} s"
            where = work.where(executed.running())
            executed.died(message)
            raise StageFailed("NB505", message, "give it more time: timeout, or less to do", where) from error
        except KeyboardInterrupt:
            executed.died("interrupted")
            session.interrupt()
            raise


def _session(work: Work) -> Session:
    from nbprod.execution.session import Session

    return Session(work.python.python, work.environment, Path(work.spec["cwd"]), work.warm())


def _failure(event: Mapping[str, Any], work: Work) -> Exception:
    if event["event"] == "fatal":
        from nbprod.execution.session import fatal

        return fatal(event)
    where = work.where(event.get("index"), event.get("line"))
    kind = event["kind"]
    if kind == "interrupted":
        return StageFailed("NB506", f"stage {work.stage.name} was interrupted", None, where)
    if kind == "boundary":
        return BoundaryError(event["code"], str(event["evalue"]), event["hint"], where)
    code = "NB502" if kind == "exit" else "NB501"
    text = str(event["evalue"]) if kind == "exit" else f"{event['ename']}: {event['evalue']}".rstrip(": ")
    error = StageFailed(code, text, f"executed notebook: {work.executed}", where)
    error.traceback = tuple(event["traceback"])
    return error


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest a stage has just written."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded
