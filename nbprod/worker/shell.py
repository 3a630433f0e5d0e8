"""An IPython shell in this process that takes cells one after another and behaves as a kernel does."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import contextvars
import getpass
import os
import sys
import tempfile
import time
import traceback
import types
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

import IPython  # noqa: TID253 - imported only where cells are run
from IPython.core.error import StdinNotImplementedError  # noqa: TID253 - the same
from IPython.core.interactiveshell import InteractiveShell  # noqa: TID253 - the same
from IPython.core.profiledir import ProfileDir  # noqa: TID253 - the same
from traitlets.config import Config

from . import failure
from .compiler import CellCompiler
from .display import Hook, Publisher, Sink

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from typing import TypeGuard

    from .formats import StepSpec


class ZMQInteractiveShell(InteractiveShell):
    """The shell. Its name is that of the kernel's, by which rich, tqdm and others know that they are in a notebook."""

    kernel = None  # pandas takes a shell without one for a terminal, and cuts tables to its width

    def init_profile_dir(self, profile_dir: Any) -> None:  # noqa: ARG002 - IPython's signature
        """Use a folder that vanishes with the process: nothing is read from, or left in, the user's own."""
        self._folder = tempfile.TemporaryDirectory(prefix="nbprod-ipython-", ignore_cleanup_errors=True)
        self.profile_dir = ProfileDir(location=self._folder.name)

    def init_virtualenv(self) -> None:
        """Do nothing: the interpreter is the kernel's; a VIRTUAL_ENV of whoever started us has no say."""

    def enable_gui(self, gui: Any = None) -> None:
        """Nothing to do: figures are shown inline."""

    def ask_exit(self) -> NoReturn:
        """`exit()` and `quit()`."""
        raise SystemExit

    def showtraceback(
        self,
        exc_tuple: Any = None,
        filename: str | None = None,
        tb_offset: int | None = None,  # noqa: ARG002 - IPython's signature; the frames it counts are gone
        exception_only: bool = False,
        running_compiled_code: bool = False,
    ) -> None:
        """Keep the traceback of an error without IPython's frames; see `Cells.execute`."""
        kind, error, _ = self._get_exc_info(exc_tuple)  # type: ignore[no-untyped-call]  # IPython has types in part
        failure.trim(error)
        if isinstance(error, BaseExceptionGroup):
            self._showtraceback(kind, error, traceback.format_exception(error))
            return
        trimmed = (kind, error, error.__traceback__)
        super().showtraceback(trimmed, filename, 0, exception_only, running_compiled_code)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:  # noqa: ARG002 - IPython's signature
        self._last_traceback = stb
        self.shown.append((evalue, stb))

    def safe_execfile(self, fname: Any, *where: Any, **options: Any) -> None:
        """`%run`: show at once what the script raises; its cell goes on."""
        before = len(self.shown)
        super().safe_execfile(fname, *where, **options)  # type: ignore[no-untyped-call]  # IPython has types in part
        publisher: Any = self.display_pub
        for error, lines in self.shown[before:]:
            _flush()
            publisher.sink.output(failure.output(error, lines))
        del self.shown[before:]

    shown: list[tuple[BaseException, list[str]]]


class Cells:
    """Executes steps in one namespace, the dict of a module named `__main__`.

    Parameters
    ----------
    sink
        Where outputs go.
    """

    def __init__(self, sink: Sink) -> None:
        main = types.ModuleType("__main__", "Automatically created module for IPython interactive environment")
        sys.modules["__main__"] = main
        self._sink = sink
        self._ended: set[tuple[str, int]] = set()
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self.shell: Any = _shell(main, sink)
        self.shell.loop_runner = self._run_async
        self.namespace: dict[str, Any] = main.__dict__
        _refuse_input()

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
        error = result.error_before_exec or result.error_in_exec
        if error is None and self.shell.shown and not step["source"].lstrip().startswith("%%capture"):
            error = self.shell.shown[-1][0]  # %%time of older IPython shows an error and goes on
        shown = self._show_others(error)
        if step.get("tolerant") and _may_pass(error, script):
            if not isinstance(error, SystemExit) or error.code:
                self._sink.output(failure.output(error, shown))
            error = None
            self._ended |= {script} if script else set()
        count = result.execution_count if step["kind"] != "replay" else None
        finished = {"event": "cell-finished", "index": index, "execution_count": count}
        self._sink.event({**finished, "seconds": time.perf_counter() - started})
        if error is None:
            return None
        place = {"index": index, "cell": step["cell"], "cell_id": step["cell_id"]}
        line = failure.line_in(error, name, step)
        return {"event": "failed", **place, "line": line, **failure.describe(error, shown)}

    def _run(self, step: StepSpec) -> Any:
        """Run the source as if a kernel's event loop were running, which cells may rely on."""
        self.shell.shown = []
        asyncio._set_running_loop(self._loop)
        try:
            return self.shell.run_cell(step["source"], store_history=step["kind"] != "replay")
        finally:
            asyncio._set_running_loop(None)
            _flush()
            self._loop.call_soon(self._loop.stop)
            self._loop.run_forever()  # one turn: tasks that the cell began get going

    def _run_async(self, cell: Coroutine[Any, Any, Any]) -> Any:
        """Run a cell that awaits; variables of context it sets stay set."""
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        context = contextvars.copy_context()
        task = self._loop.create_task(cell, context=context)
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            self._loop.run_until_complete(asyncio.wait([task]))
            raise
        finally:
            for variable, value in context.items():
                variable.set(value)
            asyncio._set_running_loop(running)

    def _show_others(self, error: BaseException | None) -> list[str]:
        """Send tracebacks that did not end the cell; return the one that did."""
        own: list[str] = []
        for other, lines in self.shell.shown:
            if other is error:
                own = lines
            else:
                described = {"ename": type(other).__name__, "evalue": str(other), "traceback": lines}
                self._sink.output({"output_type": "error", **described})
        return own


def _may_pass(error: BaseException | None, script: tuple[str, int] | None) -> TypeGuard[BaseException]:
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


def _shell(main: types.ModuleType, sink: Sink) -> Any:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor" if IPython.version_info[0] >= 9 else "NoColor"
    # A cell that exits is reported as such; IPython's advice how to leave a terminal is out of place.
    warnings.filterwarnings("ignore", message="To exit: use 'exit'")
    shell: Any = ZMQInteractiveShell.instance(
        config=config,
        user_module=main,
        displayhook_class=Hook,
        display_pub_class=Publisher,
        compiler_class=CellCompiler,
    )
    shell.displayhook.sink = sink
    shell.display_pub.sink = sink
    shell.shown = []
    # Libraries ask for it as they are imported; what a stage loads imports some outside of any cell.
    builtins.get_ipython = shell.get_ipython  # type: ignore[attr-defined]  # not Python's own
    return shell


def _refuse_input() -> None:
    def refuse(prompt: object = "", *_more: object, **_options: object) -> NoReturn:
        asked = f"input({str(prompt)!r})" if prompt else "input()"
        raise StdinNotImplementedError(
            f"{asked} was called, but nobody is there to answer when the pipeline runs; make the value a parameter"
        )

    builtins.input = refuse
    getpass.getpass = refuse


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
