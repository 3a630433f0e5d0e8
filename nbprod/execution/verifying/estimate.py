"""How long a verification may take, before anything runs."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

from nbprod import store
from nbprod.core.run import RunStatus, StageStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.notebook import Notebook
    from nbprod.core.pipeline import Pipeline

RUNS = 20
TIMES = (("iopub.execute_input", "iopub.status.idle"), ("iopub.execute_input", "shell.execute_reply"))
"""The pairs of times that JupyterLab writes into a cell's metadata."""


def estimate(pipeline: Pipeline, project: Project, found: Sequence[Notebook], *, reuse: bool = False) -> float | None:
    """Return the seconds that verifying may take: the notebook and the pipeline once each, or the pipeline alone.

    Each stage counts as it last ran; without a run, the times that Jupyter or papermill noted in the file.
    """
    once = _from_runs(pipeline, project)
    if once is None:
        once = sum((_from_file(project.notebook(notebook.path)) for notebook in found), 0.0) or None
    if once is None:
        return None
    return once * (1 if reuse else 2)


def _from_runs(pipeline: Pipeline, project: Project) -> float | None:
    seconds: dict[str, float] = {}
    for run in store.history(project, pipeline.notebook, RUNS):
        if run.status is not RunStatus.SUCCEEDED:
            continue
        for stage in run.stages:
            if stage.status is StageStatus.SUCCEEDED:
                seconds.setdefault(stage.name, stage.seconds)
    known = [seconds[stage.name] for stage in pipeline.stages if stage.name in seconds]
    return sum(known) if known else None


def _from_file(path: Path) -> float:
    cells = json.loads(path.read_text(encoding="utf-8")).get("cells", [])
    return sum(_seconds(cell.get("metadata") or {}) for cell in cells if cell.get("cell_type") == "code")


def _seconds(metadata: Mapping[str, Any]) -> float:
    duration = (metadata.get("papermill") or {}).get("duration")
    if isinstance(duration, int | float):
        return float(duration)
    times = metadata.get("execution") or {}
    for begin, end in TIMES:
        first, last = _time(times.get(begin)), _time(times.get(end))
        if first is not None and last is not None:
            return max(0.0, (last - first).total_seconds())
    return 0.0


def _time(text: object) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
