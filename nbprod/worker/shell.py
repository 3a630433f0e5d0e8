"""An IPython shell in this process that behaves as that of a kernel does."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import sys
import tempfile
import traceback
import types
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

import IPython  # noqa: TID253 - imported only where cells are run
from IPython.core import page  # noqa: TID253 - the same
from IPython.core.interactiveshell import InteractiveShell  # noqa: TID253 - the same
from IPython.core.profiledir import ProfileDir  # noqa: TID253 - the same
from traitlets import default
from traitlets.config import Config

from . import afterimport, failure
from .comms import Kernel
from .compiler import CellCompiler
from .display import Hook, Publisher
from .magics import KernelMagics

if TYPE_CHECKING:
    from .display import Sink


class NoProfile(ProfileDir):
    """Nothing is read from, or left in, the user's own profile: what asks for one is given an empty folder."""

    @default("location")
    def _make_folder(self) -> str:
        self._folder = tempfile.TemporaryDirectory(prefix="nbprod-ipython-", ignore_cleanup_errors=True)
        return self._folder.name


class ZMQInteractiveShell(InteractiveShell):
    """The shell. Its name is that of the kernel's, by which rich, tqdm and others know that they are in a notebook."""

    sink: Sink

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
        if self.sink.widget is None:
            self.shown.append(error)
        self.sink.output(failure.output(error, lines))

    def safe_execfile(self, fname: Any, *where: Any, **options: Any) -> None:
        """`%run`: what the script raises is shown, and its cell goes on."""
        before = len(self.shown)
        super().safe_execfile(fname, *where, **options)  # type: ignore[no-untyped-call]  # IPython has types in part
        del self.shown[before:]


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
    config.HistoryManager.hist_file = ":memory:"  # or it asks for the profile
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
    """Let those that look for the module of a kernel's shell, as tqdm does, find ours; the real one if it is wanted."""
    name = "ipykernel.zmqshell"
    module: Any = types.ModuleType(name)

    def load(_package: Any = None) -> Any:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return importlib.import_module(name)

    def find(attribute: str) -> Any:
        if attribute in ("ZMQDisplayPublisher", "KernelMagics"):
            return getattr(load(), attribute)
        raise AttributeError(attribute)

    module.ZMQInteractiveShell, module.__getattr__ = ZMQInteractiveShell, find
    if sys.modules.setdefault(name, module) is module:
        afterimport.call("ipykernel", load)
