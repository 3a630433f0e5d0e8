"""A `dvc.yaml` with one DVC stage a stage; each leaves a record of its run, which the stages after it depend on."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from nbprod.exporters.common import notebooks, text, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.core.pipeline import Pipeline, Stage


class DvcExporter:
    """Writes `dvc.yaml`."""

    name = "dvc"

    def export(self, pipeline: Pipeline, out: Path) -> Sequence[Path]:
        """Write `dvc.yaml` into `out`, the project's folder, and return its path."""
        lines = ["# Written by `nbprod export --to dvc`. Snapshots stay in nbprod's own store.", "stages:"]
        for stage in pipeline.stages:
            lines += _stage(pipeline, stage)
        return [write(out / "dvc.yaml", lines)]


def _stage(pipeline: Pipeline, stage: Stage) -> list[str]:
    paths = notebooks(pipeline)
    before = sorted({edge.source for edge in pipeline.edges if edge.target == stage.name})
    folder = posixpath.dirname(pipeline.notebook)
    files = sorted({posixpath.normpath(posixpath.join(folder, file)) for file in stage.files_read})
    run = shlex.join(["nbprod", "run", *paths, "--from", stage.name, "--to", stage.name, "--json"])
    record = _record(pipeline, stage.name)
    lines = [
        f"  {stage.name}:",
        f"    cmd: {text(f'mkdir -p nbprod-stages && {run} > {shlex.quote(record)}')}",
        "    deps:",
        *(f"      - {text(item)}" for item in [*paths, *files, *(_record(pipeline, name) for name in before)]),
        "    outs:",
        f"      - {text(record)}:",
        "          cache: false",
    ]
    return [*lines, "    always_changed: true"] if stage.volatile else lines


def _record(pipeline: Pipeline, stage: str) -> str:
    return f"nbprod-stages/{pipeline.name}.{stage}.json"
