"""Running the application under uvicorn: a socket, a ready line, an orderly end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from .app import App, Settings
from .evidence import insist
from .model import load
from .predictionlog import PredictionLog

if TYPE_CHECKING:
    from .model import LoadedModel

GRACE_SECONDS = 10
ACCEPTED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """What to serve and where.

    Attributes
    ----------
    model
        The model directory.
    host, port
        Where to listen; port 0 takes a free one.
    log
        Folder of the prediction log, or None.
    name, version
        What answers name the model; default the manifest's name.
    fd
        An inherited listening socket, instead of host and port.
    ready_fd
        Where the ready line goes; default standard output.
    lifeline_fd
        When this descriptor reaches its end, whoever started the server is gone, and it ends too.
    require_equal
        Refuse a model that does not answer its recorded rows as the notebook did.
    """

    model: str
    host: str = "127.0.0.1"
    port: int = 8642
    log: str | None = None
    name: str | None = None
    version: str | None = None
    fd: int | None = None
    ready_fd: int | None = None
    lifeline_fd: int | None = None
    require_equal: bool = False


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT; raises `OSError` when the address is taken, `ModelUnusable`."""
    listener = _listener(options)
    model = load(options.model)
    if options.require_equal:
        insist(model)
    settings = _settings(options, model)
    config = uvicorn.Config(
        App(model, settings),
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    if options.lifeline_fd is not None:
        threading.Thread(target=_watch, args=(options.lifeline_fd,), name="lifeline", daemon=True).start()
    _Server(config, _ready_line(listener, settings), options.ready_fd).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says that it is ready once it listens."""

    def __init__(self, config: uvicorn.Config, line: str, ready_fd: int | None) -> None:
        super().__init__(config)
        self._line = line
        self._ready_fd = ready_fd

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        if self._ready_fd is None:
            sys.stdout.write(self._line)
            sys.stdout.flush()
            return
        with os.fdopen(self._ready_fd, "w") as stream:
            stream.write(self._line)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer what was accepted, then end: uvicorn alone drops a connection just accepted."""
        for server in self.servers:
            server.close()
        deadline = asyncio.get_running_loop().time() + ACCEPTED_SECONDS
        await asyncio.sleep(ACCEPTED_SECONDS / 20)
        while any(_unasked(item) for item in self.server_state.connections):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def _unasked(connection: Any) -> bool:
    """Whether no request has come on a connection yet."""
    return getattr(connection, "cycle", True) is None


def _listener(options: Options) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError:
        listener.close()
        raise
    return listener


def _settings(options: Options, model: LoadedModel) -> Settings:
    name = options.name or model.name
    identity = {"name": name, "version": options.version}
    log = PredictionLog(Path(options.log), identity) if options.log else None
    return Settings(name, options.version, log)


def _ready_line(listener: socket.socket, settings: Settings) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    facts: dict[str, Any] = {
        "event": "ready",
        "url": f"http://{shown}:{port}",
        "pid": os.getpid(),
        "model": settings.name,
        "version": settings.version,
    }
    return json.dumps(facts) + "\n"


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
