"""Stages for a notebook without tags, or for what of it is untagged: proposed, and shown to be sound."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nbprod.analysis import cutting, knowledge, replays, roles
from nbprod.analysis.evidence import HEADING, Witness, brief
from nbprod.analysis.notes import notes_of
from nbprod.analysis.pipeline import analyze
from nbprod.core.notebook import ROLES, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.analysis.evidence import Evidence
    from nbprod.analysis.notes import Statement
    from nbprod.core.notebook import Cell, Notebook
    from nbprod.core.pipeline import Pipeline

UNKNOWN = "prepare"
SECTION = 1.3
FAINT = 0.05
SETS_UP = {"display", "install"}
EXPLORES = "only shows something: left out, no tag"
REASONS = 3
WORDS = 3
MANY = 20


@dataclass(frozen=True, slots=True)
class Proposed:
    """What is proposed for a cell; `tag` is None for one that stays without, `kept` where the author tagged it."""

    cell: int
    cell_id: str
    tag: Tag | None
    reason: str
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Tags for the untagged cells of a notebook, and the pipeline they would make of it."""

    notebook: str
    cells: tuple[Proposed, ...]
    pipeline: Pipeline
    notes: tuple[str, ...] = ()

    @property
    def tags(self) -> dict[int, Tag]:
        """The new tags by cell number."""
        return {item.cell: item.tag for item in self.cells if item.tag is not None and not item.kept}

    def as_json(self) -> dict[str, Any]:
        """Return the object of `suggest --json`."""
        cells = [
            {
                "cell": item.cell,
                "cell_id": item.cell_id,
                "role": item.tag.role if item.tag else "exploration",
                "stage": item.tag.stage if item.tag else None,
                "reason": item.reason,
                "kept": item.kept,
            }
            for item in self.cells
        ]
        fields = ("name", "cells", "reads", "writes")
        stages = [{name: getattr(stage, name) for name in fields} for stage in self.pipeline.stages if self.tags]
        return {"notebook": self.notebook, "cells": cells, "stages": stages, "notes": list(self.notes)}


def suggest(notebook: Notebook) -> Suggestion:
    """Return stages for the untagged cells; with these tags, analysis finds no error that it does not find without."""
    cells, notes = _propose(notebook)
    known = Counter(item.code for item in analyze([notebook]).errors)
    for mend in (_without_gates, _without_parameters, _joined, _one_stage, _none, None):
        found = Suggestion(notebook.path, tuple(cells), analyze([_tagged(notebook, cells)]), notes)
        if mend is None or not Counter(item.code for item in found.pipeline.errors) - known:
            break
        cells = [item if item.kept else mend(item, found) for item in cells]
    return found


def _without_gates(item: Proposed, _found: Suggestion) -> Proposed:
    """Leave assertions where they stand: a gate runs last."""
    mine = item.tag is not None and item.tag.role == "gate"
    return replace(item, tag=None, reason=EXPLORES) if mine else item


def _without_parameters(item: Proposed, _found: Suggestion) -> Proposed:
    """Leave the values at the top what they are: something in them is more than a plain value."""
    mine = item.tag is not None and item.tag.role == "parameters"
    return replace(item, tag=None, reason="values that later cells change") if mine else item


def _joined(item: Proposed, found: Suggestion) -> Proposed:
    """Do not cut after the first cell with an error: what it changes holds for all that follows."""
    first = min((error.cell for error in found.pipeline.errors if error.cell), default=0)
    stage = next((other.tag for other in found.cells if other.cell >= first and _stage(other)), None)
    if not _stage(item) or item.cell < first or item.tag == stage:
        return item
    return replace(item, tag=stage, reason=f"cell {first} changes what it uses")


def _one_stage(item: Proposed, _found: Suggestion) -> Proposed:
    """Do not cut: what the cells share cannot be told apart."""
    return replace(item, tag=Tag("stage", "all"), reason="cannot be cut soundly") if _stage(item) else item


def _none(item: Proposed, _found: Suggestion) -> Proposed:
    return replace(item, tag=None, reason="no sound stages were found")


def _stage(item: Proposed) -> bool:
    return item.tag is not None and item.tag.stage is not None


def _tagged(notebook: Notebook, cells: Sequence[Proposed]) -> Notebook:
    tags = {item.cell: item.tag for item in cells if item.tag is not None and not item.kept}
    return replace(
        notebook, cells=tuple(replace(c, tag=tags[c.number]) if c.number in tags else c for c in notebook.cells)
    )


def _propose(notebook: Notebook) -> tuple[list[Proposed], tuple[str, ...]]:
    draft = _Draft(notebook)
    cells = [cell for cell in notebook.cells if cell.kind == "code"]
    proposed = {cell.number: draft.plain(cell) for cell in cells}
    rest = [cell for cell in cells if proposed[cell.number] is None]
    for cell, tag, reason in draft.stages(rest):
        proposed[cell.number] = Proposed(cell.number, cell.id, tag, reason, cell.tag is not None)
    notes = draft.notes if not draft.parameters else ()
    return [item for item in proposed.values() if item is not None], notes


class _Draft:
    """The statements of a notebook by cell, and what follows for each cell alone."""

    def __init__(self, notebook: Notebook) -> None:
        _, statements, context = notes_of([notebook])
        self.stable = replays.stable(statements)
        self.statements: dict[int, list[Statement]] = {}
        self.numbers = {id(item.parsed.place[1]): item.parsed.place[1].number for item in statements}
        for item in statements:
            self.statements.setdefault(item.parsed.place[1].number, []).append(item)
        tagged = {id(item.cell): str(item.cell.tag.stage) for item in statements if item.cell.tag}
        shown = roles.exploration(statements, tagged)
        self.shown = {
            number for number, items in self.statements.items() if all(id(item.cell) in shown for item in items)
        }
        self.read = {name for item in statements for name in item.reads}
        self.witness = Witness(context.imports, statements)
        self.headings = _headings(notebook)
        self.parameters = any(cell.tag and cell.tag.role == "parameters" for cell in notebook.cells)
        self.computed = False
        self.notes: tuple[str, ...] = ()

    def plain(self, cell: Cell) -> Proposed | None:
        """Return what a cell is that needs no stage; None for one that does, or has one."""
        items = self.statements.get(cell.number, [])
        if cell.tag is not None:
            self.computed |= cell.tag.stage is not None
            kept = Proposed(cell.number, cell.id, cell.tag, "tagged already", kept=True)
            return None if cell.tag.stage else kept
        if not items:
            return Proposed(cell.number, cell.id, None, "nothing in it is executed")
        if all(_is_value(item) for item in items) and any(item.fate == "replay" for item in items):
            values = self.values(cell, items)
            if values is not None:
                return values
        if all(item.fate != "own" or _sets_up(item) for item in items):
            return Proposed(cell.number, cell.id, Tag("setup"), _setup(items))
        if self.computed and all(isinstance(item.node, ast.Assert) for item in items):
            return Proposed(cell.number, cell.id, Tag("gate"), "assertions: must hold before the model is promoted")
        if cell.number in self.shown:
            return Proposed(cell.number, cell.id, None, EXPLORES)
        self.computed = True
        return None

    def values(self, cell: Cell, items: Sequence[Statement]) -> Proposed | None:
        """Return what a cell of plain values is: the first one, at the top, holds the parameters."""
        names = [name for item in items for name in sorted(item.facts.binds)]
        if self.parameters or self.computed or not set(names) & self.read:
            plain = all(item.fate == "replay" for item in items)
            return Proposed(cell.number, cell.id, Tag("setup"), f"values: {_listed(names)}") if plain else None
        self.parameters = True
        return Proposed(cell.number, cell.id, Tag("parameters"), f"plain values at the top: {_listed(names)}")

    def stages(self, cells: Sequence[Cell]) -> list[tuple[Cell, Tag, str]]:
        """Return stages for the cells that need one, those with a stage of their author's included."""
        groups = [self.statements.get(cell.number, []) for cell in cells]
        found = [
            self.witness.judge(cell, items, self.headings.get(cell.number, ""))
            for cell, items in zip(cells, groups, strict=True)
        ]
        fixed = [cell.tag.stage if cell.tag else None for cell in cells]
        scores = [{} if own else self.scores(cell, item) for cell, item, own in zip(cells, found, fixed, strict=True)]
        prices = cutting.costs(groups, set(self.stable), self.witness)
        labels = cutting.label(scores, fixed, prices, UNKNOWN)
        while sum(1 for _ in groupby(labels)) > max(MANY, len({*fixed})) and max(prices) < cutting.NEVER**2:
            prices = [2 * price for price in prices]  # stages that nobody could look over
            labels = cutting.label(scores, fixed, prices, UNKNOWN)
        return _named(cells, labels, found, self.headings)

    def scores(self, cell: Cell, found: Evidence) -> dict[str, float]:
        """Return the evidence for each kind; a heading that names none is a kind of its own."""
        heading = self.headings.get(cell.number, "")
        scores = dict(found.scores)
        name = _slug(heading)
        if name and not any(text.startswith("heading") for causes in found.causes.values() for _, text in causes):
            scores[name] = scores.get(name, 0.0) + SECTION
        return scores or {UNKNOWN: FAINT}


def _is_value(item: Statement) -> bool:
    value = item.node.value if isinstance(item.node, (ast.Assign, ast.AnnAssign)) else None
    if value is None or isinstance(value, ast.Lambda) or replays.kind_of(item) != "constant":
        return False
    return item.fate == "replay" or isinstance(value, (ast.List, ast.Dict, ast.Tuple, ast.Set))  # perhaps changed


def _sets_up(item: Statement) -> bool:
    """Whether a statement that runs once seeds or installs something and leaves no value behind."""
    leaves = item.facts.binds or item.maybe or item.mutates or item.facts.deletes
    return not leaves and not set(item.effects) - SETS_UP and bool(item.state or "install" in item.effects)


def _setup(items: Sequence[Statement]) -> str:
    has: dict[str, None] = {}
    for item in items:
        kind = replays.kind_of(item)
        word = {"import": "imports", "definition": "definitions", "constant": "values", "connection": "a connection"}
        has["a seed" if item.seeds else word.get(str(kind), "options")] = None
    return f"{_listed(list(has))}: " + ("once, first" if list(has) == ["a seed"] else "repeated where they are needed")


def _headings(notebook: Notebook) -> dict[int, str]:
    """Return the heading above each code cell; the notebook's title is none."""
    found: dict[int, str] = {}
    current = ""
    for cell in notebook.cells:
        if cell.kind == "markdown":
            for match in HEADING.finditer(cell.source):
                title = not found and len(match[1]) == 1
                current = "" if title else re.sub(r"[*_`]|^[\d.)\s]+", "", match[2]).strip()
        elif cell.kind == "code":
            found[cell.number] = current
    return found


def _slug(heading: str) -> str:
    fillers = knowledge.sets("suggest")["fillers"]
    words = [word for word in re.findall(r"[a-z0-9]+", heading.lower()) if word not in fillers]
    name = "_".join(words[:WORDS]).lstrip("0123456789_")[:30].rstrip("_")
    return "" if name in (*ROLES, "stage") else name


def _named(
    cells: Sequence[Cell], labels: Sequence[str], found: Sequence[Evidence], headings: Mapping[int, str]
) -> list[tuple[Cell, Tag, str]]:
    """Return the tag of each cell: the label of its run of cells, made different from those of other runs."""
    taken = {cell.tag.stage for cell in cells if cell.tag}
    result: list[tuple[Cell, Tag, str]] = []
    for label, group in groupby(range(len(cells)), key=lambda at: labels[at]):
        run = list(group)
        given = any(cells[at].tag for at in run)
        name = label if given else _fresh(label, _slug(headings.get(cells[run[0]].number, "")), taken)
        taken.add(name)
        for at in run:
            own = cells[at].tag
            reason = "tagged already" if own else _reason(found[at], label, headings.get(cells[at].number, ""))
            result.append((cells[at], own or Tag("stage", name), reason))
    return result


def _fresh(label: str, heading: str, taken: set[str | None]) -> str:
    """Return a name that no stage has yet, of the heading's words if need be."""
    if label not in taken:
        return label
    if heading and heading not in taken:
        return heading
    return next(name for number in range(2, len(taken) + 3) if (name := f"{label}_{number}") not in taken)


def _reason(found: Evidence, label: str, heading: str) -> str:
    causes = sorted(found.causes.get(label, ()), key=lambda item: -item[0])
    if causes:
        return ", ".join(text for _, text in causes[:REASONS])
    if heading and label == _slug(heading):
        return f"heading “{brief(heading)}”"
    return "goes with the cells beside it"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
