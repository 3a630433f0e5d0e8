"""Prediction log → drift report: what an endpoint is asked against what its model was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import MonitorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbprod.config import Project
    from nbprod.core.model import Endpoint

__all__ = ["reference", "report"]

MOST_ROWS = 100_000


def report(project: Project, endpoint: Endpoint, monitor: str = "psi") -> dict[str, Any]:
    """Return the drift report of an endpoint.

    Parameters
    ----------
    project, endpoint
        The endpoint, and the project it belongs to.
    monitor
        The judge: `psi`, or a plug-in of `nbprod.monitors`.

    Returns
    -------
    dict
        `endpoint`, `monitor`, `rows` (how many were judged, the latest), `since`, `verdict`, `features`.

    Raises
    ------
    MonitorError
        The endpoint keeps no prediction log, or its model has no recorded rows.
    """
    from nbprod import plugins

    if "predictions" not in endpoint.detail:
        hint = "endpoints of target local keep one"
        raise MonitorError("NB840", f"endpoint {endpoint.endpoint} keeps no prediction log", hint)
    expected = reference(endpoint.detail["model_path"])
    folder = Path(endpoint.detail["predictions"])
    folder = folder if folder.is_absolute() else project.root / folder
    entries = list(_entries(folder))
    rows = [row for entry in entries for row in _rows(entry, expected["prediction"])][-MOST_ROWS:]
    found = plugins.monitor(monitor).report(expected, rows)
    since = entries[0]["time"] if entries else None
    return {"endpoint": endpoint.endpoint, "monitor": monitor, "rows": len(rows), "since": since, **found}


def reference(model: str) -> dict[str, Any]:
    """Return what a monitor compares with, from the model's recorded rows.

    Returns
    -------
    dict
        `columns` (name → values), `types` (name → type of the input), and `prediction`, the name predictions have
        among them.
    """
    from nbprod.serving.formats import read_manifest, read_sample, sample_columns
    from nbprod.serving.problems import ModelUnusable

    try:
        manifest = read_manifest(model)
        sample = read_sample(model, manifest)
    except ModelUnusable as error:
        raise MonitorError("NB841", error.message, error.hint) from error
    if sample is None or not sample["data"]:
        raise MonitorError("NB841", f"the model {model} has no recorded rows", "run its notebook again")
    columns = sample_columns(sample)
    types = {item["name"]: item["type"] for item in manifest["inputs"]}
    name = "prediction" if "prediction" not in columns else "(prediction)"
    kind = "string" if manifest["task"] == "classification" else "double"
    return {
        "columns": {**columns, name: sample["predictions"]},
        "types": {**types, name: kind},
        "prediction": name,
    }


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    # names carry their time, so they sort; the current file comes last
    current = folder / "predictions.jsonl"
    for file in [*sorted(folder.glob("predictions-*.jsonl")), *([current] if current.is_file() else [])]:
        with file.open("rb") as lines:
            for line in lines:
                try:
                    entry: dict[str, Any] = json.loads(line)
                except ValueError:
                    continue  # the line that is being written, or that a full disk cut short
                yield entry


def _rows(entry: Mapping[str, Any], prediction: str) -> list[dict[str, Any]]:
    columns = {**entry["columns"], prediction: entry["predictions"]}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
