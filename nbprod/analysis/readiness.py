"""Readiness: how far a notebook is on its way to production, in ten steps, and the next command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.core.pipeline import Pipeline

PIN = "seed what is random; pip freeze > requirements.txt pins the environment"


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

    def as_json(self) -> dict[str, Any]:
        """Return the `readiness` object of `check --json`."""
        steps = [{"name": step.name, "done": step.done, "next": step.next} for step in self.steps]
        return {"percent": self.percent, "steps": steps}


def readiness(pipeline: Pipeline, facts: Mapping[str, bool]) -> Readiness:
    """Return the ten steps of a pipeline.

    Parameters
    ----------
    pipeline
        What analysis made of the notebook.
    facts
        What analysis cannot know, by name: `ran` (it ran top to bottom), `verified`, `pinned` (the environment is),
        `recorded` (a model is), `image`, `monitored`, `scheduled`. Absent means no.
    """
    book = pipeline.files
    tagged = any(role.stage is not None and not role.inferred for role in pipeline.roles)
    gates = pipeline.gate is not None or any(stage.options.gates for stage in pipeline.stages)
    seeded = not any(item.code == "NB304" for item in pipeline.diagnostics)

    def known(name: str) -> bool:
        return bool(facts.get(name))

    return Readiness(
        (
            ReadinessStep("runs top to bottom", known("ran") and not pipeline.errors, f"nbprod run {book}"),
            ReadinessStep("stages", tagged, f"nbprod tag {book} CELL STAGE"),
            ReadinessStep("parameters", bool(pipeline.parameters), f"nbprod tag {book} CELL parameters"),
            ReadinessStep("verified", known("verified"), f"nbprod verify {book}"),
            ReadinessStep(
                "reproducible",
                seeded and known("pinned"),
                PIN,
            ),
            ReadinessStep("gate", gates, f"nbprod tag {book} CELL gate"),
            ReadinessStep("recorded model", known("recorded"), f"nbprod run {book}"),
            ReadinessStep("image", known("image"), f"nbprod build {book}"),
            ReadinessStep("monitored endpoint", known("monitored"), f"nbprod deploy {book}"),
            ReadinessStep("schedule", known("scheduled"), f'nbprod schedule add {book} --cron "0 6 * * 1-5"'),
        )
    )
