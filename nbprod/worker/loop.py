"""The worker's life: operations come in, stages are run, events go out."""

from __future__ import annotations

import atexit
import importlib.util
import os
import platform
import signal
import sys
from typing import TYPE_CHECKING, Any

from . import byimport, environment, fresh, trouble
from .capture import Capture
from .channel import Channel

if TYPE_CHECKING:
    from .cells import Cells
    from .formats import Comparison, ModelSpec, StageSpec
    from .memory import Memory
    from .stage import Stage

NEEDED = {"IPython": "ipython", "cloudpickle": "cloudpickle"}


def main() -> None:
    """Serve one driver until it says `end` or is gone."""
    channel = Channel.from_environment()
    lacking = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if lacking:
        channel.send(_lacking(lacking))
        return
    channel.catch_interrupts()
    capture = Capture(channel)
    capture.install()
    try:
        worker = Worker(channel, capture)
        channel.send({"event": "ready", "python": platform.python_version(), "pid": os.getpid()})
        worker.serve()
    except Exception as error:  # noqa: BLE001 - the last line of defence: the driver is told, whatever it was
        capture.event(trouble.event(error))
        leave(channel, capture, 3)
    leave(channel, capture, 0)


def leave(channel: Channel, capture: Capture, code: int) -> None:
    """End the process, running what the user's libraries registered, waiting for no thread of theirs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    capture.flush()
    channel.close()  # the driver need not wait until the system has taken back all memory
    os._exit(code)


def _lacking(packages: list[str]) -> dict[str, Any]:
    command = f"{sys.executable} -m pip install {' '.join(packages)}"
    message = f"the notebook's Python ({sys.executable}) lacks {' and '.join(packages)}"
    return {"event": "fatal", "code": "NB920", "message": message, "hint": command}


class Worker:
    """Carries out operations, all in one namespace.

    Parameters
    ----------
    channel
        Where operations come from.
    capture
        Where events go, in order with output.
    """

    def __init__(self, channel: Channel, capture: Capture) -> None:
        from . import standin
        from .cells import Cells
        from .memory import Memory

        self._channel = channel
        self._capture = capture
        self._cells: Cells = Cells(capture)
        self._memory: Memory = Memory()
        environment.begin()
        standin.install()
        fresh.install()
        byimport.watch()
        _flush_before_the_end(capture)

    def serve(self) -> None:
        """Carry out operations until there are no more."""
        while True:
            operation = self._channel.receive()
            if operation is None or operation["op"] == "end":
                return
            self._carry_out(operation)

    def _carry_out(self, operation: dict[str, Any]) -> None:
        try:
            self._channel.busy = True
            if operation["op"] == "model":
                self._model(operation["spec"])
            elif operation["op"] == "notebook":
                self._notebook(operation["spec"])
            elif operation["op"] == "compare":
                self._compare(operation["spec"])
            else:
                self._stage(operation["spec"])
        except KeyboardInterrupt:
            self._capture.event({**_nowhere("interrupted"), "ename": "KeyboardInterrupt", "evalue": ""})
        except trouble.Boundary as error:
            told = {"ename": "BoundaryError", "evalue": str(error), "hint": error.hint, "code": error.code}
            self._capture.event({**_nowhere("boundary"), **told})
        finally:
            self._channel.busy = False

    def _stage(self, spec: StageSpec) -> None:
        stage = self._prepared(spec)
        if stage is None:
            return
        failed = stage.run(self._cells.execute)
        if failed is not None:
            stage.abandon()
            self._capture.event(failed)
            return
        seconds = stage.end()
        self._capture.event({"event": "stage-finished", "manifest": spec["manifest"], "seconds": seconds})

    def _prepared(self, spec: StageSpec) -> Stage | None:
        from .stage import Stage

        if spec.get("alone") and self._memory.left:
            self._memory.tidy(self._cells.namespace, spec)
            self._cells.forget()
        stage = Stage(spec, self._cells.namespace, self._memory)
        failed = stage.begin(self._cells.execute)
        if failed is None:
            return stage
        stage.abandon()
        self._capture.event(failed)
        return None

    def _notebook(self, spec: StageSpec) -> None:
        """Run the cells of a notebook that keeps its own books, as a job does."""
        for index, step in enumerate(spec["steps"]):
            failed = self._cells.execute(index, spec["notebook"], step)
            if failed is not None:
                self._capture.event(failed)
                return
        self._capture.event({"event": "stage-finished", "manifest": spec["manifest"], "seconds": 0.0})

    def _compare(self, spec: Comparison) -> None:
        """Tell which values of two runs differ."""
        from .judge import judge

        stage = self._prepared(spec["stage"])
        if stage is None:
            return
        stage.abandon()
        found = judge(spec["left"], spec["right"], spec["names"], self._cells.namespace)
        self._capture.event({"event": "compared", "verdicts": found})

    def _model(self, spec: ModelSpec) -> None:
        from .model import write

        stage = self._prepared(spec["stage"])
        if stage is None:
            return
        failed = stage.run(self._cells.execute)
        stage.abandon()
        if failed is not None:
            self._capture.event(failed)
            return
        self._capture.event({"event": "model-finished", "path": write(spec, self._cells.namespace)})


def _nowhere(kind: str) -> dict[str, Any]:
    place = {"index": None, "cell": None, "cell_id": None, "line": None}
    return {"event": "failed", "kind": kind, **place, "traceback": []}


def _flush_before_the_end(capture: Capture) -> None:
    """Let nothing that was printed be lost when a cell ends the process at once."""
    at_once = os._exit

    def exit_flushed(status: int) -> None:
        capture.flush()
        at_once(status)

    os._exit = exit_flushed  # type: ignore[assignment]  # it does return never; mypy cannot see that here

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        if name in {"os.kill", "os.killpg"} and arguments[0] in {os.getpid(), 0, os.getpgrp()}:
            capture.flush()

    sys.addaudithook(hook)
