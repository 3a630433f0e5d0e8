"""Target `docker`: a container of the model's image, locked down; its labels are its state."""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import TYPE_CHECKING, Any, Self

from nbprod.config import Project
from nbprod.containers import docker_engine
from nbprod.core.errors import DeployError, UnavailableError
from nbprod.core.model import Endpoint
from nbprod.deploy.client import ready
from nbprod.deploy.launch import listen

if TYPE_CHECKING:
    from nbprod.core.model import Image, Model

INSIDE = "8080/tcp"
PATIENCE = 120.0
LABEL = "dev.nbprod"


class DockerTarget:
    """Containers on the Docker engine this machine talks to."""

    name = "docker"

    def __init__(self) -> None:
        self.project: Project | None = None

    def within(self, project: Project, python: str | None) -> Self:
        """Return this target bound to a project; the image brings its own Python."""
        del python
        self.project = project
        return self

    def missing(self) -> str | None:
        """Return what this machine lacks: an engine that answers."""
        try:
            with docker_engine():
                return None
        except UnavailableError as error:
            return error.message

    def deploy(self, model: Model, image: Image | None, *, name: str, port: int | None) -> Endpoint:
        """Run the image as endpoint `name`; when it does not come up, the one it was to replace runs again."""
        if image is None:
            raise DeployError("NB731", "target docker runs an image, and there is none", "nbprod build NOTEBOOK")
        with docker_engine() as engine:
            old = self._container(engine, name)
            address = port or (_port(old) if old else None) or _free()
            if old:
                old.stop(timeout=15)
                old.rename(f"{old.name}-old")
            new = None
            try:
                new = engine.containers.create(**self._options(model, image, name, address))
                new.start()
                _until_ready(new, address)
            except Exception as error:
                _restore(new, old)
                raise _failure(error, image) from error
            if old:
                old.remove(force=True)
            new.reload()
            return _endpoint(new)

    def endpoints(self) -> list[Endpoint]:
        """Return the project's containers as endpoints."""
        with docker_engine() as engine:
            return [_endpoint(item) for item in engine.containers.list(all=True, filters={"label": self._mine})]

    def logs(self, name: str, lines: int) -> str:
        """Return the last lines a container printed."""
        with docker_engine() as engine:
            text: bytes = self._known(engine, name).logs(tail=lines)
            return text.decode("utf-8", "replace").rstrip("\n")

    def stop(self, name: str) -> None:
        """Stop and remove the container."""
        with docker_engine() as engine:
            container = self._known(engine, name)
            container.stop(timeout=15)
            container.remove(force=True)

    @property
    def _mine(self) -> str:
        root = (self.project or Project.find()).root
        return f"{LABEL}.project={hashlib.sha256(str(root).encode()).hexdigest()[:12]}"

    def _options(self, model: Model, image: Image, name: str, port: int) -> dict[str, Any]:
        key, _, project = self._mine.partition("=")
        labels = {
            key: project,
            f"{LABEL}.endpoint": name,
            f"{LABEL}.model": model.name,
            f"{LABEL}.version": model.version or "",
            f"{LABEL}.port": str(port),
            f"{LABEL}.model_path": model.path,
        }
        extra = ["--version", model.version] if model.version else []
        return {
            "image": image.image,
            "name": f"nbprod-{name}-{project[:6]}",
            "command": ["--name", model.name, *extra],
            "labels": labels,
            "ports": {INSIDE: ("127.0.0.1", port)},
            "read_only": True,
            "tmpfs": {"/tmp": ""},  # noqa: S108 (the container's own)
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": 512,
            "restart_policy": {"Name": "unless-stopped"},
        }

    def _container(self, engine: Any, name: str) -> Any:
        filters = {"label": [self._mine, f"{LABEL}.endpoint={name}"]}
        return next(iter(engine.containers.list(all=True, filters=filters)), None)

    def _known(self, engine: Any, name: str) -> Any:
        found = self._container(engine, name)
        if found is None:
            raise DeployError("NB720", f"there is no endpoint {name} on docker", "see nbprod endpoints")
        return found


def _endpoint(container: Any) -> Endpoint:
    labels = {key.removeprefix(f"{LABEL}."): value for key, value in container.labels.items()}
    health = container.attrs["State"].get("Health", {}).get("Status", "")
    running = container.status == "running"
    state = {"unhealthy": "unhealthy", "starting": "healthy"}.get(health, "healthy") if running else "stopped"
    return Endpoint(
        labels["endpoint"],
        f"http://127.0.0.1:{labels['port']}",
        "docker",
        labels["model"],
        labels["version"] or None,
        "unhealthy" if container.status == "restarting" else state,
        container.attrs["State"].get("StartedAt", ""),
        {"container": container.name, "image": container.attrs["Config"]["Image"], "model_path": labels["model_path"]},
    )


def _port(container: Any) -> int:
    return int(container.labels[f"{LABEL}.port"])


def _free() -> int:
    with listen("127.0.0.1", None) as listener:
        return int(listener.getsockname()[1])


def _until_ready(container: Any, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        container.reload()
        if container.status != "running" or container.attrs["RestartCount"]:
            last = container.logs(tail=8).decode("utf-8", "replace").strip()
            raise DeployError("NB733", f"the container ended before it was ready:\n    {last}", "mend the model")
        if ready(f"http://127.0.0.1:{port}"):
            return
        time.sleep(0.1)
    raise DeployError("NB725", f"the container was not ready after {PATIENCE:.0f} s", "see docker logs")


def _restore(new: Any, old: Any) -> None:
    if new is not None:
        new.remove(force=True)
    if old is not None:
        old.rename(old.name.removesuffix("-old"))
        old.start()
        with contextlib.suppress(DeployError):  # the failure that is being reported is the new one's
            _until_ready(old, _port(old))


def _failure(error: Exception, image: Image) -> DeployError:
    if isinstance(error, DeployError):
        return error
    reason = getattr(error, "explanation", None) or str(error)
    return DeployError(
        "NB733", f"{image.image} cannot be run: {reason}", "choose another with --port, or see the engine"
    )
