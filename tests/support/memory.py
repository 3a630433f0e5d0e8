"""What a demonstration takes of a machine's memory: all its processes together, those that detached themselves too."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import lab
import psutil

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

MARK = "MEMORY_WATCH"  # not NBPROD_…: those are taken away from what outlives a run
GIGABYTE = 1_000_000_000
PATIENCE = 600.0


class Watch:
    """Look ten times a second at the memory of the processes that have `mark` in their environment.

    A page that several processes share counts once: what is added up is the proportional set size. Marked processes that
    are still there in the end are told to end.
    """

    def __init__(self, mark: str) -> None:
        self.peak = 0
        self.parts: dict[str, int] = {}
        self._seen: set[str] = set()
        self._mark = mark
        self._known: dict[psutil.Process, bool] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for process in self.alive():  # what detached itself, and lasts where a demonstration ended in the middle
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()

    def __str__(self) -> str:
        """Return the peak and what it was made of, the largest first."""
        lines = [f"peak of all processes: {self.peak / 1e6:.0f} MB"]
        lines += [
            f"{size / 1e6:6.0f} MB  {name}" for name, size in sorted(self.parts.items(), key=lambda item: -item[1])
        ]
        return "\n".join(lines)

    def saw(self, words: str) -> bool:
        """Whether there was a process with these words in its command line."""
        return any(words in seen for seen in self._seen)

    def alive(self) -> list[psutil.Process]:
        """The marked processes there are now."""
        return [process for process in psutil.process_iter() if self._marked(process)]

    def _look(self) -> None:
        while not self._over.wait(0.1):
            parts: dict[str, int] = {}
            for process in self.alive():
                try:
                    parts[f"{process.pid} {_words(process)}"] = process.memory_full_info().pss
                except psutil.NoSuchProcess:
                    continue
            self._seen.update(parts)
            if sum(parts.values()) > self.peak:
                self.peak, self.parts = sum(parts.values()), parts

    def _marked(self, process: psutil.Process) -> bool:
        if not self._known.get(process):
            try:
                self._known[process] = process.environ().get(MARK) == self._mark
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                return False
        return self._known[process]


def demo(server: lab.Server, path: str) -> dict[str, Any]:
    """Do what a visitor does with a notebook, through the panel's own addresses; returns what the endpoint answered.

    Its kernel is started, the pipeline runs, the model is deployed on this machine and asked once, MLflow is told and its
    pages are opened.
    """
    kernel = {"path": path, "type": "notebook", "name": "", "kernel": {"name": "python3"}}
    ask(server, "POST", "api/sessions", kernel)
    run = ask(server, "POST", "nbprod/api/run", {"path": path})["run"]
    _ended(server, f"nbprod/api/runs/{run}?path={path}", "status")
    operation = ask(server, "POST", "nbprod/api/deploy", {"path": path, "target": "local"})["operation"]
    _ended(server, f"nbprod/api/operations/{operation}?path={path}", "state")
    name = ask(server, "GET", f"nbprod/api/endpoints?path={path}")["endpoints"][0]["endpoint"]
    sample = ask(server, "GET", f"nbprod/api/endpoints/{name}/sample?path={path}")
    answer = ask(server, "POST", f"nbprod/api/endpoints/{name}/predict", {"path": path, "rows": sample["rows"][:1]})
    _until(server, f"nbprod/api/runs/{run}?path={path}", lambda found: found["mlflow"])
    pages = ask(server, "POST", "nbprod/api/mlflow", {"path": path})["url"]
    ask(server, "GET", f"{pages}ajax-api/2.0/mlflow/experiments/search?max_results=10")
    return {"endpoint": name, "expected": sample["predictions"][:1], **answer}


def stop_endpoint(server: lab.Server, path: str, name: str) -> None:
    """Stop what `demo` deployed."""
    ask(server, "DELETE", f"nbprod/api/endpoints/{name}?path={path}")


def ask(server: lab.Server, method: str, address: str, body: object = None) -> Any:
    """Return what an address of the server answers to its token."""
    headers = {"Authorization": f"token {lab.TOKEN}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.address}/{address}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.loads(response.read() or b"null")
    except urllib.error.HTTPError as refusal:
        raise RuntimeError(f"{method} {address}: {refusal.status} {refusal.read().decode()[:1000]}") from refusal


def _ended(server: lab.Server, address: str, key: str) -> None:
    found = _until(server, address, lambda found: found[key] != "running")
    if found[key] != "succeeded":
        raise RuntimeError(f"{address} ended as {found[key]}: {found['error']}")


def _until(server: lab.Server, address: str, done: Callable[[Any], object]) -> Any:
    last = time.monotonic() + PATIENCE
    while not done(found := ask(server, "GET", address)):
        if time.monotonic() > last:
            raise TimeoutError(f"{address} still answers {found}")
        time.sleep(0.3)
    return found


def _words(process: psutil.Process) -> str:
    """Return the end of a command line: what tells processes of one Python apart."""
    words = [word.rpartition("/")[2] for word in process.cmdline()[1:] if not word.startswith("--")]
    return " ".join(words)[:60]
