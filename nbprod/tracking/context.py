"""What a tracker needs to know of a run besides its events: parameters, Git commit, addresses."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.tracking.lock import alive, me

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import RunOptions

GIT_TIMEOUT = 2.0
# What belongs to the caller's own MLflow run must not leak into ours.
_FOREIGN = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "NBPROD_CONTROL", "PYTHONWARNINGS")


def gather(project: Project, pipeline: Pipeline, options: RunOptions, started: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context of a run that starts now; what Git says of it is asked for with `ask_git`."""
    defaults = {item.name: _default(item.default, item.default_source) for item in pipeline.parameters}
    given = {**options.parameters, **started.get("parameters", {})}
    return {
        "home": str(project.home),
        "root": str(project.root),
        "notebook": pipeline.notebook,
        "name": pipeline.name,
        "tracking_uri": address(project),
        "registry_uri": project.settings.get("registry"),
        "parameters": {**defaults, **given},
        "stages": {stage.name: {"parameters": list(stage.parameters)} for stage in pipeline.stages},
        "trigger": options.trigger,
        "engine": options.engine,
        "sweep": {"id": options.trial[0], "trial": options.trial[1]} if options.trial else None,
        "process": me(),
    }


def address(project: Project) -> str:
    """Return MLflow's address as it is kept in files: relative paths made absolute, a password left out."""
    uri = project.tracking_uri
    base = Path.cwd() if uri == os.environ.get("MLFLOW_TRACKING_URI") else project.root
    if uri.startswith("sqlite:///") and uri != "sqlite:///:memory:":
        return f"sqlite:///{base / uri.removeprefix('sqlite:///')}"
    if "://" not in uri and not uri.startswith(("file:", "databricks")):
        return str(base / uri)
    return without_password(uri)


def without_password(uri: str) -> str:
    """Return `uri` without user name and password."""
    scheme, separator, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def with_password(uri: str) -> str:
    """Return the address as this process may use it: with the password that its environment holds."""
    given = os.environ.get("MLFLOW_TRACKING_URI", "")
    return given if without_password(given) == uri else uri


def _default(value: Any, source: str) -> Any:
    return source if value is None and source not in ("", "None") else value


def ask_git(where: Path, answer: Path) -> subprocess.Popen[bytes] | None:
    """Ask Git about the files of `where` as they are now, and go on: it writes to `answer`, read with `git_said`.

    Nobody waits for it: it takes seconds to look at a large tree. None outside a repository.
    """
    if "GIT_DIR" not in os.environ and not any((folder / ".git").exists() for folder in (where, *where.parents)):
        return None
    command = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        with answer.open("wb") as output:
            return subprocess.Popen(
                command, cwd=where, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL
            )
    except OSError:
        return None


def git_said(pid: int | None, born: str | None, answer: Path) -> dict[str, Any]:
    """Return commit, branch and whether tracked files differ from the commit; empty where Git did not say.

    `pid` and `born` tell the process of `ask_git`, which is given a moment to end.
    """
    end = time.monotonic() + GIT_TIMEOUT
    while pid is not None and born is not None and alive(pid, born):
        if time.monotonic() > end:
            return {}
        time.sleep(0.01)
    try:
        lines = answer.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    if found.get("branch.oid", "(initial)") == "(initial)":
        return {}
    dirty = any(not line.startswith("#") for line in lines)
    return {"commit": found["branch.oid"], "branch": found.get("branch.head", ""), "dirty": dirty}


def child_environment() -> dict[str, str]:
    """Return the environment of the processes that talk to MLflow."""
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    package = str(Path(__file__).parents[2])
    paths = [item for item in environment.get("PYTHONPATH", "").split(os.pathsep) if item]
    environment["PYTHONPATH"] = os.pathsep.join([*paths, *([] if package in paths else [package])])
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        **environment,
    }
