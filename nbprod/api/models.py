"""Models outside their notebook: built, served, deployed, asked, watched."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.api.notebook import Source, analyze, project_of
from nbprod.api.running import run
from nbprod.config import Project
from nbprod.core.errors import ModelError, UsageError
from nbprod.core.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.core.model import Image
    from nbprod.core.run import Listener, Run, RunOptions, Watcher
    from nbprod.serving.model import LoadedModel


def model(
    path: Source | Sequence[Source], options: RunOptions | None = None, listeners: Sequence[Listener] = ()
) -> tuple[Model, Project]:
    """Return the model of notebooks (run when they changed) or of a model directory, and its project."""
    import json

    first = Path(path if isinstance(path, str | os.PathLike) else path[0])
    manifest = first / "nbprod.json"
    if manifest.is_file():
        return Model(json.loads(manifest.read_text())["name"], str(first.resolve())), Project.find(".")
    if first.suffix != ".ipynb":
        raise UsageError("NB912", f"{first} is neither a notebook nor a model directory", "give an .ipynb file")
    finished = run(path, options=options, listeners=listeners)
    if finished.model is None:
        raise no_model(finished)
    return finished.model, project_of(path)


def no_model(finished: Run) -> ModelError:
    """Return the error for a run that left no model."""
    why = next((text for text in finished.notes if text.startswith("no model: ")), None)
    if why is not None:
        return ModelError("NB620", f"{finished.notebook} leaves {why}")
    text = f"{finished.notebook} leaves no model: no fitted estimator reaches the end"
    return ModelError("NB620", text, "tag a cell serve that defines predict(…)")


def python_of(path: Source | Sequence[Source]) -> str | None:
    """Return the interpreter of a notebook's kernel; None for a model directory, which any fitting Python serves."""
    from nbprod import execution

    if Path(path if isinstance(path, str | os.PathLike) else path[0]).suffix != ".ipynb":
        return None
    return str(execution.interpreter(analyze(path), project_of(path)).python)


def load_model(path: Source) -> LoadedModel:
    """Load a model directory; `.predict(df)` answers as the endpoint does. Only load models you trust: it unpickles."""
    from nbprod.serving.model import load

    return load(str(path))


def build(
    path: Source | Sequence[Source],
    tag: str | None = None,
    *,
    base: str | None = None,
    dockerfile: Source | None = None,
    options: RunOptions | None = None,
    watcher: Watcher | None = None,
) -> Image:
    """Make a container image of a model, or with `dockerfile` only the folder that builds it."""
    from nbprod import packaging, store

    found, project = model(path, options, [watcher.listen] if watcher else ())
    where = Path(dockerfile) if dockerfile else None
    say = watcher.step if watcher else None
    made = packaging.build(found, project, tag=tag, base=base, dockerfile=where, progress=say)
    if made.digest:
        store.remember_image(project, found.name, made.image)
    return made


@contextmanager
def serve(path: Source | Sequence[Source], host: str = "127.0.0.1", port: int | None = None) -> Iterator[str]:
    """Serve a model until the block ends; yields the URL once it is healthy."""
    from nbprod import deploy as deploying

    found, project = model(path)
    with deploying.serve(found, project, host=host, port=port, python=python_of(path)) as url:
        yield url


@contextmanager
def serve_model(finished: Run, host: str = "127.0.0.1", port: int | None = None) -> Iterator[str]:
    """Serve the model of a finished run until the block ends; yields the URL once it is healthy."""
    from nbprod import deploy as deploying

    if finished.model is None:
        raise no_model(finished)
    project = Project.find(finished.model.path)
    python = python_of(project.notebook(finished.notebook))
    with deploying.serve(finished.model, project, host=host, port=port, python=python) as url:
        yield url


def compare(finished: Run, url: str) -> dict[str, Any]:
    """Ask an endpoint for the recorded rows and compare with the notebook's own predictions.

    Returns
    -------
    dict
        `equal`, `rows` (how many were compared), `detail` (the worst difference, in words), `row` (the first one).
    """
    from nbprod import deploy as deploying

    if finished.model is None:
        raise no_model(finished)
    return deploying.compare(finished.model.path, url)


def score(path: Source | Sequence[Source], given: Source, out: Source) -> int:
    """Apply a model to a CSV or Parquet file, write it with the predictions, and return the number of rows."""
    from nbprod.serving.score import score_file

    found, _ = model(path)
    return score_file(found.path, Path(given), Path(out))


def table_rows(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a CSV file, missing values as None."""
    import pandas as pd

    table = pd.read_csv(file).astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
