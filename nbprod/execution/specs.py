"""What a worker is told of a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.core.errors import Where
from nbprod.execution import overrides as given
from nbprod.worker import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from nbprod.core.pipeline import Pipeline, Stage, Step
    from nbprod.execution.planning import Decision, Planner
    from nbprod.worker.formats import MlflowSpec, StageSpec, StepSpec


def stage_spec(
    planner: Planner, stage: Stage, decision: Decision, manifest: Path, mlflow: Mapping[str, Any] | None
) -> StageSpec:
    """Return all that a worker needs to execute a stage."""
    pipeline, overrides = planner.pipeline, planner.options.parameters
    values = given.effective(pipeline, overrides)
    return {
        "format": FORMAT,
        "run": planner.run,
        "notebook": pipeline.notebook,
        "stage": stage.name,
        "steps": step_specs(stage, decision.inputs.definitions),
        "parameters": {name: values[name] for name in overrides if name in stage.parameters},
        "inputs": decision.inputs.specs,
        "state": decision.inputs.carriers,
        "references": references(pipeline),
        "literals": literals(pipeline),
        "made": [step.source for step in stage.defines if step.kind == "replay"],
        "outputs": sorted({*stage.writes, *stage.deletes}),
        "patches": list(stage.patches),
        "repeats": list(stage.repeats),
        "modules": list(stage.modules),
        "metrics": list(stage.options.metrics),
        "buffers": str(planner.buffers.root),
        "manifest": str(manifest),
        "cwd": str(planner.folder),
        "mlflow": _mlflow(mlflow),
        "model": None,
        "alone": True,
        "later": later(pipeline, stage),
    }


def later(pipeline: Pipeline, stage: Stage) -> list[str]:
    """Return the names that stages after this one read, or the model is made of."""
    stages = every_stage(pipeline)
    names = [known.name for known in stages]
    after = stages[names.index(stage.name) + 1 :] if stage.name in names else []
    model = {name for item in pipeline.models for name in (item.name, *item.inputs)}
    return sorted(model.union(*(known.reads for known in after)))


def references(pipeline: Pipeline) -> list[str]:
    """Return the names of all definitions that are replayed, or would be if a stage needed them; no stage's own."""
    stages = every_stage(pipeline)
    needed = {name for stage in stages for name in stage.replays}
    own = {name for stage in stages for step in stage.defines for name in step.names}
    unneeded = {name for step in pipeline.definitions if step.kind == "replay" for name in step.names} - own
    return sorted(needed | unneeded)


def literals(pipeline: Pipeline) -> list[str]:
    """Return the parameters that no stage binds or changes: each stage that reads one makes it anew."""
    written = {name for stage in every_stage(pipeline) for name in (*stage.writes, *stage.deletes)}
    return sorted({parameter.name for parameter in pipeline.parameters} - written)


def every_stage(pipeline: Pipeline) -> list[Stage]:
    """Return the stages and the pseudo-stages, in order of execution."""
    pseudo = [stage for stage in (pipeline.gate, pipeline.test, pipeline.serve) if stage is not None]
    return [*pipeline.stages, *pseudo]


def step_specs(stage: Stage, added: Sequence[Mapping[str, Any]] = ()) -> list[StepSpec]:
    """Return a stage's steps, with definitions of other stages that its inputs refer to in their place.

    The order stays that of the notebook: parameters and definitions first, the stage's own cells after them.
    """
    own = [_step(step) for step in stage.steps]
    if not added:
        return own
    before = [step for step in own if step["kind"] != "cell"]
    extra = [_added(item) for item in added]
    merged = sorted([*before, *extra], key=_place)
    return [*merged, *(step for step in own if step["kind"] == "cell")]


def definitions(stage: Stage, added: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps that are kept with a snapshot, so that its values can be loaded elsewhere, in notebook order."""
    own = [dict(_step(step)) for step in (*stage.steps, *stage.defines) if step.kind != "cell"]
    return sorted([*own, *(dict(item) for item in added)], key=_place)


def everything(pipeline: Pipeline, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept with a run, so that definitions which no stage needed can be asked for as well."""
    steps = [{**_step(step), "names": list(step.names)} for step in pipeline.definitions]
    return {"steps": steps, "parameters": {name: given.source(value) for name, value in overrides.items()}}


def _place(step: Mapping[str, Any]) -> tuple[int, int]:
    return step.get("order", step["cell"]), step["first_line"]


def where_bound(pipeline: Pipeline, stage: str, name: str) -> Where:
    """Return the last cell of a stage that mentions `name`."""
    steps = [step for step in pipeline.stage(stage).steps if step.kind == "cell"]
    for step in reversed(steps):
        for number, line in enumerate(step.source.splitlines()):
            if name in line and "=" in line.partition(name)[2]:
                return Where(step.notebook or pipeline.notebook, step.cell, step.cell_id, step.first_line + number)
    return Where(pipeline.notebook, steps[-1].cell if steps else None)


def _step(step: Step) -> StepSpec:
    found: StepSpec = {
        "kind": step.kind,
        "cell": step.cell,
        "cell_id": step.cell_id,
        "source": step.source,
        "first_line": step.first_line,
        "notebook": step.notebook,
        "order": step.order,
        "argv": list(step.argv),
    }
    return {**found, "tolerant": True} if step.tolerant else found


def _added(item: Mapping[str, Any]) -> StepSpec:
    """Return a step that was kept with a snapshot, by an earlier version perhaps."""
    return {
        "kind": item["kind"],
        "cell": item["cell"],
        "cell_id": item["cell_id"],
        "source": item["source"],
        "first_line": item["first_line"],
        "notebook": item.get("notebook", ""),
        "order": item.get("order", item["cell"]),
        "argv": list(item.get("argv", ())),
        "tolerant": bool(item.get("tolerant")),
    }


def _mlflow(given: Mapping[str, Any] | None) -> MlflowSpec | None:
    if given is None:
        return None
    return {
        "tracking_uri": given["tracking_uri"],
        "run_id": given["run_id"],
        "experiment": given["experiment"],
    }
