"""Drains the journal into the trackers, in a process of its own that ends when there is nothing left."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from nbprod import plugins
from nbprod.core.errors import NbprodError
from nbprod.tracking import context, journal
from nbprod.tracking.lock import ProcessLock

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.config import Project

TRACKERS = ("mlflow",)
DELAYS = (1.0, 5.0, 30.0)
LOG_LIMIT = 1_000_000


def publish(project: Project, delays: Sequence[float] = ()) -> int:
    """Tell the trackers now of all runs that are over.

    Parameters
    ----------
    project
        Whose journal to drain.
    delays
        Seconds to wait before each further attempt when a tracker cannot be fed.

    Returns
    -------
    int
        How many runs were published; what failed stays in the journal.
    """
    published = 0
    given_up: set[Path] = set()
    while set(journal.ready(project.home)) - given_up:
        lock = _lock(project.home)
        if not lock.acquire():
            break
        try:
            done, given_up = _drain(project.home, delays)
        finally:
            lock.release()
        published += done
    return published


def _drain(home: Path, delays: Sequence[float]) -> tuple[int, set[Path]]:
    """Try every journal, those that failed again after each delay; returns how many went and which did not."""
    published = 0
    left: set[Path] = set()
    for delay in (0.0, *delays):
        time.sleep(delay)
        left = set()
        for path in journal.ready(home):
            if _publish(home, path):
                published += 1
            else:
                left.add(path)
        if not left:
            break
    return published, left


def _publish(home: Path, path: Path) -> bool:
    entries = journal.whole(path)
    if "context" not in entries[0]:
        _log().error("%s is not a journal, left alone", path)
        return False
    try:
        for name in TRACKERS:
            plugins.tracker(name).publish(entries)
    except NbprodError as error:
        _log().warning("run %s: %s", path.stem, error)
        return False
    path.unlink(missing_ok=True)
    path.with_suffix(".git").unlink(missing_ok=True)
    for state in journal.folder(home).glob(f"{path.stem}.*.json"):
        state.unlink(missing_ok=True)
    _log().info("run %s published", path.stem)
    return True


def _log() -> logging.Logger:
    import logging

    return logging.getLogger(__name__)


def spawn_publisher(project: Project) -> int | None:
    """Start the publisher, detached, when there is something to tell; returns its process id, None without need."""
    process = _start(project)
    if process is None:
        return None
    process.returncode = 0  # it outlives us: Popen's destructor must not warn that nobody waited
    return process.pid


def _start(project: Project) -> subprocess.Popen[bytes] | None:
    home = project.home
    if not journal.ready(home) or _lock(home).holder() is not None:
        return None
    log = journal.folder(home) / "publisher.log"
    mode = "ab" if log.exists() and log.stat().st_size < LOG_LIMIT else "wb"
    with log.open(mode) as output:
        return subprocess.Popen(
            [sys.executable, "-m", "nbprod.tracking", str(project.root), "--home", str(home)],
            cwd=home,
            env=context.child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _lock(home: Path) -> ProcessLock:
    return ProcessLock(journal.folder(home) / "publisher.lock")


def processes(project: Project) -> list[dict[str, Any]]:
    """Return the publisher, while it runs, as `nbprod ps` shows it."""
    holder = _lock(project.home).holder()
    return [{"pid": holder["pid"], "kind": "publisher", "since": holder["since"]}] if holder else []


def registered(project: Project, run_id: str) -> dict[str, Any] | None:
    """Return what MLflow calls a published run: `mlflow_run`, `experiment`, `model`, `version`, `uri`; or None."""
    try:
        content: dict[str, Any] = json.loads((project.home / "runs" / run_id / "registered.json").read_text())
    except (OSError, ValueError):
        return None
    return content


def model_version(project: Project, run_id: str) -> tuple[str, str] | None:
    """Return version and URI of a run's registered model; None until it is registered."""
    found = registered(project, run_id)
    return (found["version"], found["uri"]) if found and found.get("version") else None


def wait(project: Project, run_id: str, timeout: float = 120.0) -> tuple[str, str] | None:
    """Wait until a run is published; returns version and URI of its model, None without, or when it takes longer."""
    end = time.monotonic() + timeout
    pending = journal.folder(project.home) / f"{run_id}.jsonl"
    while pending.exists() and time.monotonic() < end:
        process = _start(project)
        if process is None:
            time.sleep(0.05)
            continue
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.returncode = 0  # it goes on without us
            break
        if _lock(project.home).holder() is None:
            break  # it gave up, or all is published
    return model_version(project, run_id)


def ui_command(project: Project, port: int = 5000, *, with_parent: bool = False) -> list[str]:
    """Return the command that shows the runs in MLflow's UI, on this machine only; empty when a server is used.

    With `with_parent` it ends when its standard input does.
    """
    uri = context.address(project)
    if uri.startswith(("http://", "https://")):
        return []
    artifacts = (project.home / "mlartifacts").as_uri()
    server = [sys.executable, "-P", "-m", "nbprod.tracking.ui", uri, artifacts, "--host", "127.0.0.1"]
    return [*server, "--port", str(port), *(["--with-parent"] if with_parent else [])]
