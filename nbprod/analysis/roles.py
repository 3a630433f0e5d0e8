"""Where each statement runs: the roles authors gave, and those that follow (rules 1, 3 and 5 of DATAFLOW.md)."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.replays import is_future
from nbprod.core.notebook import ROLES
from nbprod.core.pipeline import CellRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.notes import Statement
    from nbprod.core.notebook import Cell, Notebook

WHOLE = "notebook"
PSEUDO = ("serve", "gate", "test")
YIELDS = (ast.Yield, ast.YieldFrom)


def name_stages(parsed: Sequence[Parsed]) -> dict[int, str]:
    """Return the stage of each cell (by `id()`) that its author put in one; without any, all untagged cells are one.

    Of several notebooks, each without a stage is one by itself, named after its file.
    """
    stages = {id(item.cell): item.cell.tag.stage for item in parsed if item.cell.tag and item.cell.tag.stage}
    homes = dict.fromkeys(item.place[0] for item in parsed)
    bare = [home for home in homes if not any(id(item.cell) in stages for item in parsed if item.place[0] == home)]
    names = dict.fromkeys(bare, WHOLE) if len(homes) == 1 else _names(bare, set(stages.values()))
    return stages | {
        id(item.cell): names[item.place[0]] for item in parsed if _plain(item.cell) and item.place[0] in names
    }


def _plain(cell: Cell) -> bool:
    """Whether a cell is part of the one stage of its notebook; where there is but one, `setup` says nothing more."""
    return cell.tag is None or cell.tag.role == "setup"


def _names(paths: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Return a stage's name for each notebook: its stem, less numbers in front and what names cannot have."""
    names: dict[str, str] = {}
    for path in paths:
        stem = re.sub(r"[^A-Za-z0-9_]+", "_", path.rsplit("/", 1)[-1].removesuffix(".ipynb"))
        short = re.sub(r"^[0-9_]+", "", stem)[:50]
        name = base = short if short and short not in (*ROLES, "stage") else f"notebook_{stem}"[:50].rstrip("_")
        while name in taken:
            name = f"{base}_{len(taken)}"
        taken.add(name)
        names[path] = name
    return names


def assign(statements: Sequence[Statement], stages: dict[int, str]) -> None:
    """Give every statement its owner: the stage, gate, serve or test cell that executes it once."""
    order = [stages[id(item.cell)] for item in statements if id(item.cell) in stages]
    before = order[0] if order else None
    after = _following(statements, stages)
    shown = exploration(statements, stages)
    for statement in statements:
        own = stages.get(id(statement.cell))
        if own is None and statement.role in PSEUDO:
            own = statement.role
        elif own is not None:
            before = own
        if own is not None:
            statement.owner = own
            statement.fate = "own" if statement.fate == "repeat" and not is_future(statement) else statement.fate
        elif statement.fate != "own":
            statement.owner = None
        elif id(statement.cell) in shown:
            statement.fate = "left-out"
        else:
            statement.owner = (statement.role == "parameters" and after[statement.index]) or before


def _following(statements: Sequence[Statement], stages: dict[int, str]) -> dict[int, str | None]:
    """Return, for each statement, the stage of the next stage cell."""
    following: dict[int, str | None] = {}
    current: str | None = None
    for statement in reversed(statements):
        current = stages.get(id(statement.cell), current)
        following[statement.index] = current
    return following


def exploration(statements: Sequence[Statement], stages: dict[int, str]) -> set[int]:
    """Return the untagged cells (by `id()`) all of whose own statements do nothing but show something."""
    by_cell: dict[int, list[Statement]] = {}
    for statement in statements:
        if statement.role is None and id(statement.cell) not in stages:
            by_cell.setdefault(id(statement.cell), []).append(statement)
    if not by_cell:
        return set()
    names = statements[0].names
    figures = names.mask({name for items in by_cell.values() for item in items for name in _figures(item)})
    read_at = {
        name: statement.index for statement in statements for name in names.unmask(statement.read_mask & figures)
    }
    found = {
        cell: items
        for cell, items in by_cell.items()
        if all(item.fate != "own" or shows_only(item, items, read_at) for item in items)
    }
    consumed = _consumed(statements, found.values())
    return {cell for cell, items in found.items() if not any(item.read_mask & consumed for item in items)}


def _consumed(statements: Sequence[Statement], cells: Iterable[Sequence[Statement]]) -> int:
    """Return the names that cells read and that to look at may change: iterators, generators, `defaultdict`s."""
    names = statements[0].names
    read = 0
    for items in cells:
        for item in items:
            read |= item.read_mask
    lazy = set(knowledge.sets("functions")["changed_by_reading"]) if read else set()
    found = 0
    for statement in statements if read else ():
        node = statement.node
        if isinstance(node, ast.FunctionDef) and any(isinstance(item, YIELDS) for item in ast.walk(node)):
            lazy.add(node.name)
        bound = names.mask(statement.facts.binds) & read
        if bound and isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_lazy(node.value, lazy):
            found |= bound
    return found


def _is_lazy(node: ast.expr | None, lazy: set[str]) -> bool:
    """Whether a value, or a member of one written out, is of a kind that changes by being read."""
    if isinstance(node, ast.Call):
        called = node.func
        return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in lazy
    members: list[ast.expr] = getattr(node, "elts", None) or getattr(node, "values", None) or []
    return isinstance(node, ast.GeneratorExp) or any(_is_lazy(item, lazy) for item in members)


def shows_only(statement: Statement, cell: Sequence[Statement], read_at: dict[str, int]) -> bool:
    """Whether a statement leaves nothing behind that a later cell, or a person, could look for."""
    facts = statement.facts
    if (
        set(statement.effects) - {"display", "file-read", "unpickle"}
        or statement.state
        or statement.patches
        or facts.deletes
        or facts.star
    ):
        return False
    if any(kind != "show" for kind, _, _ in facts.magics) or (statement.parsed.magic and not _shows(statement)):
        return False
    drawn = _figures(statement)
    last = cell[-1].index
    local = {name for item in cell for name in _figures(item)}
    return (
        not (facts.binds | statement.maybe) - drawn
        and statement.mutates <= local
        and all(read_at.get(name, 0) <= last for name in drawn)
    )


def _shows(statement: Statement) -> bool:
    magic = statement.parsed.magic
    lists = knowledge.sets("magics")
    return magic is not None and (magic.name in lists["cell_show"] or magic.name in ("time", "timeit"))


def _figures(statement: Statement) -> set[str]:
    """Return the names a statement binds to figures and axes, which live no longer than their cell."""
    node = statement.node
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
        return set()
    func = node.value.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    drawing = {
        "subplots",
        "figure",
        "subplot",
        "gca",
        "gcf",
        "plot",
        "hist",
        "scatter",
        "bar",
        "boxplot",
        "heatmap",
        "pairplot",
    }
    return set(statement.facts.binds) if name in drawing else set()


def roles_of(
    notebooks: Sequence[Notebook], statements: Sequence[Statement], stages: dict[int, str]
) -> tuple[CellRole, ...]:
    """Return the role of every code cell, with the reason where it was inferred."""
    by_cell: dict[int, list[Statement]] = {}
    for statement in statements:
        if statement.cell.tag is None or statement.parsed.top is not None:
            by_cell.setdefault(id(statement.parsed.place[1]), []).append(statement)
    roles = []
    for notebook in notebooks:
        for cell in notebook.cells:
            if cell.kind != "code":
                continue
            if cell.tag is not None:
                role = CellRole(cell.number, cell.id, cell.tag.role, cell.tag.stage, notebook=notebook.path)
            else:
                inside = by_cell.get(id(cell), [])
                stage = next((stages[id(item.cell)] for item in inside if id(item.cell) in stages), None)
                role = _inferred(cell.number, cell.id, stage or stages.get(id(cell)), inside)
                role = replace(role, notebook=notebook.path)
            roles.append(role)
    return tuple(roles)


def _inferred(number: int, identity: str, stage: str | None, statements: Sequence[Statement]) -> CellRole:
    if stage is not None and any(item.cell.tag for item in statements):
        return CellRole(number, identity, "stage", stage, True, "what it runs is tagged so")
    if stage is not None:
        return CellRole(number, identity, "stage", stage, True, "no cell is tagged, so the notebook is one stage")
    fates = {statement.fate for statement in statements}
    owners = [statement.owner for statement in statements if statement.fate == "own" and statement.owner]
    if owners:
        return CellRole(number, identity, "stage", owners[0], True, f"it runs once, so it joins stage {owners[0]}")
    if "left-out" in fates:
        return CellRole(number, identity, "exploration", None, True, "it only shows something and no stage needs it")
    if not statements:
        return CellRole(number, identity, "exploration", None, True, "nothing in it is executed")
    return CellRole(number, identity, "setup", None, True, "imports, definitions and constants: repeated where needed")


assert set(PSEUDO) < set(ROLES)
