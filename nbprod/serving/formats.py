"""The files of a model directory that serving reads: `nbprod.json` and `sample.json`. Standard library only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Required, TypedDict

from .problems import ModelUnusable

FORMAT = 1
MANIFEST = "nbprod.json"
NEEDED = {"format", "name", "kind", "task", "payload", "inputs", "input_kind"}


class Input(TypedDict):
    """One input of a model: a column, or an argument."""

    name: str
    type: str
    required: bool


class ModelManifest(TypedDict, total=False):
    """`nbprod.json` of a model directory.

    `batch`: one call of `predict` takes all rows. `none`: columns whose gaps are None, not NaN. `categories` in order,
    `ordered` the columns where that order means something. `shape`: of one row of an array model.
    """

    format: Required[int]
    name: Required[str]
    run: str
    notebook: str
    kind: Required[str]
    task: Required[str]
    payload: Required[str]
    loader: str
    inputs: Required[list[Input]]
    input_kind: Required[str]
    dtypes: dict[str, str]
    batch: bool
    categories: dict[str, list[Any]]
    ordered: list[str]
    none: list[str]
    shape: list[int]
    classes: list[Any] | None
    sample: str | None
    python: str
    requirements: list[str]
    created: str


class Sample(TypedDict):
    """`sample.json`: rows of the run's own values, and the notebook's own predictions on them."""

    columns: list[str]
    data: list[list[Any]]
    predictions: list[Any]
    probabilities: list[list[float]] | None


def read_manifest(path: str | Path) -> ModelManifest:
    """Return the manifest of a model directory; raises `ModelUnusable`."""
    file = Path(path) / MANIFEST
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelUnusable(f"{path} is no model directory of nbprod: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict) or not set(content) >= NEEDED:
        raise ModelUnusable(f"{file} is incomplete")
    if content["format"] != FORMAT:
        raise ModelUnusable(f"{file} has format {content['format']}, this nbprod reads {FORMAT}")
    manifest: ModelManifest = content  # type: ignore[assignment]  # checked above, key by key
    return manifest


def read_sample(path: str | Path, manifest: ModelManifest | None = None) -> Sample | None:
    """Return the recorded rows of a model directory, None when it has none."""
    name = (manifest or read_manifest(path)).get("sample")
    if not name:
        return None
    file = Path(path) / name
    try:
        sample: Sample = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{file} cannot be read: {error}") from error
    return sample


def sample_columns(sample: Sample, rows: int | None = None) -> dict[str, list[Any]]:
    """Return the sample's rows, or the first few, column by column."""
    data = sample["data"][:rows]
    return {name: [row[index] for row in data] for index, name in enumerate(sample["columns"])}
