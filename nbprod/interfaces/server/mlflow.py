"""MLflow's own pages, started when somebody wants to see them, ended when nobody looks any more or the server ends."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from nbprod.core.errors import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.config import Project

IDLE = 15 * 60.0
PATIENCE = 90.0
"""Seconds within which MLflow has to answer; its import alone takes some."""

LOG = "mlflow-ui.log"


@dataclass(slots=True)
class _Pages:
    """One MLflow server; `used` is when it was asked last."""

    process: subprocess.Popen[bytes]
    url: str
    used: float = field(default_factory=time.monotonic)

    def end(self) -> None:
        """End it: its standard input ends, which it watches, so that it cannot outlive this server either."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Mlflow:
    """The MLflow servers of this Jupyter server, at most one a project; may be used from any thread.

    Parameters
    ----------
    idle
        Seconds after which one that nobody asks is ended.
    """

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._all: dict[Path, _Pages] = {}
        self._locks: dict[Path, threading.Lock] = {}
        self._over = threading.Event()
        self._reaper: threading.Thread | None = None

    def url(self, project: Project) -> str:
        """Return where MLflow answers for a project, started first if need be; raises `UnavailableError`."""
        from nbprod import tracking
        from nbprod.tracking.context import address

        given = address(project)
        if given.startswith(("http://", "https://")):
            return given
        if given.startswith("databricks"):
            raise UnavailableError("NB928", f"{given} has pages of its own", "open them in your workspace")
        with self._locks.setdefault(project.home, threading.Lock()):
            pages = self._all.get(project.home)
            if pages is None or pages.process.poll() is not None:
                tracking.spawn_publisher(project)
                pages = self._all[project.home] = _start(project)
                self._watch()
            pages.used = time.monotonic()
            return pages.url

    def close(self) -> None:
        """End all of them."""
        self._over.set()
        for home in list(self._all):
            self._end(home)

    def _watch(self) -> None:
        if self._reaper is None:
            self._reaper = threading.Thread(target=self._reap, name="nbprod-mlflow", daemon=True)
            self._reaper.start()

    def _reap(self) -> None:
        while not self._over.wait(min(self._idle, 30.0)):
            for home, pages in list(self._all.items()):
                if time.monotonic() - pages.used >= self._idle:
                    self._end(home)

    def _end(self, home: Path) -> None:
        with self._locks[home]:
            pages = self._all.pop(home, None)
            if pages is not None:
                pages.end()


def on_this_machine(url: str) -> bool:
    """Whether only this machine can reach an address: whoever looks from elsewhere needs it passed through."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _start(project: Project) -> _Pages:
    from nbprod import tracking
    from nbprod.tracking.context import child_environment

    port = _free_port()
    log = project.home / LOG
    with log.open("wb") as output:
        process = subprocess.Popen(
            tracking.ui_command(project, port, with_parent=True),
            cwd=project.home,
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the server's terminal asks the server, which then ends it
        )
    pages = _Pages(process, f"http://127.0.0.1:{port}")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if _answers(pages.url):
            return pages
        time.sleep(0.1)
    pages.end()
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
    raise UnavailableError("NB928", f"MLflow's pages did not start: {lines[-1]}", f"see {log}")


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), build_opener(ProxyHandler({})).open(f"{url}/health", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
