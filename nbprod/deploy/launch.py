"""How a server process is started: command, environment, socket, and what its log says when it does not start."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import nbprod.serving

if TYPE_CHECKING:
    from nbprod.deploy.state import Wanted

FIRST_PORT = 8642
SERVING = str(Path(nbprod.serving.__file__).parent)


@dataclass(slots=True)
class Server:
    """A server process; `ready` is the pipe on which it says that it is ready."""

    process: subprocess.Popen[bytes]
    wanted: Wanted
    listener: socket.socket
    ready: int | None

    def close(self) -> None:
        """Let go of the pipe."""
        if self.ready is not None:
            os.close(self.ready)
            self.ready = None


class CannotListen(Exception):
    """An address is taken or not ours."""


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket bound to a port, or to the first free one from 8642 on; raises `CannotListen`."""
    if port is not None:
        return _bound(host, port)
    for candidate in range(FIRST_PORT, FIRST_PORT + 200):
        with contextlib.suppress(CannotListen):
            return _bound(host, candidate)
    return _bound(host, 0)


def start(wanted: Wanted, listener: socket.socket, log: BinaryIO, lifeline: int | None = None) -> Server:
    """Start a server on a socket; it answers once it wrote to its `ready` pipe."""
    ready, told = os.pipe()
    inherited = [listener.fileno(), told, *([lifeline] if lifeline is not None else [])]
    command = [wanted.python, SERVING, wanted.model_path, "--name", wanted.model]
    command += ["--fd", str(listener.fileno()), "--ready-fd", str(told)]
    command += ["--log", wanted.predictions] if wanted.predictions else []
    command += ["--version", wanted.version] if wanted.version is not None else []
    command += ["--require-equal"] if wanted.require_equal else []
    command += ["--lifeline-fd", str(lifeline)] if lifeline is not None else []
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=inherited,
            env=environment(),
            start_new_session=True,
        )
    except OSError:
        os.close(ready)
        raise
    finally:
        os.close(told)
    return Server(process, wanted, listener, ready)


def environment() -> dict[str, str]:
    """Return the environment of a server: the caller's, less what belongs to a run, with the run's hash seed."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("NBPROD_")}
    return {"PYTHONHASHSEED": "0", **ours}


def refusal(log: Path, offset: int) -> dict[str, Any]:
    """Return why a server did not start, out of what it logged from `offset` on: `code`, `message`, `hint`."""
    with log.open("rb") as stream:
        stream.seek(offset)
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    for line in reversed(lines):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            said = json.loads(line)
            return {"code": said["code"], "message": said["message"], "hint": said["hint"]}
    last = "\n    ".join(lines[-8:]) or "it logged nothing"
    return {"code": "NB723", "message": f"the server ended before it was ready:\n    {last}", "hint": f"see {log}"}


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # bind alone lets two sockets share a port until one of them listens
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from error
        raise
    except OverflowError as error:
        listener.close()
        raise CannotListen(f"there is no port {port}") from error
    return listener
