"""Two runs side by side: parameters, metrics, stages, code, pictures."""

from __future__ import annotations

import ast
import base64
import json
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.store import Ledger, load_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.config import Project
    from nbprod.core.run import Run, StageRun
    from nbprod.store import Snapshot

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
PARAMETERS = "parameters"


def compare(project: Project, first: Run, second: Run) -> dict[str, Any]:
    """Return what two runs of a project have in common and what not.

    Returns
    -------
    dict
        `first` and `second` (the runs), `parameters` and `metrics` (`name`, `first`, `second`), `stages` (`name`, the
        two states, `changed`: whether anything that a stage depends on or leaves is not the same), `code` (of stages
        whose code differs: `stage`, `diff`), `pictures` (`stage`, `cell`, and either side as a data URI or None).
    """
    with Ledger(project.home) as ledger:
        one, two = _Side.of(first, project, ledger), _Side.of(second, project, ledger)
    stages = list(dict.fromkeys([*two.stages, *one.stages]))
    return {
        "first": first.as_json(),
        "second": second.as_json(),
        "parameters": _pairs(one.parameters, two.parameters),
        "metrics": _pairs(first.metrics, second.metrics),
        "stages": [
            {
                "name": name,
                "first": _status(one, name),
                "second": _status(two, name),
                "changed": _changed(one, two, name),
            }
            for name in stages
        ],
        "code": [{"stage": name, "diff": diff} for name in stages if (diff := _diff(one, two, name))],
        "pictures": [entry for name in stages for entry in _pictures(one, two, name)],
    }


@dataclass(frozen=True, slots=True)
class _Side:
    """A run with what was kept of it: snapshots, and cells of executed notebooks, by stage."""

    run: Run
    stages: Mapping[str, StageRun]
    snapshots: Mapping[str, Snapshot]
    cells: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)

    @classmethod
    def of(cls, run: Run, project: Project, ledger: Ledger) -> _Side:
        stages = {stage.name: stage for stage in run.stages}
        snapshots = {
            name: snapshot
            for name, stage in stages.items()
            if stage.snapshot and (snapshot := ledger.snapshot(Path(stage.snapshot)))
        }
        cells = {name: _cells(project.root / stage.notebook) for name, stage in stages.items() if stage.notebook}
        return cls(run, stages, snapshots, cells)

    @property
    def parameters(self) -> dict[str, Any]:
        """Values by name: those that were given, and those that a stage read."""
        found = {
            name: _value(source)
            for snapshot in self.snapshots.values()
            for name, source in snapshot.facts.get("parts", {}).get(PARAMETERS, {}).items()
        }
        return {**found, **self.run.parameters}

    def contents(self, stage: str) -> dict[str, str]:
        """Return what a stage left: a digest for each set of names."""
        snapshot = self.snapshots.get(stage)
        manifest = load_manifest(snapshot) if snapshot else None
        return {" ".join(group["names"]): group["content"] for group in (manifest or {}).get("groups", ())}

    def source(self, stage: str) -> list[str] | None:
        """Return the code of a stage, parameters left out, as lines; None when no executed notebook was kept."""
        if stage not in self.cells:
            return None
        lines: list[str] = []
        for cell in self.cells[stage]:
            if "cell" in _about(cell) and _about(cell).get("kind") != PARAMETERS:
                lines += [*([""] if lines else []), *_joined(cell["source"]).splitlines()]
        return lines

    def ids(self, stage: str) -> set[str]:
        """Return the ids of a stage's cells."""
        return {cell["id"] for cell in self.cells.get(stage, ()) if "id" in cell}

    def pictures(self, stage: str, common: set[str]) -> dict[tuple[str, int], tuple[int, str]]:
        """Return the pictures of a stage, each with its cell's number.

        They are found by the cell's id, where that is `common` to both runs, else its number, and their order in it.
        """
        found: dict[tuple[str, int], tuple[int, str]] = {}
        for cell in self.cells.get(stage, ()):
            shown = [uri for output in cell.get("outputs", ()) if (uri := _picture(output))]
            place = int(_about(cell).get("cell", 0))
            key = cell["id"] if cell.get("id") in common else f"cell {place}"
            for number, uri in enumerate(shown):
                found[key, number] = (place, uri)
        return found


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = dict.fromkeys([*second, *first])
    return [{"name": name, "first": first.get(name), "second": second.get(name)} for name in names]


def _status(side: _Side, stage: str) -> str | None:
    return str(side.stages[stage].status) if stage in side.stages else None


def _changed(one: _Side, two: _Side, stage: str) -> bool:
    if stage not in one.stages or stage not in two.stages:
        return True
    left, right = one.stages[stage], two.stages[stage]
    if left.fingerprint is None or left.fingerprint != right.fingerprint:
        return left.fingerprint != right.fingerprint or one.source(stage) != two.source(stage)
    return left.snapshot != right.snapshot and one.contents(stage) != two.contents(stage)


def _diff(one: _Side, two: _Side, stage: str) -> list[str]:
    left, right = one.source(stage), two.source(stage)
    if left is None or right is None:
        return []
    before, after = (f"{stage} of run {side.run.id[:8]}" for side in (one, two))
    return list(unified_diff(left, right, before, after, lineterm=""))


def _pictures(one: _Side, two: _Side, stage: str) -> list[dict[str, Any]]:
    common = one.ids(stage) & two.ids(stage)
    left, right = one.pictures(stage, common), two.pictures(stage, common)
    found = []
    for key in dict.fromkeys([*right, *left]):
        cell = (right.get(key) or left[key])[0]
        sides = [side[key][1] if key in side else None for side in (left, right)]
        found.append({"stage": stage, "cell": cell, "first": sides[0], "second": sides[1]})
    return sorted(found, key=lambda entry: entry["cell"])


def _cells(file: Path) -> list[Mapping[str, Any]]:
    try:
        found: list[Mapping[str, Any]] = json.loads(file.read_bytes())["cells"]
    except (OSError, ValueError, KeyError):
        return []
    return found


def _about(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    about = cell.get("metadata", {}).get("nbprod", {})
    return about if isinstance(about, dict) else {}


def _picture(output: Mapping[str, Any]) -> str | None:
    """Return the picture that an output shows, as a data URI."""
    data = output.get("data", {})
    for kind in PICTURES:
        if kind in data:
            text = _joined(data[kind])
            if kind == "image/svg+xml":
                text = base64.b64encode(text.encode()).decode("ascii")
            return f"data:{kind};base64,{''.join(text.split())}"
    return None


def _joined(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _value(source: str) -> Any:
    """Return the value that the source of a parameter makes, where JSON has it, else the source."""
    try:
        value = ast.literal_eval(source)
        json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return source
    return value
