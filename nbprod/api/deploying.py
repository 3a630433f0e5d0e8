"""Endpoints: models put on a target, asked, watched, put back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.api.models import model, python_of
from nbprod.config import Project
from nbprod.core.errors import DeployError
from nbprod.core.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.api.notebook import Source
    from nbprod.core.model import Endpoint
    from nbprod.core.run import RunOptions, Watcher
    from nbprod.deploy.history import Deployed


def deploy(
    path: Source | Sequence[Source],
    target: str = "local",
    *,
    name: str | None = None,
    port: int | None = None,
    options: RunOptions | None = None,
    watcher: Watcher | None = None,
) -> Endpoint:
    """Put a model on a target and wait until it answers as the notebook did; raises `DeployError` otherwise."""
    from nbprod import deploy as deploying
    from nbprod import packaging, store

    say = watcher.step if watcher else (lambda _text: None)
    say("reading the notebook")
    found, project = model(path, options, [watcher.listen] if watcher else ())
    image = None
    if target != "local":
        say("building the image")
        image = packaging.build(found, project, progress=say)
        store.remember_image(project, found.name, image.image)
    say(_starting(found) if target == "local" else "starting the endpoint")
    python = python_of(path)
    return deploying.deploy(
        found, project, target=target, name=name or found.name, port=port, image=image, python=python
    )


def _starting(found: Model) -> str:
    """Return what is done when the local target brings a model up: it is asked for the recorded rows first."""
    from nbprod.serving.formats import read_sample
    from nbprod.serving.problems import ModelUnusable

    try:
        rows = len((read_sample(found.path) or {"data": ()})["data"])
    except ModelUnusable:  # the server says so
        rows = 0
    compared = f", comparing {rows} {'row' if rows == 1 else 'rows'} with the notebook" if rows else ""
    return f"starting the endpoint{compared}"


def endpoints(path: Source = ".") -> list[Endpoint]:
    """Return what is deployed from this project, on every target this machine can use."""
    from nbprod import deploy as deploying

    project = Project.find(path)
    return [_with_version(project, item) for item in deploying.endpoints(project)]


def _with_version(project: Project, item: Endpoint) -> Endpoint:
    """Return an endpoint with the version its model has been registered under since it was deployed."""
    from nbprod import tracking

    run_id = Path(item.detail.get("model_path", "")).name
    found = tracking.model_version(project, run_id) if item.version is None and run_id else None
    return replace(item, version=found[0]) if found else item


def endpoint(name: str, path: Source = ".") -> Endpoint:
    """Return one endpoint; raises `DeployError` naming those there are."""
    found = endpoints(path)
    for item in found:
        if item.endpoint == name:
            return item
    known = ", ".join(item.endpoint for item in found) or "none"
    raise DeployError("NB720", f"there is no endpoint {name}", f"endpoints: {known}")


def stop_endpoint(name: str, path: Source = ".") -> None:
    """Stop an endpoint and forget it."""
    from nbprod import deploy as deploying

    deploying.stop(Project.find(path), name)


def endpoint_logs(name: str, path: Source = ".", lines: int = 100) -> str:
    """Return the last lines an endpoint wrote."""
    from nbprod import deploy as deploying

    return deploying.logs(Project.find(path), name, lines)


def predict(name: str, rows: Sequence[Mapping[str, Any]], path: Source = ".") -> dict[str, Any]:
    """Send rows to an endpoint, by its name or URL, and return its answer."""
    from nbprod import deploy as deploying

    url = name if name.startswith(("http://", "https://")) else endpoint(name, path).url
    return deploying.predict(url, rows)


def sample(name: str, path: Source = ".") -> dict[str, Any]:
    """Return the recorded rows of an endpoint's model with the notebook's own predictions on them."""
    from nbprod import deploy as deploying

    return deploying.sample(Project.find(path), name)


def monitor(name: str, path: Source = ".") -> dict[str, Any]:
    """Compare what an endpoint was asked with its model's training data."""
    from nbprod import monitoring

    return monitoring.report(Project.find(path), endpoint(name, path))


def targets(path: Source = ".") -> list[dict[str, Any]]:
    """Return where models can be put, `local` first: `name`, `available`, and what is `missing` where it is not."""
    from nbprod import deploy as deploying

    return deploying.targets(Project.find(path))


def health(name: str, path: Source = ".") -> dict[str, Any]:
    """Return how an endpoint does: `state`, `version`, `requests`, `errors`, `rows`, `p50_ms`, `p95_ms`."""
    from nbprod import deploy as deploying

    return deploying.health(endpoint(name, path))


def versions(name: str, path: Source = ".") -> list[dict[str, Any]]:
    """Return what an endpoint serves and has served, newest first.

    Returns
    -------
    list
        For each model once `version` (None until it is registered), `model`, `model_path`, `target`, `deployed` (when,
        in ISO) and `current`.
    """
    from nbprod import deploy as deploying

    project, found = Project.find(path), endpoint(name, path)
    past = deploying.past(project, found)
    listed: dict[str, dict[str, Any]] = {}
    for at in reversed(range(len(past.entries))):
        item = past.entries[at]
        told = {"version": _version(project, item), "model": item.model, "model_path": item.model_path}
        entry = listed.setdefault(item.model_path, {**told, "target": item.target, "deployed": item.time})
        entry["current"] = entry.get("current", False) or at == past.now
    return list(listed.values())


def rollback(name: str, path: Source = ".", *, version: str | None = None, watcher: Watcher | None = None) -> Endpoint:
    """Put the model that was deployed before back on an endpoint, or the one of a version, or of the run that made it.

    It is checked on its recorded rows as any that is deployed; raises `DeployError` when there is none, or when it
    does not come up: then the endpoint serves what it served.
    """
    from nbprod import deploy as deploying

    project, found = Project.find(path), endpoint(name, path)
    past = deploying.past(project, found)
    at = past.previous
    if version is not None:
        at = past.find(lambda item: version in (_version(project, item), item.run))
    if at is None:
        known = ", ".join(_version(project, item) or item.run for item in reversed(past.entries))
        missing = f"version {version} was never deployed" if version else "no model was deployed before this one"
        raise DeployError("NB734", f"{name}: {missing}", f"deployed: {known}" if known else "nbprod deploy NB")
    chosen = past.entries[at]
    known_as = _version(project, chosen)
    if not chosen.image and not Path(chosen.model_path).is_dir():
        raise DeployError("NB735", f"the model {chosen.model_path} is gone", "run its notebook and deploy it again")
    if watcher:
        watcher.step(f"putting back {f'version {known_as}' if known_as else f'the model of run {chosen.run}'}")
    return deploying.put_back(project, found, Model(chosen.model, chosen.model_path, known_as), at)


def _version(project: Project, item: Deployed) -> str | None:
    """Return the version of a deployed model, as far as it has been registered by now."""
    from nbprod import tracking

    if item.version is not None:
        return item.version
    registered = tracking.model_version(project, item.run) if item.run else None
    return registered[0] if registered else None
