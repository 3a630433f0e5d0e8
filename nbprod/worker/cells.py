"""Cells, run one after another in one namespace as a kernel runs them."""

from __future__ import annotations

import builtins
import contextlib
import functools
import getpass
import itertools
import os
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import StdinNotImplementedError  # noqa: TID253 - imported only where cells are run

from . import failure, naming, reports
from .awaiting import Runner
from .comms import Comms
from .shell import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .display import Sink
    from .formats import StepSpec


class Cells:
    """Executes steps in one namespace, the dict of a module named `__main__`.

    Parameters
    ----------
    sink
        Where outputs go.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ended: set[tuple[str, int]] = set()
        self.shell: Any = prepare()
        self.shell.sink = self.shell.displayhook.sink = self.shell.display_pub.sink = sink
        self._runner = Runner()
        self.shell.loop_runner = self._runner
        self.shell.loop_runner_map = {**self.shell.loop_runner_map, "asyncio": (self._runner, True)}
        self.namespace: dict[str, Any] = self.shell.user_module.__dict__
        self._comms = Comms(sink, self.shell)
        reports.connect(sink)
        self._numbers = itertools.count(1)
        self._first = {name: value for name, value in self.namespace.items() if naming.hidden(name)}
        self._hidden = dict(self.shell.user_ns_hidden)
        _refuse_input()

    def forget(self) -> None:
        """Begin to count and to remember anew, as the shell of a new process does."""
        for name in [name for name in self.namespace if naming.hidden(name) and name not in self._first]:
            del self.namespace[name]
        self.namespace.update(self._first)
        self.shell.user_ns_hidden.clear()
        self.shell.user_ns_hidden.update(self._hidden)
        history = self.shell.history_manager
        for kept in (history.output_hist, history.outputs, history.exceptions):
            kept.clear()
        for texts in (history.input_hist_parsed, history.input_hist_raw):
            texts[:] = [""]
        self.shell.displayhook.__dict__.update({"_": "", "__": "", "___": ""})
        self.shell.execution_count = 1
        self._ended.clear()

    def end(self) -> None:
        """Let go of what only a running kernel has."""
        self._runner.close()

    def execute(self, index: int, notebook: str, step: StepSpec) -> dict[str, Any] | None:
        """Run one step; returns None, or the `failed` event of the cell."""
        self._sink.index = index
        self._sink.event({"event": "cell-started", "index": index})
        started = time.perf_counter()
        file = step.get("notebook") or notebook
        name = self.shell.compile.enter(file, step["cell"], step["source"], step["first_line"])
        script = (file, step.get("order", 0)) if step.get("argv") else None
        try:
            with _as_run(step.get("argv", [])):
                result = self._run({**step, "source": ""} if script in self._ended else step)
        finally:
            self.shell.compile.leave()
        error, lines = self._error(result, step)
        shown = any(each is error for each in self.shell.shown)
        if error is not None and step.get("tolerant") and _may_pass(error, script):
            if not shown and (not isinstance(error, SystemExit) or error.code):
                self._sink.output(failure.output(error, lines))
            error = None
            self._ended |= {script} if script else set()
        count = result.execution_count if step["kind"] != "replay" else None
        finished = {"event": "cell-finished", "index": index, "execution_count": count}
        self._sink.event({**finished, "seconds": time.perf_counter() - started})
        if error is None:
            return None
        place = {"index": index, "cell": step["cell"], "cell_id": step["cell_id"], "shown": shown}
        line = failure.line_in(error, name, step)
        return {"event": "failed", **place, "line": line, **failure.describe(error, lines)}

    def _error(self, result: Any, step: StepSpec) -> tuple[BaseException | None, list[str]]:
        """Return the error that ended the cell, or that it showed: a cell that shows one has failed."""
        error = result.error_before_exec or result.error_in_exec
        held: tuple[BaseException, list[str]] | None = self.shell.held
        self.shell.held = None
        if held is not None and held[0] is error:
            return held
        if held is not None:
            self.shell.show(*held)
        if error is None and self.shell.shown and not step["source"].lstrip().startswith("%%capture"):
            error = self.shell.shown[-1]  # %%time of older IPython shows an error and goes on
        return error, list(self.shell._last_traceback or ()) if error is not None else []

    def _run(self, step: StepSpec) -> Any:
        """Run the source as if a kernel's event loop were running, which cells may rely on."""
        self.shell.shown.clear()
        self.shell._last_traceback = None
        self.shell.set_parent({"header": {"msg_id": f"cell-{next(self._numbers)}", "msg_type": "execute_request"}})
        self._comms.begin()
        try:
            with self._runner.running():
                return self.shell.run_cell(step["source"], store_history=step["kind"] != "replay")
        finally:
            _flush()
            self._runner.turn()
            self._comms.settle()


def _may_pass(error: BaseException, script: tuple[str, int] | None) -> bool:
    """Whether a step that is allowed to fail failed in a way it is allowed to."""
    return isinstance(error, (Exception, SystemExit) if script else Exception)


@contextlib.contextmanager
def _as_run(argv: list[str]) -> Iterator[None]:
    """Let a step that `%run` brought in find its arguments, and the modules beside its file."""
    if not argv:
        yield
        return
    before, folder = sys.argv, os.path.dirname(os.path.abspath(argv[0]))  # noqa: PTH120, PTH100 - sys.path holds texts
    sys.argv = before if argv[0].endswith(".ipynb") else list(argv)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.argv = before
        if folder in sys.path:
            sys.path.remove(folder)


def _refuse_input() -> None:
    def refuse(name: str, prompt: object = "", *_more: object, **_options: object) -> NoReturn:
        asked = f"{name}({str(prompt)!r})" if prompt else f"{name}()"
        raise StdinNotImplementedError(
            f"{asked} was called, but nobody is there to answer when the pipeline runs; make the value a parameter"
        )

    builtins.input = functools.partial(refuse, "input")
    getpass.getpass = functools.partial(refuse, "getpass")


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
