"""Serving for as long as a block runs: `nbprod serve`, `nbprod up`."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nbprod.core.errors import DeployError
from nbprod.deploy.launch import CannotListen, Server, listen, refusal, start
from nbprod.deploy.state import Files, Wanted

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from nbprod.config import Project
    from nbprod.core.model import Model

PATIENCE = 180.0


@contextlib.contextmanager
def serve(
    model: Model, project: Project, *, host: str = "127.0.0.1", port: int | None = None, python: str | None = None
) -> Iterator[str]:
    """Serve a model until the block ends; yields its URL once it is ready.

    The server ends with this process, however that ends. Without a port the first free one from 8642 on is taken.
    What it prints goes to `endpoints/NAME.serve.log` of the project's home, predictions to `predictions/NAME`.
    """
    try:
        listener = listen(host, port)
    except CannotListen as error:
        raise DeployError("NB722", str(error), "choose another with --port") from error
    # the server ends when this pipe closes, which it does even if this process is killed
    lifeline, held = os.pipe()
    files = Files(project.home, model.name)
    files.folder.mkdir(parents=True, exist_ok=True)
    log_file = files.folder / f"{model.name}.serve.log"
    try:
        with listener, log_file.open("wb") as log:
            server = _start(_wanted(model, files, host, python), listener, log, lifeline)
            try:
                _until_ready(server, log_file)
                yield _url(host, listener.getsockname()[1])
            finally:
                _end(server)
    finally:
        os.close(lifeline)
        os.close(held)


def _wanted(model: Model, files: Files, host: str, python: str | None) -> Wanted:
    return Wanted(
        endpoint=model.name,
        model=model.name,
        version=model.version,
        model_path=str(Path(model.path).absolute()),
        python=python or sys.executable,
        predictions=str(files.predictions),
        generation=1,
        host=host,
    )


def _start(wanted: Wanted, listener: socket.socket, log: BinaryIO, lifeline: int) -> Server:
    try:
        return start(wanted, listener, log, lifeline)
    except OSError as error:
        hint = "run the notebook again, or choose its kernel"
        raise DeployError("NB721", f"{wanted.python} cannot be started: {error}", hint) from error


def _until_ready(server: Server, log: Path) -> None:
    assert server.ready is not None
    readable, _, _ = select.select([server.ready], [], [], PATIENCE)
    if not readable:
        raise DeployError("NB725", f"the model was not ready to answer after {PATIENCE:.0f} s", f"see {log}")
    if not os.read(server.ready, 65536):
        server.process.wait()
        why = refusal(log, 0)
        raise DeployError(why["code"], why["message"], why["hint"])


def _end(server: Server) -> None:
    server.close()
    server.process.terminate()
    try:
        server.process.wait(15)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 (a URL)
    return f"http://{shown}:{port}"
