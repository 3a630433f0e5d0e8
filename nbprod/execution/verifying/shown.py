"""What cells displayed in a run, gathered from its executed notebooks, and compared."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod import notebooks
from nbprod.execution.verifying import displays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.core.run import Run
    from nbprod.execution.verifying.whole import Key, Whole

_RUN = re.compile(r"^\s*%run\b|run_line_magic\(\s*['\"]run\b", re.MULTILINE)
DONE = ("completed", "failed")


@dataclass(slots=True)
class Shown:
    """Outputs by cell, of the cells that were executed."""

    outputs: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, stages: Iterable[Stage], home: Path, notebook: str) -> Shown:
        """Return what the cells of `stages` displayed in a run."""
        shown = cls()
        for stage in stages:
            shown._add(stage, home / "runs" / run.id / f"{stage.name}.ipynb", notebook)
        return shown

    def _add(self, stage: Stage, path: Path, notebook: str) -> None:
        if not path.exists():
            return
        executed = json.loads(path.read_text(encoding="utf-8"))["cells"]
        own = [cell for cell in executed if cell["metadata"].get("nbprod", {}).get("kind") == "cell"]
        steps = [step for step in stage.steps if step.kind == "cell"]
        for step, cell in zip(steps, own, strict=False):
            if cell["metadata"]["papermill"]["status"] in DONE:
                self.outputs.setdefault((step.notebook or notebook, step.cell), []).extend(cell["outputs"])


def of_notebook(run: Run, whole: Whole, home: Path) -> Shown:
    """Return what the notebook displayed, run top to bottom."""
    return Shown.of(run, whole.pipeline.stages, home, whole.pipeline.notebook)


def of_pipeline(run: Run, pipeline: Pipeline, home: Path, whole: Whole) -> Shown:
    """Return what the pipeline's stages, gates and tests displayed, but for cells part of which is in another file."""
    judging = [stage for stage in (pipeline.gate, pipeline.test) if stage is not None]
    shown = Shown.of(run, [*pipeline.stages, *judging], home, pipeline.notebook)
    if any(step.argv for stage in pipeline.stages for step in stage.steps):
        for text in whole.texts:
            if _RUN.search(text.source):
                shown.outputs.pop((text.notebook, text.cell), None)
    return shown


def of_file(whole: Whole, project: Project) -> Shown:
    """Return what the notebooks' files show, of the cells that have been run."""
    shown = Shown()
    for path in dict.fromkeys(path for path, _ in whole.cells):
        for cell in notebooks.read(project.notebook(path), path).cells:
            if (path, cell.number) in whole.cells and (cell.execution_count is not None or cell.outputs):
                shown.outputs[path, cell.number] = [dict(output) for output in cell.outputs]
    return shown


@dataclass(frozen=True, slots=True)
class Unlike:
    """A cell that does not display the same on both sides."""

    key: Key
    where: str
    left: str
    right: str


def compare(one: Shown, other: Shown, cells: Iterable[Key]) -> tuple[int, list[Unlike]]:
    """Return how many cells displayed something, and those that differ."""
    count, unlike = 0, []
    for key in cells:
        if key not in one.outputs or key not in other.outputs:
            continue
        left, right = displays.canonical(one.outputs[key]), displays.canonical(other.outputs[key])
        count += bool(left or right)
        found = displays.difference(left, right)
        if found is not None:
            unlike.append(Unlike(key, *found))
    return count, unlike


def differs_but_for_numbers(one: Mapping[Key, Any], other: Mapping[Key, Any], key: Key) -> bool:
    """Whether two displays of a cell differ in more than their numbers."""
    left, right = (displays.canonical(side.get(key, [])) for side in (one, other))
    return displays.without_numbers(left) != displays.without_numbers(right)
