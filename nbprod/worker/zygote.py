"""`python <this folder> zygote DIRECTORY KEY READY`: forks workers from a process that has imported what they need.

It has exactly one thread, imports only installed modules, and opens neither ledger nor history. Drivers of the same
user ask over a socket in a folder that only they can enter; each sends one request with three descriptors (control in,
control out, early output), and is told the process id at once and the exit code when the process has ended.
"""

from __future__ import annotations

import array
import gc
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from . import environment, fresh, modules, preload

BACKLOG = 128
MOST = 1 << 20
PATIENCE = 2.0
TICK_MS = 5000
QUIET_MS = 300
"""A spare worker is made when nobody has asked for one so long: it is not to be in the way of those that begin."""
WAITING = "nbprod-waits"
COMM = Path("/proc/self/comm")
CHANGED_FOR_IMPORT = {
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Variables that keep libraries from starting threads as they are imported; forked workers have their own."""


class Zygote:
    """Serves one key until it is idle for too long, or its socket is somebody else's.

    Parameters
    ----------
    directory, key
        Where socket and description are: `KEY.sock`, `KEY.json`.
    """

    def __init__(self, directory: Path, key: str) -> None:
        self.address = directory / f"{key}.sock"
        self.about = directory / f"{key}.json"
        self.settings: dict[str, Any] = json.loads(self.about.read_text(encoding="utf-8"))
        self.children: dict[int, socket.socket] = {}
        self.ended = False
        self._spare: tuple[int, socket.socket] | None = None
        self._wanted = False
        self._offenders = Path(self.settings["offenders"])
        self._poll = select.poll()

    def prepare(self) -> None:
        """Import all that may be imported ahead; begins anew without the offenders if there are any."""
        start = dict(os.environ)
        os.environ.update(CHANGED_FOR_IMPORT)
        imported = {name.partition(".")[0] for name in sys.modules}
        from . import rehearsal, shell

        shell.prepare()  # pandas, matplotlib and others ask as they are imported whether they are in a notebook
        self.offenders = _read(self._offenders)
        found = preload.preload([*preload.OWN, *self.settings["modules"]], self.offenders)
        news = {name: why for name, why in found.items() if name not in preload.NOT_FORK_SAFE}
        self.offenders = {**self.offenders, **found}
        if news or preload.threads() > 1:
            self._again(news, start)
        _warm()
        rehearsal.rehearse()
        self._threads = preload.restore_threads(start.get("OPENBLAS_NUM_THREADS"))
        preload.remember(imported)
        environment.imported.update(
            (name, value)
            for name, value in os.environ.items()
            if start.get(name) != value and name not in CHANGED_FOR_IMPORT
        )

    def _again(self, news: dict[str, str], start: dict[str, str]) -> NoReturn:
        """Start over in this very process, which has more threads than a fork would keep."""
        if not news:
            raise SystemExit(f"{preload.threads()} threads, and no module to blame")
        _write(self._offenders, {**_read(self._offenders), **news})
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], start)  # noqa: S606 - ourselves

    def listen(self) -> None:
        """Be there for drivers from now on."""
        self._listener = socket.socket(socket.AF_UNIX)
        draft = self.address.with_name(f".{self.address.name}.{os.getpid()}")
        self._listener.bind(str(draft))
        self._listener.listen(BACKLOG)
        self._inode = draft.stat().st_ino
        draft.replace(self.address)
        read, self._wake = os.pipe()
        for descriptor in (read, self._wake):
            os.set_blocking(descriptor, False)
        self._woken = read
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wake)
        self._poll.register(self._listener, select.POLLIN)
        self._poll.register(read, select.POLLIN)
        about = {"pid": os.getpid(), "offenders": self.offenders}
        _write(self.about, {**self.settings, **about})
        gc.collect()
        gc.freeze()

    def serve(self) -> None:
        """Fork a worker for each request."""
        used = time.monotonic()
        while not self.ended or self.children:
            tick = QUIET_MS if self._wanted else TICK_MS
            ready = {descriptor for descriptor, _ in self._poll.poll(min(tick, 1000 * self.settings["idle"]))}
            if self._woken in ready:
                os.read(self._woken, MOST)
            self._reap()
            if self._listener.fileno() in ready:
                self._answer()
            if self._wanted and not ready and not self.ended:
                self._make_spare()
            if ready or self.children:
                used = time.monotonic()
            elif self._replaced() or time.monotonic() - used > self.settings["idle"]:
                self._stop()

    def _stop(self, *_signal: object) -> None:
        self.ended = True
        spare, self._spare = self._spare, None
        if spare is not None:
            spare[1].close()  # it ends when it sees that
        if self._replaced():
            return
        for path in (self.address, self.about, self.about.with_suffix(".log")):
            with suppress(OSError):
                path.unlink()

    def _replaced(self) -> bool:
        try:
            return self.address.stat().st_ino != self._inode
        except OSError:
            return True

    def _answer(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE)
        descriptors: list[int] = []
        try:
            if _owner(connection) != os.getuid():
                return
            request, descriptors = _received(connection)
            why = self._unfit(request)
            if why:
                _tell(connection, {"refused": why})
                return
            pid = self._handed(request, descriptors) or os.fork()
            if pid == 0:
                self._become(request, descriptors, connection)
            os.setpgid(pid, pid)  # here and in the child: whoever is told of it may signal its group at once
            self.children[pid] = connection
            self._wanted = True
            _tell(connection, {"pid": pid, "offenders": self.offenders})
            os.utime(self.about)
        except (OSError, ValueError, KeyError):  # a driver that is gone, or no driver: the next one is not to suffer
            return
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
            if connection not in self.children.values():
                connection.close()

    def _make_spare(self) -> None:
        """Fork a worker that nobody has asked for yet, which touches by a rehearsal what a stage will touch.

        A page that is shared with the zygote has to be copied when it is written to, and Python writes to whatever it
        refers to: for the first stage of a process that takes longer than all else around it.
        """
        self._wanted = False
        if self._spare is not None or preload.threads() > 1:
            return
        with suppress(OSError):  # out of processes, memory or descriptors: a stage is forked when it is asked for
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    pid = os.fork()
                except OSError:
                    ours.close()
                    return
                if pid == 0:
                    ours.close()
                    self._stand_by(theirs)
            self._spare = pid, ours

    def _handed(self, request: dict[str, Any], descriptors: list[int]) -> int:
        """Give a request to the spare worker and return its process id, 0 when none is ready."""
        spare, self._spare = self._spare, None
        if spare is None:
            return 0
        pid, connection = spare
        if not select.select([connection], [], [], 0)[0]:
            self._spare = spare  # it still rehearses
            return 0
        with suppress(OSError), connection:
            if connection.recv(1):
                rest = json.dumps(request).encode() + b"\n"
                rest = rest[socket.send_fds(connection, [rest], descriptors) :]
                while rest:  # not even nothing is sent to one that has all: it may have closed its end by now
                    rest = rest[connection.send(rest) :]
                return pid
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)  # or two would read what the driver says
        return 0

    def _stand_by(self, requests: socket.socket) -> NoReturn:
        """Wait for a request; without one, end with the zygote."""
        try:
            self._begin()
            name = _named(WAITING)
            sys.modules[f"{__package__}.rehearsal"].rehearse()
            gc.collect()
            gc.freeze()
            requests.send(b"+")
            request, descriptors = _received(requests)
            requests.close()
            _named(name)
        except BaseException as error:  # noqa: BLE001 - it must not go on as another zygote, whatever happens
            if not isinstance(error, OSError | ValueError):
                traceback.print_exc()
            os._exit(0)
        self._become(request, descriptors)

    def _unfit(self, request: dict[str, Any]) -> str:
        if preload.threads() > 1:
            return "the zygote has more than one thread"
        hidden = preload.shadowed(request["folder"])
        return f"{sorted(hidden)[0]}.py in the notebook's folder has the name of a library's" if hidden else ""

    def _reap(self) -> None:
        """Tell the exit code of each child that has ended."""
        while self.children or self._spare:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            spare = self._spare
            if spare is not None and pid == spare[0]:
                spare[1].close()
                self._spare = None
            connection = self.children.pop(pid, None)
            if connection is not None:
                _tell(connection, {"ended": os.waitstatus_to_exitcode(status)})
                connection.close()

    def _begin(self, *unneeded: socket.socket) -> None:
        """Be no zygote any more, once forked."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        if self._spare is not None:
            self._spare[1].close()
        for each in (self._listener, *unneeded, *self.children.values()):
            each.close()
        for descriptor in (self._woken, self._wake):
            os.close(descriptor)

    def _become(self, request: dict[str, Any], descriptors: list[int], *unneeded: socket.socket) -> NoReturn:
        """Be the worker that was asked for; one just forked has `unneeded` sockets."""
        try:
            if unneeded:
                self._begin(*unneeded)
            control_in, control_out, output = descriptors
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            os.environ.clear()
            os.environ.update({**environment.imported, **request["environment"]})
            os.environ["NBPROD_CONTROL"] = f"{control_in},{control_out},{request['driver']}"
            os.chdir(request["folder"])
            sys.argv[:] = sys.argv[:1]
            _reseed()
            self._threads()
            if request.get("kernel") is not None:
                del os.environ["NBPROD_CONTROL"]
                sys.modules[f"{__package__}.kernel"].main(request["kernel"], request["driver"])
            sys.modules[f"{__package__}.loop"].main()
        except BaseException:  # noqa: BLE001 - the driver reads the last words of whatever ends here
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        finally:
            os._exit(3)


def main(directory: str, key: str, ready: str) -> None:
    """Import, tell that all is ready by closing the descriptor `ready` after a word, serve."""
    here = sys.path[:]
    os.chdir(directory)
    zygote = Zygote(Path(directory), key)
    zygote.prepare()
    sys.path[:] = here
    zygote.listen()
    os.write(int(ready), b"ready")
    os.close(int(ready))
    zygote.serve()


def _warm() -> None:
    """Import the rest of the worker, and have what takes time the first time remembered."""
    import importlib

    for file in Path(__file__).parent.glob("[a-z]*.py"):
        importlib.import_module(f"{__package__}.{file.stem}")
    modules.local()
    fresh.install()


def _named(name: str) -> str:
    """Have `ps` and `top` show this process under another name, where that may be; returns the one before."""
    before = name
    with suppress(OSError):
        before = COMM.read_text(encoding="utf-8", errors="replace").strip()
        COMM.write_text(name, encoding="utf-8")
    return before


def _reseed() -> None:
    """Give generators that a fork would inherit the entropy that a new process has."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _owner(connection: socket.socket) -> int:
    """Return the user at the other end, from the kernel."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return a request and the descriptors that came with it."""
    numbers = array.array("i")
    data, ancillary, _, _ = connection.recvmsg(MOST, socket.CMSG_SPACE(3 * numbers.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(content)
    while not data.endswith(b"\n"):
        more = connection.recv(MOST)
        if not more:
            raise ValueError("cut short")
        data += more
    request: dict[str, Any] = json.loads(data)
    return request, list(numbers)


def _tell(connection: socket.socket, answer: dict[str, Any]) -> None:
    with suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _read(path: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _write(path: Path, value: Any) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(value), encoding="utf-8")
    draft.replace(path)
