"""Notebooks in memory, and pipelines executed in this process after what the worker and the driver do."""

from __future__ import annotations

import contextlib
import io
import json
import random
import types
from typing import TYPE_CHECKING, Any

import pytest

from nbprod import notebooks
from nbprod.analysis import analyze
from nbprod.worker import hashing, snapshot, state
from nbprod.worker.buffers import Buffers

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.core.pipeline import Pipeline, Stage

ROLES = {"parameters", "setup", "serve", "gate", "test", "skip"}


def notebook_of(cells: list[Any], **fields: Any) -> Any:
    """Return the Notebook of cells given as source, or (tag, source[, options])."""
    raw = []
    for number, entry in enumerate(cells, 1):
        tag, source, *options = (None, entry) if isinstance(entry, str) else entry
        given = {"role": tag} if tag in ROLES else {"stage": tag, **(options[0] if options else {})}
        kind = "markdown" if tag == "md" else "code"
        metadata = {"nbprod": given} if tag not in (None, "md") else {}
        raw.append({"cell_type": kind, "id": f"c{number}", "metadata": metadata, "source": source})
    document = {"cells": raw, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **fields}
    return notebooks.parse(json.dumps(document), "book.ipynb")


class Simulation:
    """Runs each stage in a namespace of its own; values cross by the worker's own snapshots."""

    def __init__(self, root: Path) -> None:
        self.buffers = Buffers(str(root))
        self.manifests: list[dict[str, Any]] = []

    def run(self, pipeline: Pipeline) -> None:
        """Run all stages in order."""
        every = [*pipeline.stages, *(item for item in (pipeline.gate, pipeline.test) if item is not None)]
        references = {name for stage in every for name in stage.replays}
        for stage in every:
            self.stage(stage, references)

    def stage(self, stage: Stage, references: set[str]) -> None:
        namespace: dict[str, Any] = {"__name__": "__main__"}
        reseed()
        for step in stage.steps:
            if step.kind != "cell":
                execute("\n" * (step.first_line - 1) + step.source, namespace)
        loaded, added = self.load(stage, namespace)
        for manifest in self.manifests:
            if manifest["state"]:
                state.restore(manifest["state"], namespace, self.buffers)
        before = dict(namespace)
        token = state.capture()
        for step in stage.steps:
            if step.kind == "cell":
                execute("\n" * (step.first_line - 1) + step.source, namespace)
        rebound = {name for name in before if name in namespace and namespace[name] is not before[name]}
        chosen = ((set(namespace) - set(before)) | rebound | (set(stage.writes) & set(namespace))) - references
        for group in loaded:
            if chosen & set(group["names"]):
                chosen |= set(group["names"]) & set(namespace)
        beside = {name for group in loaded for name in group["names"]} & set(namespace) - chosen
        names = sorted(name for name in chosen if not name.startswith("__"))
        groups, unstorable = snapshot.save(namespace, names, references, self.buffers, sorted(beside))
        gone = sorted(set(before) - set(namespace))
        record = state.record(token, namespace, self.buffers)
        self.manifests.append(
            {
                "groups": groups,
                "unstorable": unstorable,
                "deleted": gone,
                "state": record,
                "steps": sorted([*added, *stage.steps], key=lambda step: (step.cell, step.first_line)),
            }
        )

    def find(self, name: str) -> dict[str, Any] | None:
        for manifest in reversed(self.manifests):
            for group in manifest["groups"]:
                if name in group["names"]:
                    return group
            assert name not in manifest["unstorable"], (name, manifest["unstorable"])
            if name in manifest["deleted"]:
                return None
        return None

    def load(self, stage: Stage, namespace: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Any]]:
        todo, found = list(stage.reads), {}
        while todo:
            name = todo.pop()
            if name in found or name in stage.replays:
                continue
            group = self.find(name)
            if group is None:
                continue
            found[name] = group
            todo.extend(group["needs"])
            if name in stage.writes:
                todo.extend(other for other in group["names"] if self.find(other) is group)
        groups = list({id(group): group for group in found.values()}.values())
        added: list[Any] = []
        for group in groups:
            added += self.definitions(group, namespace)
            snapshot.load(
                [group], [name for name in group["names"] if found.get(name) is group], namespace, self.buffers
            )
        return groups, added

    def definitions(self, group: dict[str, Any], namespace: dict[str, Any]) -> list[Any]:
        added = []
        for manifest in self.manifests:
            if any(item is group for item in manifest["groups"]):
                for step in manifest["steps"]:
                    if step.kind != "cell" and not set(step.names) <= set(namespace):
                        execute("\n" * (step.first_line - 1) + step.source, namespace)
                        added.append(step)
        return added

    def values(self, names: set[str]) -> dict[str, str]:
        """Return the digest of each final value."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        digests = {}
        for name in sorted(names):
            group = self.find(name)
            if group is None:
                digests[name] = "missing"
                continue
            self.definitions(group, namespace)
            snapshot.load([group], [name], namespace, self.buffers)
            digests[name] = hashing.content(namespace[name])
        return digests


def reseed() -> None:
    """Put global generators where no stage expects them."""
    random.seed(987)
    with contextlib.suppress(ImportError):
        import numpy as np

        np.random.seed(987)


def execute(source: str, namespace: dict[str, Any]) -> None:
    """Execute Python."""
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)


def compare(cells: list[Any], root: Path) -> Pipeline:
    """Check that the pipeline leaves the values that the notebook leaves top to bottom; return it."""
    book = notebook_of(cells)
    pipeline = analyze([book])
    assert not pipeline.errors, pipeline.errors
    namespace: dict[str, Any] = {"__name__": "__main__"}
    reseed()
    for cell in book.cells:
        if cell.kind == "code" and not (cell.tag and cell.tag.role in ("skip", "serve")):
            execute(cell.body, namespace)
    simulation = Simulation(root)
    simulation.run(pipeline)
    replayed = {name for stage in pipeline.stages for step in stage.steps if step.kind != "cell" for name in step.names}
    final = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("__")
        and not isinstance(value, (types.ModuleType, types.FunctionType, type))
        and name not in replayed
    }
    expected = {name: hashing.content(value) for name, value in final.items()}
    missing = {item.name for item in pipeline.parameters}
    got = simulation.values(set(expected) - missing)
    wrong = {name: final[name] for name, digest in expected.items() if name in got and got[name] != digest}
    assert not wrong, (wrong, {name: got[name][:12] for name in wrong})
    return pipeline


@pytest.fixture
def book():
    """Return the Notebook of cells."""
    return notebook_of


@pytest.fixture
def analysed():
    """Return the pipeline of cells."""
    return lambda cells, **fields: analyze([notebook_of(cells, **fields)])


@pytest.fixture
def equal(tmp_path: Path):
    """Check the pipeline of cells against the notebook."""
    return lambda cells: compare(cells, tmp_path / "buffers")
