"""Readiness: how far a notebook is on its way to production, in ten steps, and the next command."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.core.notebook import StageOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.notebook import Notebook
    from nbprod.core.pipeline import Pipeline

_SETTING = re.compile(
    r"^[A-Za-z_]\w*(?:\s*:\s*\w+)?\s*=\s*(?:-?[0-9][0-9_.e]*|True|False|None|'[^']*'|\"[^\"]*\")\s*(?:#.*)?$"
)
_SCORE = re.compile(
    r"^([A-Za-z_]\w*)\s*=\s*(?:[\w.]*\b(?:accuracy_score|balanced_accuracy_score|roc_auc_score|f1_score|precision_score"
    r"|recall_score|average_precision_score|r2_score|cohen_kappa_score|matthews_corrcoef)|[\w.]+\.score)\(",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ReadinessStep:
    """One step: its name, whether it is done, the command that does it."""

    name: str
    done: bool
    next: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The ten steps; each done one is 10 %."""

    steps: tuple[ReadinessStep, ...]

    @property
    def percent(self) -> int:
        """How much is done."""
        return 10 * sum(step.done for step in self.steps)

    @property
    def next(self) -> ReadinessStep | None:
        """The first step that is not done."""
        return next((step for step in self.steps if not step.done), None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the steps that are not done."""
        return tuple(step.name for step in self.steps if not step.done)

    def as_json(self) -> dict[str, Any]:
        """Return the `readiness` object of `check --json`."""
        steps = [{"name": step.name, "done": step.done, "next": step.next} for step in self.steps]
        return {"percent": self.percent, "steps": steps}


def readiness(pipeline: Pipeline, facts: Mapping[str, bool | str], paths: Mapping[str, str] | None = None) -> Readiness:
    """Return the ten steps of a pipeline.

    Parameters
    ----------
    pipeline
        What analysis made of the notebook.
    facts
        What analysis cannot know, by name: `ran` (it ran top to bottom), `verified`, `pinned` (the environment is),
        `recorded` (a model is), `image`, `monitored`, `scheduled`. Absent means no. `freeze`: the command that pins.
    paths
        The notebooks as commands should name them, by their paths in the project, which are the default.
    """
    named = paths or {}
    book = " ".join(shlex.quote(named.get(item, item)) for item in pipeline.notebooks or (pipeline.notebook,))
    first = shlex.quote(named.get(pipeline.notebook, pipeline.notebook))
    tagged = any(role.stage is not None and not role.inferred for role in pipeline.roles)
    gates = pipeline.gate is not None or any(stage.options.gates for stage in pipeline.stages)
    seeded = not any(item.code == "NB304" for item in pipeline.diagnostics)
    sound = not pipeline.errors
    run = f"nbprod run {book}" if sound else f"nbprod check --explain {pipeline.errors[0].code}"

    def known(name: str) -> bool:
        return bool(facts.get(name))

    pin = str(facts.get("freeze") or "uv pip freeze > requirements.txt")
    return Readiness(
        (
            ReadinessStep("runs top to bottom", known("ran") and sound, run),
            ReadinessStep("stages", tagged, f"nbprod suggest {first} --apply"),
            ReadinessStep("parameters", bool(pipeline.parameters), _parameters(pipeline, named)),
            ReadinessStep("verified", known("verified") and sound, f"nbprod verify {book}" if sound else run),
            ReadinessStep("reproducible", seeded and known("pinned"), pin if seeded else f"nbprod check {book} --fix"),
            ReadinessStep("gate", gates, _gate(pipeline, named)),
            ReadinessStep("recorded model", known("recorded"), run),
            ReadinessStep("image", known("image"), f"nbprod build {book}"),
            ReadinessStep("monitored endpoint", known("monitored"), f"nbprod deploy {book}"),
            ReadinessStep("schedule", known("scheduled"), f'nbprod schedule add {book} --cron "0 6 * * 1-5"'),
        )
    )


def executed_in_order(notebook: Notebook) -> bool:
    """Whether the notebook was saved after one run from its first to its last cell, without an error."""
    cells = [
        cell
        for cell in notebook.cells
        if cell.kind == "code" and cell.body.strip() and not (cell.tag and cell.tag.role == "skip")
    ]
    counts = [cell.execution_count for cell in cells]
    failed = any(output.get("output_type") == "error" for cell in cells for output in cell.outputs)
    return bool(cells) and counts == list(range(1, len(cells) + 1)) and not failed


def _parameters(pipeline: Pipeline, named: Mapping[str, str]) -> str:
    """Return the command that tags the first cell made of settings alone, else what to do."""
    free = {(role.notebook, role.cell) for role in pipeline.roles if role.inferred or role.role == "setup"}
    texts: dict[tuple[str, int], list[str]] = {}
    for stage in pipeline.stages:
        for step in stage.steps:
            place = (step.notebook, step.cell)
            if place in free:
                texts.setdefault(place, []).extend(line for line in step.source.splitlines() if line.strip())
    for notebook, cell in sorted(texts):
        code = [line for line in texts[notebook, cell] if not line.lstrip().startswith("#")]
        if cell and code and all(_SETTING.match(line) for line in code):
            return f"nbprod tag {shlex.quote(named.get(notebook, notebook))} {cell} parameters"
    return "put the settings (n_rows = 1000, seed = 0) into a cell of their own and tag it parameters"


def _gate(pipeline: Pipeline, named: Mapping[str, str]) -> str:
    """Return the command that puts a condition on the last score that is computed, else what to do."""
    tagged = {(role.notebook, role.cell) for role in pipeline.roles if role.stage is not None and not role.inferred}
    for stage in reversed(pipeline.stages):
        for step in reversed(stage.steps) if stage.options == StageOptions() else ():
            own = step.kind == "cell" and (step.notebook, step.cell) in tagged
            found = _SCORE.findall(step.source) if own else []
            if found:
                book = shlex.quote(named.get(step.notebook, step.notebook))
                return f"nbprod tag {book} {step.cell} {stage.name} --metric {found[-1]} --gate '{found[-1]} >= 0.8'"
    return "write what must hold (assert accuracy >= 0.8) into a cell of its own and tag it gate"
