"""A real Jupyter server in a process of its own: to be killed, started again, and asked what it imported."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "t"
BASE_URL = "/user/a%40b/"
FOLDERS = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
SPY = """
import sys
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

class Modules(APIHandler):
    @authenticated
    def get(self):
        self.finish({"modules": sorted(sys.modules)})

def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*$", [(app.base_url + "spy", Modules)])

def _jupyter_server_extension_points():
    return [{"module": "nbprod_spy"}]
"""


class Server:
    """A Jupyter server with nbprod's extension; `ask` its routes about a notebook."""

    def __init__(self, root: Path, home: Path, path: str) -> None:
        self.root, self.home, self.path = root, home, path
        (home / "nbprod_spy.py").write_text(SPY)
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.headers: dict[str, str] = {}  # of the last answer

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{BASE_URL}"
        extensions = {"nbprod.interfaces.server": True, "nbprod_spy": True}
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
        command += ["--ip=127.0.0.1", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
        command += [f"--ServerApp.root_dir={self.root}", f"--ServerApp.base_url={BASE_URL}"]
        command += [f"--ServerApp.jpserver_extensions={extensions}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "NBPROD"))}
        environment |= {f"JUPYTER_{name}": str(self.home / name.lower()) for name in FOLDERS}
        environment |= {"PYTHONPATH": str(self.home), "NBPROD_TRACKING": os.environ.get("NBPROD_TRACKING", "")}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=self.root, stdout=log, stderr=log)
        last = time.monotonic() + 60
        while time.monotonic() < last and self.process.poll() is None:
            try:
                self.fetch("api/status", {})
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.home / "server.log").read_text()[-3000:])

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def fetch(self, address: str, query: dict[str, str], body: Any = None, method: str | None = None) -> bytes:
        """Fetch an address below `nbprod/`; raises urllib's errors."""
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"{self.url}nbprod/{address}{asked}", content, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.headers = dict(answer.headers)
            return answer.read()

    def ask(self, method: str, route: str, path: str | None = None, **fields: Any) -> tuple[int, Any]:
        """Ask a route about the notebook; a refusal returns its status and the error object."""
        given = {"path": path or self.path, **fields}
        try:
            found = self.fetch(f"api/{route}", *(({}, given) if method == "POST" else (given,)), method=method)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["error"]
        return 200, declared(method, route, json.loads(found))

    def modules(self) -> set[str]:
        """Return what the server has imported."""
        request = urllib.request.Request(f"{self.url}spy", headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return set(json.loads(answer.read())["modules"])


@contextmanager
def jupyter_server(root: Path, home: Path, path: str) -> Iterator[Server]:
    """Serve `root` until the block ends; `home` holds the server's own settings, `path` names the notebook."""
    server = Server(root, home, path)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def declared(method: str, address: str, answer: Any) -> Any:
    """Return an answer of a route after a look that it holds what the table of routes says."""
    from nbprod.interfaces.server.table import PARTS, TABLE

    for route in TABLE:
        pattern = re.sub(r"\{(\w+)\}", lambda match: PARTS[match[1]], route.path)
        if route.method == method and route.answer and re.fullmatch(pattern, address):
            assert set(route.answer) <= set(answer), (route.path, set(route.answer) - set(answer))
            break
    return answer


def write_notebook(path: Path, cells: list[tuple[str, str]]) -> Path:
    """Write a notebook of (tag, source) pairs, the tag maybe empty; cell ids are c1, c2, …"""
    code = {"cell_type": "code", "execution_count": None, "outputs": []}
    made = [
        {**code, "id": f"c{number}", "metadata": {"tags": [tag]} if tag else {}, "source": source}
        for number, (tag, source) in enumerate(cells, 1)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path
