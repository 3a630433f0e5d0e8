"""The pipeline as JSON, text and Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbprod.core.pipeline import Pipeline, Stage


def to_json(pipeline: Pipeline) -> dict[str, Any]:
    """Return the object of `graph --format json` in CONTRACT.md."""
    return {
        "stages": [
            {
                "name": item.name,
                "cells": list(item.cells),
                "reads": list(item.reads),
                "writes": list(item.writes),
                **({"notebook": _home(item, pipeline)} if len(pipeline.notebooks) > 1 else {}),
            }
            for item in pipeline.stages
        ],
        "edges": [{"from": pair[0], "to": pair[1], "names": names} for pair, names in _pairs(pipeline).items()],
        "parameters": [
            {
                "name": item.name,
                "type": item.type,
                "default": _jsonable(item.default, item.default_source),
                "help": item.help,
            }
            for item in pipeline.parameters
        ],
    }


def to_mermaid(pipeline: Pipeline) -> str:
    """Return a Mermaid flowchart."""
    number = {item.name: f"s{index}" for index, item in enumerate(pipeline.stages)}
    lines = ["flowchart TD", *(f'  {number[item.name]}["{item.name}"]' for item in pipeline.stages)]
    for (source, target), names in _pairs(pipeline).items():
        lines.append(f'  {number[source]} -->|"{", ".join(names)}"| {number[target]}')
    return "\n".join(lines) + "\n"


def to_text(pipeline: Pipeline) -> str:
    """Return one line a stage: its name, its cells, what it takes from which stage."""
    width = max((len(item.name) for item in pipeline.stages), default=0)
    pairs = _pairs(pipeline)
    lines = []
    for item in pipeline.stages:
        taken = [f"{', '.join(names)} ← {source}" for (source, target), names in pairs.items() if target == item.name]
        cells = ", ".join(str(number) for number in item.cells)
        home = f"{_home(item, pipeline)} " if len(pipeline.notebooks) > 1 else ""
        lines.append(f"{item.name:<{width}}  {home}cells {cells}" + (f"   {'; '.join(taken)}" if taken else ""))
    return "\n".join(lines) + "\n" if lines else "no stages\n"


def _home(stage: Stage, pipeline: Pipeline) -> str:
    """Return the notebook, of those given, that a stage's cells are in."""
    steps = (step.notebook for step in stage.steps if step.kind == "cell" and not step.argv)
    return next(steps, pipeline.notebook)


def _pairs(pipeline: Pipeline) -> dict[tuple[str, str], list[str]]:
    """Return the names that cross between two stages, data first."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for edge in pipeline.edges:
        names = pairs.setdefault((edge.source, edge.target), [])
        names += [name for name in edge.names if name not in names]
    return pairs


def _jsonable(value: Any, source: str) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else source
    if isinstance(value, (list, tuple)):
        return [_jsonable(item, repr(item)) for item in value]
    if isinstance(value, dict):
        return {str(key): _jsonable(item, repr(item)) for key, item in value.items()}
    return source
