"""`extract`: the pipeline as a folder of papermill jobs that needs no nbprod."""

from __future__ import annotations

import ast
import os
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import BoundaryError, PlanError, Where
from nbprod.execution import environment, jobs, specs
from nbprod.store import Ledger, load_manifest
from nbprod.store.files import storing, write_text
from nbprod.worker import FORMAT, links

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.config import Project
    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.worker.formats import StageSpec


def extract(pipeline: Pipeline, project: Project, out: Path) -> list[Path]:
    """Write one job a stage below `out`, with what they need and the commands to run them; returns the jobs.

    Raises
    ------
    BoundaryError
        A value that crosses between stages cannot be stored, as the last run showed.
    PlanError
        `out` holds something else.
    """
    out = out.resolve()
    _check_place(out)
    _check_values(pipeline, project)
    with storing(out):
        (out / "data").mkdir(parents=True, exist_ok=True)
    jobs.copy_worker(out)
    stages = [*pipeline.stages, *(stage for stage in (pipeline.gate, pipeline.test) if stage is not None)]
    names = [f"{number:02d}-{stage.name}" for number, stage in enumerate(stages, 1)]
    written = []
    for at, stage in enumerate(stages):
        earlier = [(before.name, f"data/{names[i]}.json") for i, before in enumerate(stages[:at])]
        cells = _cells(pipeline, project, stage, names[at], earlier, out)
        content = jobs.notebook(cells, pipeline.metadata, stage.name, pipeline.kernel or "python3")
        written.append(jobs.write(out / f"{names[at]}.ipynb", content))
    _write_guides(pipeline, names, out)
    return written


def _cells(
    pipeline: Pipeline, project: Project, stage: Stage, name: str, earlier: Sequence[tuple[str, str]], out: Path
) -> list[dict[str, Any]]:
    before = [pipeline.stage(known) for known, _ in earlier if known in {item.name for item in pipeline.stages}]
    spec: StageSpec = {
        "format": FORMAT,
        "run": "extracted",
        "notebook": pipeline.notebook,
        "stage": stage.name,
        "steps": specs.step_specs(stage, _definitions(stage, before)),
        "parameters": {},
        "inputs": [],
        "state": [],
        "references": specs.references(pipeline),
        "literals": specs.literals(pipeline),
        "outputs": sorted(stage.writes),
        "patches": list(stage.patches),
        "repeats": list(stage.repeats),
        "modules": list(stage.modules),
        "metrics": list(stage.options.metrics),
        "buffers": "data/buffers",
        "manifest": f"data/{name}.json",
        "cwd": os.path.relpath(project.notebook(pipeline.notebook).parent, out),
        "mlflow": None,
        "model": None,
    }
    begin = jobs.begin_after(spec, earlier, stage.reads, out)
    return jobs.cells(spec, begin=begin, prepare=jobs.prepare_alone(out))


def _definitions(stage: Stage, before: Sequence[Stage]) -> list[dict[str, Any]]:
    """Return what earlier stages replay, when values that refer to their classes or functions may come from there."""
    own = set(stage.replays)
    mine = {(step.notebook, step.cell, step.first_line, step.source) for step in stage.steps}
    steps = {
        (step.notebook, step.cell, step.first_line, step.source): step
        for item in before
        for step in item.steps
        if step.kind != "cell" and (step.notebook, step.cell, step.first_line, step.source) not in mine
    }
    if not any(_defines(step.source) and not set(step.names) <= own for step in steps.values()):
        return []
    return [asdict(step) for step in sorted(steps.values(), key=lambda step: (step.order, step.first_line))]


def _defines(source: str) -> bool:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return True
    return any(isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) for node in body)


def _check_place(out: Path) -> None:
    if out.is_file():
        raise PlanError("NB406", f"{out} is a file", "give a folder: -o DIR")
    strangers = [item.name for item in out.glob("*.ipynb") if not item.name[:2].isdigit()] if out.is_dir() else []
    if strangers:
        raise PlanError(
            "NB406", f"{out} holds other notebooks: {', '.join(sorted(strangers)[:3])}", "give a new folder"
        )


def _check_values(pipeline: Pipeline, project: Project) -> None:
    """Refuse when the last run showed that a value which crosses cannot be stored."""
    with Ledger(project.home) as ledger:
        for at, stage in enumerate(pipeline.stages):
            snapshot = ledger.latest(pipeline.notebook, stage.name)
            lost = (load_manifest(snapshot) or {}).get("unstorable", {}) if snapshot else {}
            for later in pipeline.stages[at + 1 :]:
                for name in sorted(name for name in lost if name in later.reads or links.is_state(name)):
                    text = f"{name}, a {lost[name]['type']} made in stage {stage.name}, cannot cross to {later.name}"
                    hint = f"make {name} in stage {later.name}, or put both cells into one stage"
                    where: Where = specs.where_bound(pipeline, stage.name, name)
                    raise BoundaryError("NB410", f"{text}: {lost[name]['reason']}", hint, where)


def _write_guides(pipeline: Pipeline, names: Sequence[str], out: Path) -> None:
    commands = [f"papermill {shlex.quote(name + '.ipynb')} {shlex.quote('out/' + name + '.ipynb')}" for name in names]
    script = ["#!/bin/sh", "# Runs the jobs in order; arguments go to papermill: sh run.sh -p NAME VALUE", "set -eu"]
    script += [f"export {name}=${{{name}:-{value}}}" for name, value in environment.fixed().items()]
    script += ['cd "$(dirname "$0")"', "mkdir -p out", *(f'{command} "$@"' for command in commands)]
    write_text(out / "run.sh", "\n".join(script) + "\n")
    (out / "run.sh").chmod(0o755)
    rows = [f"{at}. `{command}`" for at, command in enumerate(commands, 1)]
    parameters = [
        f"* `{item.name}` ({item.type}) = `{item.default_source}` {item.help}" for item in pipeline.parameters
    ]
    text = [
        f"# {pipeline.name} as papermill jobs",
        "",
        f"Made from `{pipeline.notebook}` by nbprod; needs papermill, and nbprod nowhere.",
        "Run all with `sh run.sh`, or one after another:",
        "",
        *rows,
        "",
        "Each job stores what it leaves in `data/`, where the next one finds it. Parameters (`-p NAME VALUE`):",
        "",
        *(parameters or ["none"]),
        "",
    ]
    write_text(out / "README.md", "\n".join(text))
