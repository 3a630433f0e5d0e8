"""A real JupyterLab or Notebook 7 with the installed nbprod, its settings in a folder of its own, for browser tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Page

TOKEN = "t"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PANEL = "nbprod-panel"
OWN_FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
NO_NEWS = {"@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}
DARK = {"@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Dark"}}
APPS = {
    "lab": ["jupyterlab", "--LabApp.expose_app_in_browser=True"],
    "notebook": ["notebook", "--JupyterNotebookApp.expose_app_in_browser=True"],
}
PAGES = {"lab": "lab/tree/{}?reset&", "notebook": "notebooks/{}?"}


@dataclass
class Server:
    """A server of ours; in words it is its address, with the base URL and without a slash at the end."""

    root: Path
    home: Path
    app: str
    address: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def __str__(self) -> str:
        return self.address

    def page(self, path: str) -> str:
        """The address of a notebook's page, the token in it."""
        return f"{self.address}/{PAGES[self.app].format(quote(path))}token={TOKEN}"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        log = self.home / "server.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.root, stdout=out, stderr=out, start_new_session=True
            )
        _wait(f"{self.address}/api", self.process, log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process, at once with SIGKILL; its kernels end with it."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # a kernel that was just starting; it ends by itself without its parent
            process.kill()
            process.wait()

    def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process and start another at the same address, with the same folders."""
        self.stop(how)
        self.start()


@contextmanager
def jupyterlab(
    root: Path,
    home: Path,
    *,
    base_url: str = "/",
    app: str = "lab",
    env: Mapping[str, str] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    without: bool = False,
    python: str = sys.executable,
) -> Iterator[Server]:
    """Serve `root`, as JupyterLab or as Notebook 7; `without` leaves our server extension out.

    `settings` are those a user made, by file: `DARK` is one. The server is that of the environment of `python`.
    """
    _write_settings(home, {**NO_NEWS, **(settings or {})})
    if without:
        _write(home / "config" / "jupyter_server_config.json", _extensions({"nbprod.interfaces.server": False}))
    port = _free_port()
    module, expose = APPS[app]
    command = [python, "-m", module, expose, "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.base_url={base_url}"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"]
    command += ["--KernelManager.shutdown_wait_time=1"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    folders = {name: str(home / folder) for name, folder in OWN_FOLDERS.items()}
    kept = {name: value for name, value in os.environ.items() if name not in ("NBPROD_HOME", "MLFLOW_TRACKING_URI")}
    address = f"http://127.0.0.1:{port}{base_url}".rstrip("/")
    server = Server(root, home, app, address, command, {**kept, **folders, **(env or {})})
    try:
        server.start()
        yield server
    finally:
        server.stop()


def show_panel(page: Page, app: str = "lab", *, timeout: float = 60_000) -> None:
    """Open our panel as people do: by its tab in JupyterLab, by the View menu in Notebook 7, which has no tabs."""
    if app == "lab":
        page.locator(f'.lm-TabBar-tab[data-id="{PANEL}"]').click(timeout=timeout)
    else:
        page.get_by_role("menuitem", name="View").click(timeout=timeout)
        page.locator(".lm-Menu-item", has_text="Left Sidebar").hover()
        page.locator('.lm-Menu-item[data-command="application:toggle-panel"]', has_text="nbprod").click()
    page.locator('[data-nbprod="panel"]').wait_for(timeout=timeout)


def _write_settings(home: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
    for name, content in settings.items():
        _write(home / "settings" / f"{name}.jupyterlab-settings", content)


def _extensions(enabled: dict[str, bool]) -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": enabled}}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    last = time.monotonic() + 60
    while time.monotonic() < last:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
