"""The files of a local endpoint: what is wanted (written by `deploy`) and how it is (written by its supervisor)."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nbprod.core.model import Endpoint
from nbprod.deploy.process import alive

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an endpoint is to serve; `generation` grows with every deploy, without a port a free one is taken."""

    endpoint: str
    model: str
    version: str | None
    model_path: str
    python: str
    predictions: str
    generation: int
    host: str = "127.0.0.1"
    port: int | None = None
    require_equal: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How an endpoint is.

    Attributes
    ----------
    state
        `starting`, `healthy` or `unhealthy`, as its supervisor last saw it.
    generation
        Which `Wanted` is served.
    pid, started
        The serving process.
    supervisor, supervisor_started
        The process that restarts it.
    failed
        The last generation that could not be served: `generation`, `code`, `message`, `hint`.
    """

    endpoint: str
    model: str
    version: str | None
    model_path: str
    predictions: str
    host: str
    port: int | None
    state: str
    since: str
    generation: int
    supervisor: int
    supervisor_started: str
    pid: int | None = None
    started: str | None = None
    restarts: int = 0
    failed: dict[str, Any] | None = None

    @property
    def url(self) -> str:
        """The endpoint's address."""
        return f"http://{self.host}:{self.port}"

    def now(self) -> str:
        """Return the state as it is now: a status file may outlive its processes."""
        serving = alive(self.pid, self.started)
        if not alive(self.supervisor, self.supervisor_started):
            return "healthy" if serving else "stopped"
        return "unhealthy" if self.state == "healthy" and not serving else self.state


@dataclass(frozen=True, slots=True)
class Files:
    """Where the files of one endpoint are, below the project's home."""

    home: Path
    name: str

    @property
    def folder(self) -> Path:
        """The folder of all endpoints."""
        return self.home / "endpoints"

    @property
    def status(self) -> Path:
        """The supervisor's file, which is what others read."""
        return self.folder / f"{self.name}.json"

    @property
    def wanted(self) -> Path:
        """The deployer's file."""
        return self.folder / f"{self.name}.wanted"

    @property
    def log(self) -> Path:
        """What supervisor and server print."""
        return self.folder / f"{self.name}.log"

    @property
    def predictions(self) -> Path:
        """The folder of the prediction log."""
        return self.home / "predictions" / self.name

    def read_wanted(self) -> Wanted | None:
        """Return what is wanted, None when nothing is."""
        content = _read(self.wanted)
        return Wanted(**content) if content else None

    def read_status(self) -> Status | None:
        """Return the status, None when there is none (yet)."""
        content = _read(self.status)
        return Status(**content) if content else None

    def write(self, content: Wanted | Status) -> None:
        """Write either file, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.wanted if isinstance(content, Wanted) else self.status
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        draft.write_text(json.dumps(asdict(content), indent=1), encoding="utf-8")
        draft.replace(target)

    def forget(self) -> None:
        """Remove both files; log and predictions stay."""
        self.status.unlink(missing_ok=True)
        self.wanted.unlink(missing_ok=True)


def names(home: Path) -> list[str]:
    """Return the names of the local endpoints."""
    return sorted(file.stem for file in (home / "endpoints").glob("*.json") if not file.name.startswith("."))


def endpoint(status: Status, files: Files) -> Endpoint:
    """Return a status as the endpoint others see."""
    detail = {
        "pid": status.pid,
        "supervisor": status.supervisor,
        "restarts": status.restarts,
        "model_path": status.model_path,
        "log": str(files.log),
        "predictions": status.predictions,
    }
    return Endpoint(
        status.endpoint, status.url, "local", status.model, status.version, status.now(), status.since, detail
    )


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content
