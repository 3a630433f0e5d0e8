"""What exporters share: the notebooks of a pipeline, quoting, writing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbprod.core.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.core.pipeline import Pipeline


def notebooks(pipeline: Pipeline) -> list[str]:
    """Return the notebooks of a pipeline, in the order given; raises `ExportError` for one outside the project."""
    found = [step.notebook for stage in pipeline.stages for step in stage.steps if step.notebook]
    paths = list(dict.fromkeys([pipeline.notebook, *found]))
    for path in paths:
        if path.startswith(("/", "../")) or ":" in path:
            raise ExportError("NB860", f"{path} is outside the project", "move it into the project's folder")
    return paths


def text(value: str) -> str:
    """Return a YAML scalar (every JSON string is one)."""
    return json.dumps(value, ensure_ascii=False)


def write(path: Path, lines: list[str]) -> Path:
    """Write `lines` to `path` and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path
