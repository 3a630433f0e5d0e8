"""Model or image → endpoint, on a target; what is deployed, what it logs, stopping it, asking it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack, runtime_checkable

from nbprod.core.errors import DeployError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from nbprod.config import Project
    from nbprod.core.model import Endpoint, Image, Model
    from nbprod.core.protocols import Target
    from nbprod.deploy.history import Past

__all__ = [
    "compare",
    "deploy",
    "endpoints",
    "health",
    "logs",
    "past",
    "predict",
    "processes",
    "put_back",
    "sample",
    "serve",
    "stop",
    "targets",
    "watched",
]


@runtime_checkable
class InProject(Protocol):
    """A target that keeps its endpoints with the project, or serves with the notebook's own Python."""

    def within(self, project: Project, python: str | None) -> Target:
        """Return the target bound to both."""


class Placement(TypedDict, total=False):
    """Where and how a model is put.

    Attributes
    ----------
    target
        `local` (the default), `docker` or a plug-in.
    name
        The endpoint's name, by default the model's; the same name replaces.
    port
        By default the one the endpoint has, else a free one.
    image
        The model's image, for targets that run images.
    python
        The interpreter that serves on target `local`; by default this one.
    """

    target: str
    name: str | None
    port: int | None
    image: Image | None
    python: str | None


def deploy(model: Model, project: Project, **placement: Unpack[Placement]) -> Endpoint:
    """Put a model on a target, wait until it answers, and return the endpoint.

    Raises
    ------
    UnavailableError
        This machine lacks what the target needs.
    DeployError
        It did not come up; what was there before still serves.
    """
    from dataclasses import asdict

    from nbprod.deploy import history

    target, python, image = placement.get("target", "local"), placement.get("python"), placement.get("image")
    found = _target(target, project, python)
    lacking = found.missing()
    if lacking:
        raise UnavailableError("NB730", f"target {target} cannot be used: {lacking}", "see nbprod doctor")
    name = endpoint_name(placement.get("name") or model.name)
    endpoint = found.deploy(model, image, name=name, port=placement.get("port"))
    history.append(project.home, name, asdict(history.deployed(endpoint, image, python)))
    return endpoint


def past(project: Project, endpoint: Endpoint) -> Past:
    """Return what was deployed before under an endpoint's name on its target."""
    from nbprod.deploy import history

    return history.past(project.home, endpoint.endpoint, endpoint.target)


def put_back(project: Project, endpoint: Endpoint, model: Model, at: int) -> Endpoint:
    """Put the model of an earlier deployment, at that place of the past, back on its endpoint.

    On target `local` the endpoint serves meanwhile. Raises `DeployError` when it does not come up; what was there
    before still serves.
    """
    from nbprod.core.model import Image
    from nbprod.deploy import history

    earlier = past(project, endpoint).entries[at]
    image = Image(earlier.image, earlier.image, 0) if earlier.image else None
    target = _target(endpoint.target, project, earlier.python)
    found = target.deploy(model, image, name=endpoint.endpoint, port=None)
    history.append(project.home, endpoint.endpoint, {"target": endpoint.target, "to": at})
    return found


def targets(project: Project) -> list[dict[str, Any]]:
    """Return where models can be put, `local` first: `name`, `available`, and what is `missing` where it is not."""
    from nbprod import plugins

    found = []
    for name in sorted(plugins.names("targets"), key=lambda name: (name != "local", name)):
        try:
            missing = _target(name, project, None).missing()
        except ImportError as error:  # somebody else's plug-in
            missing = f"it cannot be loaded: {error}"
        found.append({"name": name, "available": missing is None, "missing": missing})
    return found


def health(endpoint: Endpoint) -> dict[str, Any]:
    """Return how an endpoint does; see `nbprod.deploy.pulse.health`."""
    from nbprod.deploy.pulse import health as asked

    return asked(endpoint)


def endpoints(project: Project) -> list[Endpoint]:
    """Return what is deployed from a project, on all targets that can be used here."""
    from nbprod import plugins

    found: list[Endpoint] = []
    for name in plugins.names("targets"):
        target = _target(name, project, None)
        if target.missing() is None:
            found += target.endpoints()
    return found


def watched(project: Project) -> list[Endpoint]:
    """Return the endpoints that answer and keep a prediction log to be watched by; asks no Docker engine."""
    found = _target("local", project, None).endpoints()
    return [item for item in found if item.state == "healthy" and "predictions" in item.detail]


def stop(project: Project, name: str) -> None:
    """Stop an endpoint and forget it; raises `DeployError` when there is none of that name."""
    from nbprod.deploy import history

    holder = _holder(project, name)
    holder.stop(name)
    history.forget(project.home, name, holder.name)


def logs(project: Project, name: str, lines: int = 100) -> str:
    """Return the last lines an endpoint wrote; raises `DeployError` when there is none of that name."""
    return _holder(project, name).logs(name, lines)


def processes(project: Project) -> list[dict[str, Any]]:
    """Return the processes of local endpoints, as `nbprod ps` shows them."""
    from nbprod.deploy.process import alive
    from nbprod.deploy.state import Files, names

    found: list[dict[str, Any]] = []
    for name in names(project.home):
        status = Files(project.home, name).read_status()
        if status is None:
            continue
        shown = {"kind": "endpoint", "since": status.since, "name": name, "url": status.url}
        for role, pid, token in (
            ("server", status.pid, status.started),
            ("supervisor", status.supervisor, status.supervisor_started),
        ):
            if alive(pid, token):
                found.append({"pid": pid, **shown, "role": role})
    return found


def sample(project: Project, name: str) -> dict[str, Any]:
    """Return the recorded rows of an endpoint's model, with the notebook's own predictions on them."""
    from nbprod.deploy.client import sample_of

    found = next((item for item in endpoints(project) if item.endpoint == name), None)
    if found is None or "model_path" not in found.detail:
        raise _unknown(project, name)
    return sample_of(found.detail["model_path"])


def predict(url: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Send rows to an endpoint and return its answer; raises `DeployError` with what it says is wrong."""
    from nbprod.deploy.client import predict as ask

    return ask(url, rows)


def compare(model: str, url: str) -> dict[str, Any]:
    """Ask an endpoint for a model's recorded rows and compare; see `nbprod.deploy.client.compare`."""
    from nbprod.deploy.client import compare as compared

    return compared(model, url)


def serve(
    model: Model, project: Project, *, host: str = "127.0.0.1", port: int | None = None, python: str | None = None
) -> AbstractContextManager[str]:
    """Serve a model until the block ends; see `nbprod.deploy.foreground.serve`."""
    from nbprod.deploy.foreground import serve as served

    return served(model, project, host=host, port=port, python=python)


def endpoint_name(name: str) -> str:
    """Return a name that files, containers and URLs can carry."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:63]
    if not found:
        raise DeployError("NB729", f"{name!r} cannot name an endpoint", "use letters and digits")
    return found


def _target(name: str, project: Project, python: str | None) -> Target:
    from nbprod import plugins

    found = plugins.target(name)
    return found.within(project, python) if isinstance(found, InProject) else found


def _holder(project: Project, name: str) -> Target:
    for item in endpoints(project):
        if item.endpoint == name:
            return _target(item.target, project, None)
    raise _unknown(project, name)


def _unknown(project: Project, name: str) -> DeployError:
    known = ", ".join(item.endpoint for item in endpoints(project)) or "none"
    return DeployError("NB720", f"there is no endpoint {name}", f"endpoints: {known}")
