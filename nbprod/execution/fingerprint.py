"""Fingerprint: hash of all that a stage's result depends on, kept in parts so that it can explain itself.

Two levels. The key covers what is known before the stage runs: code, parameters, contents of inputs, state, Python,
threads. What only a run shows (files, variables, modules, distributions) is kept with each snapshot made under that key
and compared with what is there now.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from nbprod.core.frozen import dataclass
from nbprod.core.version import __version__
from nbprod.execution import environment
from nbprod.execution import overrides as given
from nbprod.store.files import digest_json, digest_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.core.pipeline import Pipeline, Stage, Step
    from nbprod.execution.kernels import Interpreter
    from nbprod.execution.observed import World
    from nbprod.execution.timeline import Inputs

LAYOUT = 6
"""Goes up when a worker of the same version would store other results."""
RANDOM = frozenset({"random", "numpy.random", "torch", "torch.random"})


@dataclass(frozen=True, slots=True)
class Setting:
    """What all stages of a run share."""

    pipeline: Pipeline
    overrides: Mapping[str, Any]
    world: World
    folder: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The key and its parts; `state` holds every kind, of which only some are in the key."""

    key: str
    parts: Mapping[str, Any]
    cells: Mapping[str, str]
    state: Mapping[str, str]
    origins: Mapping[str, str]

    def facts(self) -> dict[str, Any]:
        """Return the JSON kept with a snapshot."""
        return {
            "parts": dict(self.parts),
            "cells": dict(self.cells),
            "state": dict(self.state),
            "origins": dict(self.origins),
        }


def fingerprint(setting: Setting, stage: Stage, inputs: Inputs, python: Interpreter) -> Fingerprint:
    """Return the fingerprint of a stage whose inputs are known."""
    world, state = setting.world, inputs.state
    values = given.effective(setting.pipeline, setting.overrides)
    kinds = drawn(setting.pipeline, stage)
    parts = {
        "format": f"{__version__} {LAYOUT}",
        "stage": stage.name,
        "folder": setting.folder,
        "code": stage.code_digest or digest_json([step.source for step in stage.steps]),
        "definitions": digest_json([step["source"] for step in inputs.definitions]) if inputs.definitions else "",
        "parameters": {name: values[name] for name in stage.parameters if name in values},
        "inputs": dict(inputs.contents),
        "state": {kind: token for kind, token in state.items() if kind not in RANDOM or kind in kinds},
        "reads": {name: world.file(name) for name in stage.options.reads},
        "metrics": sorted(stage.options.metrics),
        "python": python.version,
        "platform": f"{sys.platform}-{_machine()}",
        "environment": environment.fingerprint(),
    }
    cells = _cells(stage.steps)
    return Fingerprint(digest_json(parts), parts, cells, dict(state), dict(inputs.origins))


def drawn(pipeline: Pipeline, stage: Stage) -> set[str]:
    """Return the kinds of state outside variables that analysis saw the stage take over from an earlier one."""
    edges = [edge for edge in pipeline.edges if edge.target == stage.name and edge.kind == "state"]
    return {name.removeprefix("state:") for edge in edges for name in edge.names}


def _cells(steps: Sequence[Step]) -> dict[str, str]:
    """Return a digest a cell of what is not a parameter, to tell which cell's code changed."""
    texts: dict[str, list[str]] = {}
    for step in steps:
        if step.kind != "parameters":
            texts.setdefault(_name(step), []).append(step.source)
    return {cell: digest_text("\n".join(parts)) for cell, parts in texts.items()}


def _name(step: Step) -> str:
    return f"{step.notebook}:{step.cell_id or step.cell}"


def _machine() -> str:
    if hasattr(os, "uname"):
        return os.uname().machine
    import platform

    return platform.machine()


def explain(before: Mapping[str, Any], now: Fingerprint, stage: Stage) -> list[str]:
    """Return what changed since a snapshot with the facts `before`, each in words, most telling first."""
    old, new = before["parts"], now.parts
    found = [
        f"{name} {_short(old['parameters'].get(name))} → {_short(new['parameters'].get(name))}"
        for name in sorted({*old["parameters"], *new["parameters"]})
        if old["parameters"].get(name) != new["parameters"].get(name)
    ]
    found += _inputs(before, now)
    found += _code(before, now, stage) if old["code"] != new["code"] else []
    found += [f"file {name} changed" for name in new["reads"] if old["reads"].get(name) != new["reads"][name]]
    for part, text in _OTHERS.items():
        if old.get(part) != new.get(part):
            found.append(text)
    if old["python"] != new["python"]:
        found.append(f"Python {old['python']} → {new['python']}")
    kinds = _different(old["state"], new["state"])
    if kinds:
        found.append(f"state outside variables changed ({', '.join(kinds)})")
    set_before, set_now = old["environment"], new["environment"]
    return found + [
        f"{name} {_short(set_before.get(name))} → {_short(set_now.get(name))}"
        for name in _different(set_before, set_now)
    ]


def _different(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


_OTHERS = {
    "definitions": "a definition its inputs refer to changed",
    "metrics": "the metrics it records changed",
    "platform": "another machine",
    "folder": "the notebook moved",
    "format": "another version of nbprod stored it",
}


def _inputs(before: Mapping[str, Any], now: Fingerprint) -> list[str]:
    old, new = before["parts"]["inputs"], now.parts["inputs"]
    changed: dict[str, list[str]] = {}
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            origin = now.origins.get(name) or before["origins"].get(name) or "an earlier stage"
            changed.setdefault(origin, []).append(name)
    return [f"upstream {origin} changed {', '.join(names)}" for origin, names in changed.items()]


def _code(before: Mapping[str, Any], now: Fingerprint, stage: Stage) -> list[str]:
    """Return which cells' code changed; nothing when only the parameters cell did, which is told by its values."""
    old, new = before["cells"], now.cells
    steps = {_name(step): step for step in stage.steps}
    news = [steps[cell] for cell in new if old.get(cell) != new[cell]]
    here = sorted({step.cell for step in news if not step.argv})
    others = [step for step in news if step.argv]  # what %run brought in
    changed = [f"cell {', '.join(map(str, here))}"] if here else []
    changed += dict.fromkeys(f"{step.notebook} cell {step.cell}" if step.cell else step.notebook for step in others)
    if changed:
        return [f"code of {', '.join(changed)} changed"]
    if set(old) - set(new):
        return ["a cell was taken out"]
    return [] if before["parts"]["parameters"] != now.parts["parameters"] else ["code changed"]


def _short(text: str | None) -> str:
    if text is None:
        return "unset"
    return text if len(text) <= 40 else f"{text[:37]}…"
