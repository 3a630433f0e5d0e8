"""What the panel is told: plain JSON of what `nbprod.api` returns."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbprod.api import CheckResult
    from nbprod.core.model import Endpoint
    from nbprod.core.pipeline import Parameter, Stage
    from nbprod.core.run import Run

JSON_SCALARS = (str, int, float, bool, type(None))


def pipeline(result: CheckResult) -> dict[str, Any]:
    """Return roles, stages, edges, parameters, diagnostics and readiness of a notebook."""
    found = result.pipeline
    ids = {role.cell: role.cell_id for role in found.roles}
    return {
        "notebook": found.notebook,
        "roles": [asdict(role) for role in found.roles],
        "stages": [_stage(stage, ids) for stage in found.stages],
        "edges": [
            {"from": edge.source, "to": edge.target, "names": list(edge.names), "kind": edge.kind}
            for edge in found.edges
        ],
        "parameters": [_parameter(item) for item in found.parameters],
        **result.as_json(),
    }


def run(found: Run) -> dict[str, Any]:
    """Return a run as `run --json` prints it."""
    return found.as_json()


def endpoint(found: Endpoint) -> dict[str, Any]:
    """Return an endpoint without what belongs to its target alone."""
    fields = ("endpoint", "url", "target", "model", "version", "state", "since")
    return {name: getattr(found, name) for name in fields}


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
