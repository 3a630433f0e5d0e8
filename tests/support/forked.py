"""Stages at about 30 ms each for tests that run hundreds of notebooks: workers forked from a warm process.

Everything but the start of the process is the real thing: driver, plan, ledger, worker, snapshots. Use::

    with forked():
        run = nbprod.run("notebook.ipynb")

or the fixture `forked_stages`. What depends on the start of the interpreter itself (a hash seed of the user's,
another kernel, PYTHON* variables) is tested without it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nbprod.execution import environment, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHELL = ("application", "completer", "completerlib", "crashhandler", "interactiveshell", "logger", "magics", "oinspect")
PRELOAD = (
    *(f"IPython.core.{name}" for name in SHELL),
    "IPython.utils.wildcard",
    "cloudpickle",
    "email.parser",
    "numpy",
    "pandas",
    "pyarrow.pandas_compat",
)
PATIENCE = 60.0


class Server:
    """The warm process, started when the first worker is asked for."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="nbprod-fork-"))
        self.address = str(self._folder / "s")
        script = Path(__file__).with_name("fork_server.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), self.address, str(session.FOLDER), *preload],
            env={**environment.PATIENT, **os.environ, **environment.fixed()},
            stdin=subprocess.DEVNULL,
        )
        atexit.register(self.end)
        deadline = time.monotonic() + PATIENCE
        while not Path(self.address).exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the fork server did not start")
            time.sleep(0.01)

    def end(self) -> None:
        """End the warm process."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class Forked:
    """A forked worker, with what `Session` uses of `subprocess.Popen`."""

    def __init__(self, server: Server, env: Mapping[str, str], cwd: Path, descriptors: list[int]) -> None:
        import json

        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection.connect(server.address)
                break
            except (ConnectionRefusedError, BlockingIOError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        request = json.dumps({"environment": dict(env), "folder": str(cwd)}).encode() + b"\n"
        sent = socket.send_fds(self._connection, [request], descriptors)
        self._connection.sendall(request[sent:])
        self._lines = self._connection.makefile("r")
        self.pid = int(self._lines.readline())

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self._ended()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("worker", timeout or 0)
            self._ended()
        assert self.returncode is not None
        return self.returncode

    def _ended(self) -> None:
        line = self._lines.readline()
        self.returncode = int(line) if line.strip() else -int(signal.SIGKILL)
        self._lines.close()
        self._connection.close()


_servers: dict[tuple[str, ...], Server] = {}


@contextlib.contextmanager
def forked(*more: str) -> Iterator[None]:
    """Fork the workers of this interpreter inside the block; `more` modules are imported ahead."""
    preload = (*PRELOAD, *more)

    def start(command: list[str], *, env: Mapping[str, str], cwd: Path, pass_fds: Any, stdout: Any, **rest: Any) -> Any:
        same_hashes = env.get("PYTHONHASHSEED") == environment.fixed()["PYTHONHASHSEED"]
        if command[0] != sys.executable or not same_hashes:
            return subprocess.Popen(command, env=env, cwd=cwd, pass_fds=pass_fds, stdout=stdout, **rest)
        if preload not in _servers:
            _servers[preload] = Server(preload)
        return Forked(_servers[preload], env, cwd, [*pass_fds, stdout.fileno()])

    real = session.subprocess
    session.subprocess = SimpleNamespace(  # type: ignore[assignment]
        Popen=start, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
    )
    try:
        yield
    finally:
        session.subprocess = real
