"""The Docker engine this machine talks to, when one answers."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_HOST = "unix:///var/run/docker.sock"


@contextlib.contextmanager
def docker_engine(seconds: float = 60) -> Iterator[Any]:
    """Yield a client of the Docker engine (docker-py); raises `UnavailableError` when none answers.

    Parameters
    ----------
    seconds
        How long the engine may be silent.
    """
    if not _listens():
        raise _silent()
    import docker

    try:
        engine = docker.from_env(timeout=seconds)
    except (docker.errors.DockerException, OSError) as error:
        raise _silent() from error
    with contextlib.closing(engine):
        yield engine


def _listens() -> bool:
    # docker takes long to import and leaks a socket when there is no engine
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(host.removeprefix("unix://"))
        except OSError:
            return False
    return True


def _silent() -> UnavailableError:
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    return UnavailableError("NB732", f"no Docker engine answers at {host}", "start Docker, or set DOCKER_HOST")
