"""Where one stage may end and the next begin: the cheapest cuts between cells, by what would cross."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.evidence import matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.analysis.evidence import Witness
    from nbprod.analysis.notes import Statement

CUT = 0.6
EACH = 0.2
MOST = 8.0
CHANGED = 0.5
SMALL = 0.2
NEVER = 1000.0
BREADTH = 24
"""At most so many labels are pursued at once; with fewer than that, the result is the best there is."""


def costs(cells: Sequence[Sequence[Statement]], names: set[str], witness: Witness) -> list[float]:
    """Return what it costs to cut before each cell: the more values cross, the more; infinite where one cannot.

    Parameters
    ----------
    cells
        The statements of each cell, in order.
    names
        Names that need not cross, because they are defined anew where they are needed.
    """
    written: dict[str, int] = {}
    last: dict[str, int] = {}
    weight: dict[str, float] = {}
    changed = [0] * (len(cells) + 1)
    handles: set[str] = set()
    for at, cell in enumerate(cells):
        for item in cell:
            facts = item.facts
            touched = (facts.reads.keys() | facts.mutates | facts.maybe) - names
            # by way of what shares objects with it, too, where all depends on it
            touched |= {name for name in handles if name in item.mutates or name in item.reads}
            last.update(dict.fromkeys(touched & written.keys(), at))
            changed[at] += any(written.get(name, at) < at for name in facts.mutates - names)
            for name in (facts.binds | facts.maybe) - names:
                written.setdefault(name, at)
                weight[name] = max(weight.get(name, 0.0), _weight(item, witness))
                if weight[name] == NEVER:
                    handles.add(name)
    begins: dict[int, list[str]] = {}
    ends: dict[int, list[str]] = {}
    for name, end in last.items():
        begins.setdefault(written[name] + 1, []).append(name)
        ends.setdefault(end + 1, []).append(name)
    found, crossing = [], 0.0
    for at in range(len(cells)):
        crossing += sum(weight[name] for name in begins.get(at, ()))
        crossing -= sum(weight[name] for name in ends.get(at, ()))
        price = CUT + EACH * min(crossing, MOST) + CHANGED * EACH * changed[at]
        found.append(NEVER if crossing >= NEVER else price)
    return found


def _weight(item: Statement, witness: Witness) -> float:
    """Return how much a value weighs that a statement binds: numbers little, what cannot be stored without end."""
    value = item.node.value if isinstance(item.node, (ast.Assign, ast.AnnAssign)) else None
    if isinstance(value, ast.GeneratorExp):
        return NEVER
    if isinstance(value, ast.Call):
        name = witness.full_name(value.func)
        if matches(name, knowledge.table("suggest")["unstorable"]):
            return NEVER
        return SMALL if name in ("builtins.len", "builtins.sum", "builtins.max", "builtins.min", ".score") else 1.0
    return SMALL if isinstance(value, (ast.Constant, ast.Compare, ast.JoinedStr)) else 1.0


def label(
    scores: Sequence[Mapping[str, float]], fixed: Sequence[str | None], prices: Sequence[float], start: str
) -> list[str]:
    """Return a label for each cell, so that evidence less the price of the cuts is greatest.

    Parameters
    ----------
    scores
        Label → how much speaks for it, for each cell.
    fixed
        The label of a cell whose author gave it one.
    prices
        What it costs to cut before each cell.
    start
        The label of what nothing speaks for.
    """
    if not scores:
        return []
    state: dict[str, float] = {}
    came: list[dict[str, str]] = []
    for at, known in enumerate(scores):
        best = max(state, key=lambda name: state[name]) if state else start
        following: dict[str, float] = {}
        origin: dict[str, str] = {}
        only = fixed[at]
        for name in {*state, *known, *([only] if only else []), *([] if state else [start])}:
            if only is not None and name != only:
                continue
            stay, move = state.get(name, float("-inf")), (state[best] - prices[at] if state else 0.0)
            following[name] = max(stay, move) + known.get(name, 0.0)
            origin[name] = name if stay >= move else best
        came.append(origin)
        ranked = sorted(following, key=lambda name: (-following[name], name))[:BREADTH]
        state = {name: following[name] for name in ranked}
    current = max(state, key=lambda name: (state[name], name))
    chosen = [current]
    for origin in reversed(came[1:]):
        current = origin[current]
        chosen.append(current)
    return chosen[::-1]
