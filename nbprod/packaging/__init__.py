"""Model → image: a build context that needs no network, built by the Docker engine, tried on the recorded rows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.core.errors import PackagingError, UnavailableError
from nbprod.core.model import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.config import Project
    from nbprod.core.model import Model
    from nbprod.serving.formats import ModelManifest

__all__ = ["build"]


def build(
    model: Model,
    project: Project,
    *,
    tag: str | None = None,
    base: str | None = None,
    dockerfile: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Image:
    """Make a container image of a model.

    Parameters
    ----------
    model, project
        The model, and where the build's files go meanwhile.
    tag
        `NAME:TAG`, by default the model's name and version.
    base
        The image to start from, by default `python:X.Y-slim` of the model's Python.
    dockerfile
        Only write the folder to build from there; no engine is needed, and the image has no digest.
    progress
        Told what is being done.

    Raises
    ------
    UnavailableError
        No Docker engine answers.
    PackagingError
        The image cannot be built, or does not answer as the notebook did.
    """
    from nbprod.packaging import context
    from nbprod.packaging.names import image_name

    say = progress or (lambda _text: None)
    manifest = _manifest(model)
    name = image_name(tag, model, manifest.get("run", ""))
    start = base or f"python:{manifest.get('python', '3.11')}-slim"
    if dockerfile is not None:
        context.write(dockerfile, model, manifest, base=start, progress=say)
        return Image(name, "", 0, evidence={"context": str(dockerfile)})
    return _with_engine(model, project, name, start, say)


def _with_engine(model: Model, project: Project, name: str, base: str, say: Callable[[str], None]) -> Image:
    from nbprod.containers import docker_engine
    from nbprod.packaging import context, engine

    try:
        with docker_engine(seconds=600) as docker, tempfile.TemporaryDirectory(dir=project.home) as folder:
            architecture = engine.architecture(docker)
            manifest = _manifest(model)
            context.write(Path(folder), model, manifest, base=base, architecture=architecture, progress=say)
            return engine.build(docker, Path(folder), name, say)
    except UnavailableError as error:
        hint = f"{error.hint}; nbprod build --dockerfile DIR writes what any builder can build"
        raise UnavailableError(error.code, error.message, hint) from error


def _manifest(model: Model) -> ModelManifest:
    from nbprod.serving.formats import read_manifest
    from nbprod.serving.problems import ModelUnusable

    try:
        return read_manifest(model.path)
    except ModelUnusable as error:
        raise PackagingError("NB720", error.message, error.hint) from error
