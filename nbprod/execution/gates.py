"""Gates: conditions over metrics, and gate and test cells; one that does not hold never fails a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.core.errors import UsageError
from nbprod.core.run import GateResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.core.errors import StageFailed
    from nbprod.core.pipeline import Pipeline, Stage, Step

LONGEST = 200


def conditions(pipeline: Pipeline, done: Sequence[str], metrics: Mapping[str, float]) -> list[GateResult]:
    """Return what the `gates` options of the stages that are done say of the run's metrics."""
    return [
        _condition(text, stage.name, metrics)
        for stage in pipeline.stages
        if stage.name in done
        for text in stage.options.gates
    ]


def cells(stage: Stage, error: StageFailed | None) -> list[GateResult]:
    """Return what each cell of a gate or test pseudo-stage says; `error` is what the first failing one raised."""
    steps = [step for step in stage.steps if step.kind == "cell"]
    failed = next((at for at, step in enumerate(steps) if error and error.where and _is(step, error)), 0)
    results = []
    for at, step in enumerate(steps):
        held = error is None or at < failed
        detail = "" if held or error is None else error.message if at == failed else "not reached"
        results.append(GateResult(_shown(step.source), held, None, f"{stage.name}: {detail}" if detail else stage.name))
    return results


def _is(step: Step, error: StageFailed) -> bool:
    where = error.where
    return where is not None and (where.cell, where.notebook) in ((step.cell, step.notebook), (step.cell, None))


def _condition(text: str, stage: str, metrics: Mapping[str, float]) -> GateResult:
    from nbprod.core.expressions import judge

    try:
        judgement = judge(text, metrics)
    except UsageError as error:
        return GateResult(text, held=False, stage=stage, detail=error.message)
    return GateResult(text, judgement.held, stage, judgement.detail)


def _shown(source: str) -> str:
    lines = [line for line in source.strip().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    text = "; ".join(lines)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
