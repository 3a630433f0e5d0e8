"""The machine and the project: what is there, what runs in the background, secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import config
from nbprod.api.scheduling import schedules
from nbprod.config import Project
from nbprod.core.errors import UnavailableError

if TYPE_CHECKING:
    from nbprod.api.notebook import Source


def init(folder: Source = ".") -> list[Path]:
    """Make a folder a project; returns the files written."""
    return config.start_project(Path(folder))


def example(name: str, folder: Source = ".", *, tagged: bool = True) -> Path:
    """Copy an example notebook, with its tags or without, into `folder` unless it is there, and return its path."""
    from nbprod import notebooks

    path = Path(folder) / name
    if not path.exists():
        text = config.shipped_example(name).read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        if not tagged:
            notebooks.write_tags(path, {cell.number: None for cell in notebooks.parse(text, name).cells if cell.tag})
    return path


def doctor(path: Source = ".") -> list[dict[str, Any]]:
    """Return what this machine has and lacks: `name`, `ok`, `needed`, `detail`, `fix`."""
    import platform
    import shutil

    from nbprod import plugins

    project = Project.find(path)
    node = shutil.which("node")
    found = [
        _check("python", True, platform.python_version(), needed=True),
        _check("project", os.access(project.home, os.W_OK), str(project.home), "set NBPROD_HOME", needed=True),
        _module("mlflow", needed=True),
        _module("papermill", needed=True),
        _module("jupyterlab", needed=False),
        _check("node", node is not None, node or "missing", "only needed to change the JupyterLab extension"),
    ]
    for name in plugins.names("targets"):
        missing = plugins.target(name).missing()
        found.append(_check(f"target {name}", missing is None, missing or "ready"))
    return found


def _check(name: str, ok: bool, detail: str, fix: str = "", *, needed: bool = False) -> dict[str, Any]:
    return {"name": name, "ok": ok, "needed": needed, "detail": detail, "fix": fix}


def _module(name: str, *, needed: bool) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return _check(name, True, version(name), needed=needed)
    except PackageNotFoundError:
        return _check(name, False, "missing", f"pip install {name}", needed=needed)


def stop_all(path: Source = ".") -> list[str]:
    """End every endpoint and background process of a project; returns their names."""
    import signal

    from nbprod.api.deploying import endpoints, stop_endpoint

    deployed = [item.endpoint for item in endpoints(path)]
    for name in deployed:
        stop_endpoint(name, path)
    others = [item for item in processes(path) if item["kind"] != "endpoint"]
    for item in others:
        os.kill(item["pid"], signal.SIGTERM)
    return [*deployed, *(item["kind"] for item in others)]


def processes(path: Source = ".") -> list[dict[str, Any]]:
    """Return the background processes of a project, and the zygotes, which all projects of a user share."""
    from nbprod import deploy as deploying
    from nbprod import tracking
    from nbprod.execution import zygotes

    project = Project.find(path)
    own = [*deploying.processes(project), *tracking.processes(project), *zygotes.processes()]
    return own + schedules(path).processes()


def secret(name: str) -> str:
    """Return a secret from the environment variable `name`; it never enters fingerprints, logs or images.

    Raises
    ------
    UnavailableError
        The variable is not set.
    """
    try:
        return os.environ[name]
    except KeyError:
        raise UnavailableError(
            "NB921", f"the secret {name} is not set", f"nbprod run --env-file FILE, or export {name}=…"
        ) from None
