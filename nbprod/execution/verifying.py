"""`verify`: the notebook top to bottom in one process, the pipeline in many, and every value they end with compared."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod import notebooks
from nbprod.config import Project
from nbprod.core.errors import MissingValue, StoreError
from nbprod.core.pipeline import Pipeline, Stage, Step
from nbprod.core.run import Difference, RunStatus, Verification
from nbprod.execution import overrides as given
from nbprod.execution import specs
from nbprod.store import Ledger, load_manifest, remember_verified
from nbprod.store.files import digest_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.core.run import Listener, Run, RunOptions

LEFT_BEHIND = (".nbprod", ".git", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".mypy_cache")
MOST_BYTES = 2 << 30
PICTURES = ("matplotlib.", "plotly.", "altair.")
"""What only shows values is not compared: it refers to itself by address."""
NOT_NOTEBOOK = ("gate", "test", "skip")


def verify(
    pipeline: Pipeline, project: Project, options: RunOptions, listeners: Sequence[Listener] = ()
) -> Verification:
    """Run both from scratch, one after the other in the same copy of the project, and compare.

    Raises
    ------
    StageFailed
        A cell raised; in which of the two is said.
    """
    from nbprod.execution import run

    asked = dataclasses.replace(options, force=True, run_id=None, start=None, stop=None)
    with tempfile.TemporaryDirectory(prefix="nbprod-verify-") as folder:
        place = Path(folder)
        whole = run(_as_one(pipeline, project, asked), _copy(project, pipeline, place, "notebook"), _bare(asked))
        _must_succeed(whole, "the notebook, run top to bottom")
        parts = run(pipeline, _copy(project, pipeline, place, "pipeline"), asked, listeners)
        _must_succeed(parts, "the pipeline")
        found = _compare(pipeline, whole, parts, place)
    with Ledger(project.home) as ledger:
        remember_verified(ledger, pipeline, equal=found.equal)
    return found


def _bare(options: RunOptions) -> RunOptions:
    """Return the options for the notebook: its overrides are statements in it already."""
    return dataclasses.replace(options, parameters={}, engine="nbprod")


def _must_succeed(run: Run, what: str) -> None:
    if run.status is not RunStatus.SUCCEEDED and run.error is not None:
        run.error.message = f"{what}: {run.error.message}"
        run.error.hint = "restart the kernel and run all cells to see it"  # the executed notebook is gone by then
        raise run.error


def _as_one(pipeline: Pipeline, project: Project, options: RunOptions) -> Pipeline:
    """Return the notebook as a pipeline of one stage that executes its cells in order."""
    roles = {(role.notebook, role.cell): role.role for role in pipeline.roles}
    lines = "\n".join(f"{name} = {given.source(value)}" for name, value in options.parameters.items())
    steps = []
    for path in pipeline.notebooks or (pipeline.notebook,):
        for cell in notebooks.read(project.notebook(path), path).cells:
            role = roles.get((path, cell.number))
            if cell.kind != "code" or role in NOT_NOTEBOOK:
                continue
            steps.append(Step("cell", cell.number, cell.id, cell.body, 1, path))
            if lines and role == "parameters":
                steps.append(Step("cell", cell.number, cell.id, lines, 1, path))
    # what is replayed anywhere is compared as code, not as values: the same names are left out on both sides
    replays = tuple(specs.references(pipeline))
    stage = Stage("notebook", (), tuple(steps), replays=replays, code_digest=digest_json([s.source for s in steps]))
    return dataclasses.replace(
        pipeline, stages=(stage,), edges=(), parameters=(), serve=None, gate=None, test=None, models=()
    )


def _copy(project: Project, pipeline: Pipeline, place: Path, side: str) -> Project:
    """Return a fresh copy of the project, at the same path for both sides: paths in values shall be equal."""
    target = place / "copy"
    if target.exists():
        shutil.rmtree(target)
    source = project.root
    if _size(source) > MOST_BYTES:
        source = project.notebook(pipeline.notebook).parent
    inside = target / source.relative_to(project.root)
    shutil.copytree(source, inside, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    (place / side).mkdir()
    return Project(target, place / side, project.settings)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in LEFT_BEHIND or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _compare(pipeline: Pipeline, whole: Run, parts: Run, place: Path) -> Verification:
    one, two = _contents(whole, place / "notebook"), _contents(parts, place / "pipeline")
    differences = []
    for name in sorted(two):
        stage, group = two[name]
        if name in one and one[name][1] == group:
            continue
        text = _difference(name, whole, parts) if name in one else ("absent", "present")
        if text is not None:
            differences.append(_described(pipeline, stage, name, text))
    return Verification(
        equal=not differences,
        compared=len(two),
        differences=tuple(differences),
        left_out=pipeline.left_out,
        notebook_seconds=whole.seconds,
        pipeline_seconds=parts.seconds,
    )


def _contents(run: Run, home: Path) -> dict[str, tuple[str, object]]:
    """Return name → (stage, alias group by names and content) of every name that a run ended with."""
    found: dict[str, tuple[str, object]] = {}
    with Ledger(home) as ledger:
        for stage in run.stages:
            snapshot = ledger.snapshot(Path(stage.snapshot)) if stage.snapshot else None
            manifest = (load_manifest(snapshot) if snapshot else None) or {
                "groups": [],
                "deleted": [],
                "unstorable": {},
            }
            for name in (*manifest["deleted"], *manifest["unstorable"]):
                found.pop(name, None)
            for group in manifest["groups"]:
                mark = (tuple(sorted(group["names"])), group["content"])
                found.update(dict.fromkeys(group["names"], (stage.name, mark)))
    return found


def _difference(name: str, whole: Run, parts: Run) -> tuple[str, str] | None:
    """Return what the value is on either side, None when only aliases differ."""
    from nbprod.worker import compare

    try:
        left, right = whole[name], parts[name]
        if type(left).__module__.startswith(PICTURES) and type(left) is type(right):
            return None
    except (MissingValue, StoreError) as error:
        return "another value", f"another value ({error.message})"
    where = compare.equal(left, right)
    if where is None:
        return None
    return f"{compare.brief(left)}, {where}", compare.brief(right)


def _described(pipeline: Pipeline, stage: str, name: str, text: tuple[str, str]) -> Difference:
    cell = specs.where_bound(pipeline, stage, name).cell
    cause, fix = _cause(pipeline, stage, cell)
    return Difference(name, cell, text[0], text[1], cause, fix)


def _cause(pipeline: Pipeline, stage: str, cell: int | None) -> tuple[str, str]:
    """Return the likely cause: a warning about that cell, or about any before it, or what makes the stage volatile."""
    warnings = [item for item in pipeline.diagnostics if item.severity == "warning" and item.cell is not None]
    near = [item for item in warnings if item.cell == cell] or [
        item for item in warnings if cell is not None and item.cell is not None and item.cell < cell
    ]
    if near:
        return near[-1].message, near[-1].fix or ""
    volatile: Sequence[str] = pipeline.stage(stage).volatile
    return (f"stage {stage} is volatile: {volatile[0]}", "") if volatile else ("", "")
