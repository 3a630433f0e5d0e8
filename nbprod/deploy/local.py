"""Target `local`: a supervised process on this machine that survives the command that deployed it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from nbprod.config import Project
from nbprod.core.errors import DeployError
from nbprod.deploy.launch import environment
from nbprod.deploy.process import alive, end, started
from nbprod.deploy.state import Files, Status, Wanted, endpoint, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.core.model import Endpoint, Image, Model

PATIENCE = 180.0
LAST_WORDS = 20.0
LARGEST_LOG = 10 << 20


class LocalTarget:
    """Processes on this machine, one supervisor and one server an endpoint."""

    name = "local"

    def __init__(self) -> None:
        self.project: Project | None = None
        self.python: str | None = None

    def within(self, project: Project, python: str | None) -> Self:
        """Return this target bound to a project and the interpreter that serves."""
        self.project = project
        self.python = python
        return self

    def missing(self) -> str | None:
        """Return what this machine lacks: local endpoints need a POSIX system."""
        return None if hasattr(os, "fork") else "local endpoints need Linux or macOS; use --target docker"

    def deploy(self, model: Model, image: Image | None, *, name: str, port: int | None) -> Endpoint:
        """Bring the model up as endpoint `name`, the one it replaces ending once the new one answers."""
        del image  # this target serves the model directory itself
        files = Files(self._home, name)
        files.folder.mkdir(parents=True, exist_ok=True)
        with _alone(files):
            before = files.read_wanted()
            generation = before.generation + 1 if before else 1
            wanted = Wanted(
                endpoint=name,
                model=model.name,
                version=model.version,
                model_path=str(Path(model.path).absolute()),
                python=self.python or sys.executable,
                predictions=str(files.predictions),
                generation=generation,
                require_equal=True,
                port=port if port is not None else _port(files.read_status()),
            )
            files.write(wanted)
            try:
                old = files.read_status()
                supervisor = self._supervised(files)
                status = _until_served(files, wanted, supervisor)
                _until_gone(old)
            except BaseException:
                _back_to(files, before)
                raise
        return endpoint(status, files)

    def endpoints(self) -> list[Endpoint]:
        """Return the local endpoints of the project."""
        found = [Files(self._home, name) for name in names(self._home)]
        return [endpoint(status, files) for files in found if (status := files.read_status())]

    def logs(self, name: str, lines: int) -> str:
        """Return the last lines of an endpoint's log."""
        files, _ = self._known(name)
        if not files.log.exists():
            return ""
        return "\n".join(files.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self, name: str) -> None:
        """Stop supervisor and server of an endpoint and forget it; its log and prediction log stay."""
        files, status = self._known(name)
        with _alone(files):
            end(status.supervisor, status.supervisor_started, 20)
            last = files.read_status() or status
            # left over only when the supervisor was killed
            end(last.pid, last.started, 15)
            files.forget()

    @property
    def _home(self) -> Path:
        return (self.project or Project.find()).home

    def _known(self, name: str) -> tuple[Files, Status]:
        files = Files(self._home, name)
        status = files.read_status()
        if status is None:
            known = ", ".join(names(self._home)) or "none"
            raise DeployError("NB720", f"there is no local endpoint {name}", f"endpoints: {known}")
        return files, status

    def _supervised(self, files: Files) -> int:
        """Tell the endpoint's supervisor that something else is wanted, or start one; return its pid."""
        status = files.read_status()
        if status and alive(status.supervisor, status.supervisor_started):
            import signal

            os.kill(status.supervisor, signal.SIGHUP)
            return status.supervisor
        if status:
            end(status.pid, status.started, 15)
        files.status.unlink(missing_ok=True)
        return self._launch(files)

    def _launch(self, files: Files) -> int:
        if files.log.exists() and files.log.stat().st_size > LARGEST_LOG:
            files.log.replace(files.log.with_suffix(".log.1"))
        command = [sys.executable, "-P", "-m", "nbprod.deploy.supervisor", str(files.home), files.name]
        with files.log.open("ab") as log:
            launched = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=files.home,
                env=environment(),
                start_new_session=True,
                check=False,
            )
        if launched.returncode:
            raise DeployError("NB724", "the supervisor cannot be started", f"see {files.log}")
        return int(launched.stdout)


def _port(status: Status | None) -> int | None:
    return status.port if status else None


def _until_served(files: Files, wanted: Wanted, supervisor: int) -> Status:
    token = started(supervisor)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status = files.read_status()
        if status and status.generation == wanted.generation and status.state == "healthy":
            return status
        if status and status.failed and status.failed["generation"] == wanted.generation:
            raise DeployError(status.failed["code"], status.failed["message"], status.failed["hint"])
        if not alive(supervisor, token) and files.read_status() == status:
            raise DeployError("NB724", f"the supervisor of {files.name} ended", f"see {files.log}")
        time.sleep(0.02)
    hint = f"see {files.log}"
    raise DeployError("NB725", f"the model was not ready to answer after {PATIENCE:.0f} s", hint)


def _until_gone(old: Status | None) -> None:
    """Wait for the server that was replaced: until it ends it may take a request or two."""
    deadline = time.monotonic() + LAST_WORDS
    while old and alive(old.pid, old.started) and time.monotonic() < deadline:
        time.sleep(0.02)


def _back_to(files: Files, before: Wanted | None) -> None:
    """Undo a deploy that failed: what served before goes on, what never served is forgotten."""
    status = files.read_status()
    if before is not None and status is not None and status.generation:
        files.write(replace(before, generation=before.generation + 1))
        return
    if status is not None:
        end(status.supervisor, status.supervisor_started, 20)
    files.forget()


@contextlib.contextmanager
def _alone(files: Files) -> Iterator[None]:
    """Let one command at a time change an endpoint."""
    with (files.folder / f".{files.name}.lock").open("w") as lock:
        _lock(lock)
        yield


def _lock(lock: IO[str]) -> None:
    import fcntl

    # a file system without working locks: two deploys of one name at once are then the user's to avoid
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX)
