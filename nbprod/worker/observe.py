"""What a stage is seen to depend on, and to leave behind: files, programs, network, variables, modules.

Python's audit events tell it. A hook cannot be taken out again, so there is one for the process; it looks at the
observer of the stage that is being run, if any.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import asked, environment, modules, origins, readers
from .files import Files, absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from .formats import Observed, StageSpec

LISTERS = frozenset({"importlib", "pkgutil", "pkg_resources", "zipimport", "matplotlib", "IPython", "setuptools"})
SOURCE_READERS = frozenset({"importlib", "linecache", "tokenize", "zipimport", "pkgutil", "_frozen_importlib_external"})

CURIOUS = ("platform", "uuid", "ctypes", "sysconfig", "locale", "getpass", "webbrowser")
"""Parts of the standard library that ask small programs about the machine."""


class Observer:
    """Watches one stage between `start` and `stop`, which may be called several times.

    Parameters
    ----------
    spec
        The stage.
    """

    def __init__(self, spec: StageSpec) -> None:
        self._home = Path(spec["buffers"]).parent
        self.files = Files(_project(spec), str(self._home), os.path.abspath(spec["cwd"]), spec["run"])  # noqa: PTH100 - links are part of the name
        self._environment: dict[str, str | None] = {}
        self._volatile: dict[str, None] = {}

    def start(self) -> None:
        """Watch what happens from now on."""
        _install()
        readers.install(self)
        environment.watch(self._read_variable)
        asked.watch(self.files)
        _state.observer = self

    def stop(self) -> None:
        """Watch no more."""
        _state.observer = None
        environment.unwatch()
        asked.unwatch()
        readers.uninstall()

    def volatile(self, reason: str) -> None:
        """Take note that no fingerprint can see all that the stage depends on."""
        self._volatile[reason] = None

    def result(self, earlier: Mapping[str, str | None], unused: Collection[str] = ()) -> Observed:
        """Return what was seen.

        Parameters
        ----------
        earlier
            The files that stages before this one wrote in this process.
        unused
            Top-level modules that were imported ahead for other stages.
        """
        self.files.rewritten(earlier)
        read, written = self.files.results()
        for path in self.files.disturbed:
            self.volatile(f"file {path} changed while the stage ran")
        for path in self.files.contended:
            self.volatile(f"file {path} was written by another stage, too")
        return {
            "files_read": read,
            "files_written": written,
            "environment": dict(sorted(self._environment.items())),
            "modules": self.files.portable({**modules.local()}),
            "distributions": modules.distributions(self._home / "cache", unused),
            "volatile": list(self._volatile),
        }

    def opened(self, path: object, _mode: object, flags: object) -> None:
        """Event `open`."""
        file = absolute(path)
        if file is None or not isinstance(flags, int) or self.files.uninteresting(file) or origins.through("git"):
            return
        access = flags & (os.O_WRONLY | os.O_RDWR)
        fresh = flags & (os.O_TRUNC | os.O_EXCL)
        if not fresh and (access != os.O_WRONLY or flags & os.O_APPEND) and not _source(file):
            self.files.read(file)
        if access:
            self.files.write(file)

    def listed(self, path: object = None, *_more: object) -> None:
        """Events `os.listdir` and `os.scandir`."""
        folder = absolute("." if path is None else path)
        if folder is None or self.files.uninteresting(folder):
            return
        if _immediate() not in LISTERS and not origins.through("matplotlib", "mlflow", "git"):
            self.files.listed(folder)

    def changed(self, path: object, *more: object) -> None:
        """Events `os.remove` and `os.mkdir`; what is named relative to an open folder cannot be known."""
        file = absolute(path)
        if file is not None and more[-1:] == (-1,):
            self.files.write(file)

    def renamed(self, source: object, target: object, *_more: object) -> None:
        """Event `os.rename`."""
        for path in (source, target):
            file = absolute(path)
            if file is not None:
                self.files.write(file)

    def connected(self, _socket: object, address: object, *_more: object) -> None:
        """Event `socket.connect`."""
        if origins.through("mlflow"):
            self._mlflow()
        elif isinstance(address, tuple) and len(address) > 1:
            self.volatile(f"network {address[0]}:{address[1]}")
        elif not origins.through("multiprocessing", "joblib", "zmq"):
            self.volatile("a local socket")

    def requested(self, url: object, *_more: object) -> None:
        """Event `urllib.Request`."""
        host = urlsplit(str(url)).hostname
        if host and not origins.through("mlflow"):
            self.volatile(f"network {host}")

    def queried(self, database: object, *_more: object) -> None:
        """Event `sqlite3.connect`."""
        if origins.through("mlflow"):
            self._mlflow()
            return
        if not isinstance(database, str | bytes) or database in {"", b"", ":memory:", b":memory:"}:
            return
        file = absolute(database)
        if file is not None and origins.caller() != "machinery":  # IPython and coverage keep books of their own
            self.volatile(f"database {Path(file).name}")
            self.files.read_now(file)

    def started(self, program: object = None, arguments: object = None, *_more: object) -> None:
        """Event of a program being started; what libraries start to look around is theirs."""
        if origins.caller() != "user" or origins.through(*CURIOUS):
            return
        first = arguments[0] if isinstance(arguments, list | tuple) and arguments else arguments or program
        words = os.fsdecode(first).split() if isinstance(first, str | bytes | os.PathLike) else []
        self.volatile(f"the program {Path(words[0]).name}" if words else "another program")

    def _read_variable(self, name: str, digest: str | None) -> None:
        self._environment.setdefault(name, digest)

    def _mlflow(self) -> None:
        """Let logging pass, it is the run's own record; what somebody registered is an input nobody can see."""
        if any(frame.f_code.co_name in {"load_model", "download_artifacts"} for frame in origins.frames()):
            self.volatile("MLflow's model registry")


class _State(threading.local):
    """Whether this thread is inside the hook already: what the hook does is not observed."""

    busy = False


class _Process:
    """The observer of the stage that is being run."""

    observer: Observer | None = None
    installed = False


_state = _Process()
_thread = _State()

HANDLERS: dict[str, Callable[..., None]] = {
    "open": Observer.opened,
    "os.listdir": Observer.listed,
    "os.scandir": Observer.listed,
    "os.remove": Observer.changed,
    "os.mkdir": Observer.changed,
    "os.rename": Observer.renamed,
    "socket.connect": Observer.connected,
    "urllib.Request": Observer.requested,
    "sqlite3.connect": Observer.queried,
    "subprocess.Popen": Observer.started,
    "os.system": Observer.started,
    "os.posix_spawn": Observer.started,
    "os.forkpty": Observer.started,
}


def _install() -> None:
    if not _state.installed:
        _state.installed = True
        sys.addaudithook(_hook)


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    observer = _state.observer
    if observer is None or name not in HANDLERS or _thread.busy:
        return
    _thread.busy = True
    try:
        HANDLERS[name](observer, *arguments)
    except Exception as error:  # noqa: BLE001 - an error here would forbid the user what we only watch
        observer.volatile(f"what nbprod could not follow ({name}: {type(error).__name__})")
    finally:
        _thread.busy = False


def _immediate() -> str:
    """Return the top-level package of the code that is doing it."""
    for frame in origins.frames():
        return str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return ""


def _source(file: str) -> bool:
    """Say whether Python itself reads a module's text, to run it or to show it."""
    return file.endswith(".py") and _immediate() in SOURCE_READERS


def _project(spec: StageSpec) -> str:
    """Return the project's folder: the notebook's path is relative to it, the stage runs in the notebook's folder."""
    folder = Path(spec["cwd"])
    inner = Path(spec["notebook"]).parent.parts
    if inner and folder.parts[-len(inner) :] == inner:
        folder = Path(*folder.parts[: -len(inner)])
    return os.path.abspath(folder)  # noqa: PTH100 - links are part of the name
