"""Zygotes: warm processes that fork workers; found by what they would have to be, started when there is none.

One zygote a key: interpreter, what is installed there, the environment and limits that an import may depend on, and
the modules to import ahead. Where there is no `fork` to rely on, and wherever anything is in the way, `fork` returns
None and the worker is started as a new process.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import worker
from nbprod.core.version import __version__
from nbprod.execution import cgroups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.execution.kernels import Interpreter

FOLDER = Path(worker.__file__).resolve().parent
START_SECONDS = 120.0
ANSWER_SECONDS = 10.0
IDLE_SECONDS = 600
MOST = 4
"""Zygotes a user has at most; the one not used for longest ends when another is started."""
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""What a stage allocates comes in pages of 2 MB where the system has them: a fork begins with none of its own."""
SUPPORTED = sys.platform == "linux"
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|_PWD|_DSN|AUTH", re.IGNORECASE)
PASSING = re.compile(
    r"_|PWD|OLDPWD|SHLVL|TERM.*|COLUMNS|LINES|COLORTERM|LS_COLORS|PS\d|WINDOWID|SSH_.*|GIT_.*|JPY_.*|JUPYTER_.*|KERNEL_.*"
    r"|NBPROD_.*|MLFLOW_.*|PYTEST_.*|VIRTUAL_ENV.*|XDG_SESSION.*|XDG_VTNR|XDG_SEAT|DBUS_.*|DISPLAY|WAYLAND.*"
    r"|INVOCATION_ID|JOURNAL_STREAM|PAGER|EDITOR|VISUAL|HIST.*|PROMPT.*|MAKE.*|MFLAGS|PYDEVD.*|OPENBLAS_NUM_THREADS"
)
"""Variables that differ between a shell, a kernel and a server, and that no library looks at when it is imported."""


@dataclass(frozen=True, slots=True)
class Warm:
    """What a zygote for a stage would have to be: interpreter, environment, modules imported ahead."""

    python: Interpreter
    environment: Mapping[str, str]
    modules: tuple[str, ...]

    @property
    def inherited(self) -> dict[str, str]:
        """The zygote's own environment: without secrets, and without what is only of passing interest."""
        left_out = (SECRET.search, PASSING.fullmatch)
        found = {name: value for name, value in self.environment.items() if not any(no(name) for no in left_out)}
        return {**found, "OPENBLAS_NUM_THREADS": self.environment.get("OPENBLAS_NUM_THREADS", "")}

    @property
    def stamp(self) -> str:
        """What changes when something is installed there, or nbprod itself is another."""
        places = [self.python.python, *map(Path, self.python.sites), *sorted(FOLDER.glob("*.py"))]
        return _digest([__version__, [_changed(path) for path in places]])

    @property
    def key(self) -> str:
        """The name of the zygote."""
        return _digest([str(self.python.python), self.stamp, self.inherited, _limits(), self.modules])


class Forked:
    """A worker forked from a zygote, with what `Session` uses of `subprocess.Popen`.

    Parameters
    ----------
    pid
        The worker's process id.
    connection
        To the zygote, which tells the exit code.
    offenders
        Modules that the zygote did not import ahead, and why.
    """

    def __init__(self, pid: int, connection: socket.socket, offenders: Mapping[str, str]) -> None:
        self.pid = pid
        self.offenders = offenders
        self.returncode: int | None = None
        self._zygote: socket.socket | None = connection
        self._alive = -1  # becomes readable when the process has ended, even if the zygote was killed before
        with suppress(OSError):
            self._alive = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return the exit code if the worker has ended."""
        self._look(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raises `subprocess.TimeoutExpired`."""
        while self.returncode is None:
            if not self._look(timeout):
                raise subprocess.TimeoutExpired("worker", timeout or 0)
        return self.returncode

    def forget(self) -> None:
        """Let the zygote see to the end of the worker."""
        self._ended(0)

    def _look(self, timeout: float | None) -> bool:
        """Take what there is to know, waiting at most `timeout` seconds; returns whether there was anything."""
        if self.returncode is not None:
            return True
        source = self._zygote if self._zygote is not None else self._alive
        if source != -1 and not select.select([source], [], [], timeout)[0]:
            return False
        if self._zygote is None:
            self._ended(-int(signal.SIGKILL))  # what became of it died with the zygote
            return True
        with suppress(OSError, ValueError):
            answer = _line(self._zygote)
            if "ended" in answer:
                self._ended(int(answer["ended"]))
                return True
        self._zygote.close()
        self._zygote = None
        return True

    def _ended(self, code: int) -> None:
        self.returncode = code
        if self._zygote is not None:
            self._zygote.close()
        if self._alive != -1:
            os.close(self._alive)
            self._alive = -1


def fork(warm: Warm, folder: Path, descriptors: Sequence[int], kernel: Sequence[str] | None = None) -> Forked | None:
    """Fork a worker; None when that is impossible here and now.

    Parameters
    ----------
    warm
        What it is to be forked from; started if need be, which takes as long as importing its modules.
    folder
        The notebook's folder, in which it works.
    descriptors
        Control in, control out, early output.
    kernel
        Arguments of an ipykernel to fork instead of a worker.
    """
    if not SUPPORTED or any(not Path(entry).is_absolute() for entry in _python_path(warm) if entry):
        return None
    directory = runtime()
    if directory is None:
        return None
    try:
        connection = _connect(directory / f"{warm.key}.sock") or _started(directory, warm)
    except OSError:  # a full disk, too many files: a new process may start all the same
        return None
    if connection is None:
        return None
    request = {"environment": dict(warm.environment), "folder": str(folder), "driver": os.getpid(), "kernel": kernel}
    return _asked(connection, request, descriptors)


def runtime() -> Path | None:
    """Return the folder of this user's zygotes, which nobody else can enter; None when there cannot be one."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base, "nbprod") if base and Path(base).is_dir() else Path(_temporary(), f"nbprod-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077
    return folder if mine and len(str(folder)) < 70 else None


def processes() -> list[dict[str, Any]]:
    """Return the zygotes of this user, as `nbprod ps` shows them."""
    return [
        {name: about.get(name) for name in ("pid", "since", "python", "offenders")} | {"kind": "zygote"}
        for about in _known()
        if _alive(about)
    ]


def _known() -> list[dict[str, Any]]:
    directory = runtime() if SUPPORTED else None
    found = [{**_about(file), "file": str(file)} for file in sorted(directory.glob("*.json"))] if directory else []
    return [about for about in found if "pid" in about]


def _about(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _alive(about: Mapping[str, Any]) -> bool:
    """Whether a zygote's process is there, and no other has its number by now."""
    try:
        words = Path(f"/proc/{about['pid']}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"zygote" in words


def _connect(address: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(str(address))
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        connection.close()
        return None
    if struct.unpack("3i", credentials)[1] == os.getuid():
        return connection
    connection.close()
    return None


def _asked(connection: socket.socket, request: Mapping[str, Any], descriptors: Sequence[int]) -> Forked | None:
    data = json.dumps(request).encode() + b"\n"
    try:
        sent = socket.send_fds(connection, [data], list(descriptors))
        connection.sendall(data[sent:])
        answer = _line(connection)
    except (OSError, ValueError):
        answer = {}
    if "pid" not in answer:
        connection.close()
        return None
    connection.settimeout(None)
    return Forked(answer["pid"], connection, answer["offenders"])


def _line(connection: socket.socket) -> dict[str, Any]:
    """Return the next line; a byte at a time, so that nothing of the one after it is taken."""
    data = b""
    while not data.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece:
            return {}
        data += piece
    found: dict[str, Any] = json.loads(data)
    return found


def _started(directory: Path, warm: Warm) -> socket.socket | None:
    """Start the zygote, unless somebody else does at this moment."""
    key = warm.key
    address = directory / f"{key}.sock"
    with _locked(directory / f"{key[0]}.lock"):  # a few files for all keys there ever were
        connection = _connect(address)
        if connection is not None:
            return connection
        _make_room(warm)
        offenders = directory / f"offenders-{_digest([str(warm.python.python), warm.stamp])}.json"
        settings = {
            "python": str(warm.python.python),
            "sites": warm.python.sites,
            "stamp": warm.stamp,
            "modules": warm.modules,
            "idle": _idle(),
            "offenders": str(offenders),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        (directory / f"{key}.json").write_text(json.dumps(settings), encoding="utf-8")
        if _spawned(directory, key, warm):
            return _connect(address)
        (directory / f"{key}.json").unlink(missing_ok=True)
        return None


def _spawned(directory: Path, key: str, warm: Warm) -> bool:
    """Start the process, detached, and wait until it has imported everything."""
    read, write = os.pipe()
    try:
        with (directory / f"{key}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(warm.python.python), str(FOLDER), "zygote", str(directory), key, str(write)],
                env={"GLIBC_TUNABLES": HUGE_PAGES, **warm.inherited},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(write,),
                start_new_session=True,
            )
        process.returncode = 0  # it outlives us: Popen's destructor must not warn that nobody waited
        os.close(write)
        write = -1
        return bool(select.select([read], [], [], START_SECONDS)[0]) and os.read(read, 5) == b"ready"
    except OSError:
        return False
    finally:
        for descriptor in (read, write):
            with suppress(OSError):
                os.close(descriptor)


def _temporary() -> Path:
    """Return the folder for what is temporary, as `tempfile` finds it: that takes long, and tries to write there."""
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    found = next((Path(folder) for folder in named if folder and Path(folder).is_dir()), Path("/tmp"))  # noqa: S108 (ours in it is 0700)
    return found.absolute()


def _idle() -> int:
    """Return after how many seconds without use a zygote ends."""
    asked = os.environ.get("NBPROD_ZYGOTE_IDLE", "")
    return int(asked) if asked.isdecimal() and int(asked) else IDLE_SECONDS


def _make_room(warm: Warm) -> None:
    """End zygotes made before something was installed in this interpreter's place, and those used longest ago."""
    alive = [about for about in _known() if _alive(about)]
    here = (str(warm.python.python), list(warm.python.sites))
    stale = [
        about
        for about in alive
        if (about.get("python"), about.get("sites")) == here and about.get("stamp") != warm.stamp
    ]
    current = [about for about in alive if about not in stale]
    for about in [*stale, *sorted(current, key=_used)[: max(0, len(current) - MOST + 1)]]:
        with suppress(OSError):
            os.kill(about["pid"], signal.SIGTERM)


def _used(about: Mapping[str, Any]) -> float:
    try:
        return Path(about["file"]).stat().st_mtime
    except OSError:
        return 0.0


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    import fcntl

    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _python_path(warm: Warm) -> list[str]:
    return warm.environment.get("PYTHONPATH", "").split(os.pathsep)


def _limits() -> list[Any]:
    """Return what a process inherits beside its environment.

    Limits, priority, processors, the mask for new files, and the control group if it limits memory.
    """
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    limits = [resource.getrlimit(getattr(resource, name)) for name in names]
    mask = re.search(r"^Umask:\s*(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    return [limits, priority, sorted(os.sched_getaffinity(0)), mask and mask[1], cgroups.limit()]


def _changed(path: Path) -> list[int]:
    try:
        about = path.stat()
    except OSError:
        return []
    return [about.st_mtime_ns, about.st_ino]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:20]
