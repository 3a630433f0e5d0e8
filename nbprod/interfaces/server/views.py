"""What the panel is told: plain JSON of what `nbprod.api` returns; `labextension/src/tokens.ts` has the types."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbprod.core.drawing import Sizes, draw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.api import CheckResult
    from nbprod.config import Project
    from nbprod.core.model import Endpoint
    from nbprod.core.pipeline import Parameter, Pipeline, Stage
    from nbprod.core.run import Run

SIZES = Sizes(width=128, height=50, gap_x=12, gap_y=22, margin=2, lane=12)
JSON_SCALARS = (str, int, float, bool, type(None))
STAGE = ("name", "status", "reason", "seconds", "outputs", "metrics")


def pipeline(result: CheckResult) -> dict[str, Any]:
    """Return roles, stages, edges, parameters, diagnostics and readiness of a notebook."""
    found = result.pipeline
    ids = {role.cell: role.cell_id for role in found.roles}
    told = result.as_json()
    told["diagnostics"] = [
        {**shown, "mendable": bool(item.edits)}
        for shown, item in zip(told["diagnostics"], found.diagnostics, strict=True)
    ]
    return {
        "notebook": found.notebook,
        "roles": [asdict(role) for role in found.roles],
        "stages": [_stage(stage, ids) for stage in found.stages],
        "edges": [
            {"from": edge.source, "to": edge.target, "names": list(edge.names), "kind": edge.kind}
            for edge in found.edges
        ],
        "parameters": [_parameter(item) for item in found.parameters],
        "undecided": list(found.undecided),
        "drawing": _drawing(found),
        **told,
    }


def _drawing(found: Pipeline) -> dict[str, Any]:
    """Return where boxes and lines go in a sidebar: two boxes fit side by side."""
    drawing = draw(found, SIZES)
    return {
        "width": drawing.width,
        "height": drawing.height,
        "box": {"width": SIZES.width, "height": SIZES.height},
        "boxes": [asdict(box) for box in drawing.boxes],
        "lines": [
            {"from": line.source, "to": line.target, "names": list(line.names), "path": line.path}
            for line in drawing.lines
        ],
    }


def run(found: Run, project: Project) -> dict[str, Any]:
    """Return a run as `run --json` prints it, with MLflow's page of it and whether executed notebooks are there."""
    told = found.as_json()
    told["stages"] = [_stage_run(item, project) for item in told["stages"]]
    return {**told, "mlflow": _in_mlflow(project, found.id)}


def progress(project: Project, run_id: str) -> dict[str, Any]:
    """Return what a run's own file, written at every change, knows better than the ledger, written at both ends."""
    file = project.home / "runs" / run_id / "run.json"
    try:
        found = json.loads(file.read_bytes())
        stages = [_stage_run(item, project) for item in found["stages"]]
        return {"stages": stages, "metrics": found["metrics"], "seconds": found["seconds"]}
    except (OSError, ValueError, KeyError):
        return {}


def endpoint(found: Endpoint) -> dict[str, Any]:
    """Return an endpoint without what belongs to its target alone."""
    fields = ("endpoint", "url", "target", "model", "version", "state", "since")
    return {name: getattr(found, name) for name in fields}


def _stage_run(item: Mapping[str, Any], project: Project) -> dict[str, Any]:
    since = item.get("started") if item["status"] == "running" else None
    return {
        **{name: item[name] for name in STAGE if name in item},
        "since": datetime.fromtimestamp(since, UTC).isoformat(timespec="milliseconds") if since else None,
        "kept": bool(item.get("notebook")) and (project.root / item["notebook"]).is_file(),
    }


def _in_mlflow(project: Project, run_id: str) -> str | None:
    """Return the part of MLflow's address that shows a run; None until MLflow knows of it."""
    from nbprod.tracking.publisher import registered

    known = registered(project, run_id)
    if known is None:
        return None
    # MLflow shows pages for chat agents unless it is told what kind of work this is
    return f"#/experiments/{known['experiment']}/runs/{known['mlflow_run']}?workflowType=machine_learning"


def _stage(stage: Stage, ids: dict[int, str]) -> dict[str, Any]:
    return {
        "name": stage.name,
        "cells": list(stage.cells),
        "cell_ids": [ids[cell] for cell in stage.cells if cell in ids],
        "reads": list(stage.reads),
        "writes": list(stage.writes),
        "volatile": list(stage.volatile),
    }


def _parameter(item: Parameter) -> dict[str, Any]:
    default = item.default if isinstance(item.default, JSON_SCALARS) else None
    return {
        "name": item.name,
        "type": item.type,
        "default": default,
        "default_source": item.default_source,
        "help": item.help,
    }
