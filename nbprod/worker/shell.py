"""An IPython shell in this process that takes cells one after another and behaves as a kernel does."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import contextvars
import getpass
import itertools
import os
import sys
import tempfile
import time
import traceback
import types
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

import IPython  # noqa: TID253 - imported only where cells are run
from IPython.core import page  # noqa: TID253 - the same
from IPython.core.error import StdinNotImplementedError  # noqa: TID253 - the same
from IPython.core.interactiveshell import InteractiveShell  # noqa: TID253 - the same
from IPython.core.profiledir import ProfileDir  # noqa: TID253 - the same
from traitlets import default
from traitlets.config import Config

from . import afterimport, failure, reports
from .comms import Comms, Kernel
from .compiler import CellCompiler
from .display import Hook, Publisher, Sink
from .magics import KernelMagics

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from .formats import StepSpec


class NoProfile(ProfileDir):
    """Nothing is read from, or left in, the user's own profile: what asks for one is given an empty folder."""

    @default("location")
    def _make_folder(self) -> str:
        self._folder = tempfile.TemporaryDirectory(prefix="nbprod-ipython-", ignore_cleanup_errors=True)
        return self._folder.name


class ZMQInteractiveShell(InteractiveShell):
    """The shell. Its name is that of the kernel's, by which rich, tqdm and others know that they are in a notebook."""

    def __init__(self, **options: Any) -> None:
        self.kernel = Kernel(self)
        self._parent: dict[str, Any] = {"header": {"msg_id": ""}}
        self._depth = 0
        self.shown: list[BaseException] = []
        self.held: tuple[BaseException, list[str]] | None = None
        super().__init__(**options)  # type: ignore[no-untyped-call]  # IPython has types in part

    def get_parent(self) -> dict[str, Any]:
        """Return the message that asked for the running cell."""
        return self._parent

    def set_parent(self, parent: dict[str, Any]) -> None:
        """Take the message that asks for the next cell."""
        self._parent = parent

    def init_profile_dir(self, profile_dir: Any) -> None:  # noqa: ARG002 - IPython's signature
        """Use none of the user's."""
        self.profile_dir = NoProfile()

    def init_virtualenv(self) -> None:
        """Do nothing: the interpreter is the kernel's; a VIRTUAL_ENV of whoever started us has no say."""

    def init_hooks(self) -> None:
        """Have help and the like go to the front end's pager, which nobody looks at."""
        super().init_hooks()  # type: ignore[no-untyped-call]  # IPython has types in part
        self.set_hook("show_in_pager", page.as_hook(lambda *_text, **_options: None), 99)  # type: ignore[no-untyped-call]

    def init_magics(self) -> None:
        """Add those of a kernel."""
        super().init_magics()  # type: ignore[no-untyped-call]  # IPython has types in part
        self.register_magics(KernelMagics)

    def enable_gui(self, gui: Any = None) -> None:
        """Nothing to do: figures are shown inline."""

    def ask_exit(self) -> NoReturn:
        """`exit()` and `quit()`."""
        raise SystemExit

    def _tee(self, channel: str) -> Any:  # noqa: ARG002 - IPython's signature
        """Keep no copy of what is printed, as a kernel does not."""
        return contextlib.nullcontext()

    def run_cell(self, *given: Any, **options: Any) -> Any:
        """Run a cell, or what a cell or a magic runs as one."""
        outer = getattr(self.displayhook, "exec_result", None)
        self._depth += 1
        try:
            return super().run_cell(*given, **options)  # type: ignore[no-untyped-call]  # as above
        finally:
            self._depth -= 1
            if self._depth:
                self.displayhook.exec_result = outer

    def showtraceback(
        self,
        exc_tuple: Any = None,
        filename: str | None = None,
        tb_offset: int | None = None,  # noqa: ARG002 - IPython's signature; the frames it counts are gone
        exception_only: bool = False,
        running_compiled_code: bool = False,
    ) -> None:
        """Show an error without IPython's frames."""
        kind, error, _ = self._get_exc_info(exc_tuple)  # type: ignore[no-untyped-call]  # IPython has types in part
        failure.trim(error)
        if isinstance(error, BaseExceptionGroup):
            self._showtraceback(kind, error, traceback.format_exception(error))
            return
        trimmed = (kind, error, error.__traceback__)
        super().showtraceback(trimmed, filename, 0, exception_only, running_compiled_code)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:  # noqa: ARG002 - IPython's signature
        """Hold what ends the cell, which the driver is told of; show what does not."""
        self._last_traceback = stb
        result = getattr(self.displayhook, "exec_result", None)
        last = self._depth == 1 and (result is None or result.error_in_exec is evalue)
        if last and self.held is None:
            self.held = (evalue, stb)
            return
        self.show(evalue, stb)

    def show(self, error: BaseException, lines: list[str]) -> None:
        """Show an error that does not end the cell; it is one of the cell's all the same unless a widget shows it."""
        publisher: Any = self.display_pub
        sink: Sink = publisher.sink
        if sink.widget is None:
            self.shown.append(error)
        sink.output(failure.output(error, lines))

    def safe_execfile(self, fname: Any, *where: Any, **options: Any) -> None:
        """`%run`: what the script raises is shown, and its cell goes on."""
        before = len(self.shown)
        super().safe_execfile(fname, *where, **options)  # type: ignore[no-untyped-call]  # IPython has types in part
        del self.shown[before:]


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
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self.shell: Any = prepare()
        self.shell.displayhook.sink = self.shell.display_pub.sink = sink
        self.shell.loop_runner = self._run_async
        self.namespace: dict[str, Any] = self.shell.user_module.__dict__
        self._comms = Comms(sink, self.shell)
        reports.connect(sink)
        self._numbers = itertools.count(1)
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
        error, lines = self._error(result, step)
        shown = error in self.shell.shown
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
        self.shell.set_parent({"header": {"msg_id": f"cell-{next(self._numbers)}", "msg_type": "execute_request"}})
        self._comms.begin()
        asyncio._set_running_loop(self._loop)
        try:
            return self.shell.run_cell(step["source"], store_history=step["kind"] != "replay")
        finally:
            asyncio._set_running_loop(None)
            _flush()
            self._loop.call_soon(self._loop.stop)
            self._loop.run_forever()  # one turn: tasks that the cell began get going
            self._comms.settle()

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


def prepare() -> Any:
    """Return the shell, made now if it has not been: libraries ask as they are imported whether they are in a notebook.

    It can be made before a process is forked, and needs a sink before it runs a cell.
    """
    if ZMQInteractiveShell.initialized():
        return ZMQInteractiveShell.instance()
    main = types.ModuleType("__main__", "Automatically created module for IPython interactive environment")
    sys.modules["__main__"] = main
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor" if IPython.version_info[0] >= 9 else "NoColor"
    config.IPKernelApp.nbprod = True  # its section tells tqdm and others that they are in a notebook
    # A cell that exits is reported as such; IPython's advice how to leave a terminal is out of place.
    warnings.filterwarnings("ignore", message="To exit: use 'exit'")
    shell: Any = ZMQInteractiveShell.instance(
        config=config,
        user_module=main,
        displayhook_class=Hook,
        display_pub_class=Publisher,
        compiler_class=CellCompiler,
    )
    # Libraries ask for it as they are imported; what a stage loads imports some outside of any cell.
    builtins.get_ipython = shell.get_ipython  # type: ignore[attr-defined]  # not Python's own
    _stand_for_ipykernel()
    return shell


def _stand_for_ipykernel() -> None:
    """Let those that look for the module of a kernel's shell, as tqdm does, find ours; the real one if it is loaded."""
    name = "ipykernel.zmqshell"
    module: Any = types.ModuleType(name)
    module.ZMQInteractiveShell = ZMQInteractiveShell
    if sys.modules.setdefault(name, module) is module:
        afterimport.call("ipykernel", lambda _: sys.modules.pop(name))


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
