"""Sets that come back in the order in which they were iterated.

A set's order follows from its elements' hashes, the size of its table, and, where hashes collide, from its history.
Adding the elements again in the order of iteration rarely gives that order again: the table may get another size, and
collisions fall differently. So a recipe is stored: the size of the table, an order of adding that puts every element
into the slot it was in, and the slots that deleted elements had occupied meanwhile. Hashes must be the same when the
set is loaded: that is what PYTHONHASHSEED is fixed for in a run; objects hashed by their address have no stable order.
"""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from . import kinds, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SMALLEST = 8
NEAR = 9
"""How many neighbouring slots CPython tries before it jumps (LINEAR_PROBES)."""
SHIFT = 5
LARGEST = 1 << 18
"""Larger sets are not looked into: it takes microseconds per element."""
BITS = (1 << 64) - 1
UNSTABLE = (tuple, frozenset, slice)
READABLE = (
    sys.implementation.name == "cpython"
    and sys.maxsize == 2**63 - 1
    and not hasattr(sys, "getobjects")
    and getattr(sys, "_is_gil_enabled", lambda: True)()
)


class Recipe(NamedTuple):
    """How to build a set: a table of `size`, elements in the order of adding, slots to be taken before that."""

    kind: type
    size: int
    elements: tuple[Any, ...]
    taken: tuple[int, ...]


class _Place:
    """Occupies a slot while a set is built."""

    __slots__ = ("slot",)

    def __init__(self, slot: int) -> None:
        self.slot = slot

    def __hash__(self) -> int:
        return self.slot

    def __eq__(self, other: object) -> bool:
        return self is other


def build(recipe: Recipe) -> set[Any] | frozenset[Any]:
    """Return the set that `recipe` describes."""
    places = [*map(_Place, recipe.taken)]
    keys = [*places, *recipe.elements]
    # A dict makes room for all its keys at once: the smallest table of more than twice their number, or of 8.
    most = recipe.size // 2 - 1 if recipe.size > SMALLEST else SMALLEST
    least = max(5, recipe.size // 4) if recipe.size > SMALLEST else 0
    fillers = [_Place(slot) for slot in range(least - len(keys))]
    roomy, rest = dict.fromkeys([*keys[:most], *fillers]), keys[most:]
    if recipe.kind is frozenset:
        # What is in both is removed, what is only here is added: the one way to change a frozen set as it is made.
        return frozenset([*places, *fillers, *rest]).symmetric_difference(roomy)
    found = set(roomy)
    for key in rest:
        found.add(key)
    for place in (*places, *fillers):  # one by one: removing several at once may rebuild the table
        found.discard(place)
    return found


def recipes(values: Iterable[object], large: list[int] | None = None) -> dict[int, Recipe]:
    """Return, by identity, how to build those sets among `values` that pickle would bring back in another order.

    The sizes of those that are too large for that are added to `large`.
    """
    found: dict[int, Recipe] = {}
    frozen = kinds.frozen_types()
    for value in values:
        if type(value) in (set, frozenset) and len(value) > 1:  # type: ignore[arg-type]  # the type was just asked
            recipe = _recipe(value, frozen)
            if recipe is not None:
                found[id(value)] = recipe
            elif large is not None and _lost(value):
                large.append(len(value))  # type: ignore[arg-type]  # the same
    return found


def _lost(value: Any) -> bool:
    """Whether a set is too large for a recipe, and would need one."""
    return len(value) > LARGEST and list(type(value)(list(value))) != list(value)


def _recipe(value: Any, frozen: tuple[type, ...]) -> Recipe | None:
    order = list(value)
    kind = type(value)
    if (
        list(kind(order)) == order
        or not READABLE
        or len(order) > LARGEST
        or not all(_stable(item, frozen) for item in order)
    ):
        return None
    table = _table(value)
    if table is None:
        return None
    elements, taken = _adding(*table)
    by_slot = dict(zip((slot for slot, used in enumerate(table[0]) if used == 1), order, strict=True))
    recipe = Recipe(kind, len(table[0]), tuple(by_slot[slot] for slot in elements), tuple(taken))
    same = list(map(id, build(recipe))) == list(map(id, order))
    return recipe if same else None


def _stable(item: object, frozen: tuple[type, ...]) -> bool:
    """Whether `item` cannot refer to the set it is in."""
    if type(item) in plain.ATOMS:
        return True
    if type(item) in (tuple, frozenset):
        return all(_stable(part, frozen) for part in item)  # type: ignore[attr-defined]  # the type was just asked
    return isinstance(item, frozen) and not isinstance(item, UNSTABLE) and not hasattr(item, "__func__")


def _table(value: Any) -> tuple[list[int], list[int]] | None:
    """Return for each slot whether it is empty (0), used (1) or was used (2), and its hash; None if it cannot be seen.

    Reads the set's own memory, which is laid out like this in every CPython since 3.7; what follows from it is tried
    out before it is believed.
    """
    _fill, used, mask, address = (ctypes.c_ssize_t * 4).from_address(id(value) + object.__basicsize__)
    size = mask + 1
    expected = sys.getsizeof(value) - sys.getsizeof(set() if type(value) is set else frozenset())
    if used != len(value) or size & mask or expected != (16 * size if size > SMALLEST else 0):
        return None
    words = list((ctypes.c_ssize_t * (2 * size)).from_address(address))
    keys, hashes = words[::2], words[1::2]
    states = [0 if not key else 2 if code == -1 else 1 for key, code in zip(keys, hashes, strict=True)]
    return states, hashes


def _adding(states: list[int], hashes: list[int]) -> tuple[list[int], list[int]]:
    """Return the slots in an order of adding that fills each as it was, and the slots to be taken meanwhile."""
    mask = len(states) - 1
    used = [slot for slot, state in enumerate(states) if state == 1]
    order = [slot for slot in used if hashes[slot] & mask == slot]
    done = set(order)
    taken: dict[int, None] = {}
    for slot in used:
        waiting = [slot]
        while waiting:
            before = [] if waiting[-1] in done else _before(waiting[-1], hashes[waiting[-1]], mask)
            taken.update(dict.fromkeys(other for other in before if states[other] == 2))
            missing = [other for other in before if states[other] == 1 and other not in done]
            if missing and len(waiting) <= len(states):
                waiting.extend(missing)
                continue
            last = waiting.pop()
            if last not in done:
                done.add(last)
                order.append(last)
    return order, list(taken)


def _before(slot: int, code: int, mask: int) -> Sequence[int]:
    """Return the slots that are tried before `slot` for an element with this hash."""
    perturb = code & BITS
    tried: list[int] = []
    start = perturb & mask
    while len(tried) <= 20 * mask:
        for candidate in range(start, start + (NEAR if start + NEAR <= mask else 0) + 1):
            if candidate == slot:
                return tried
            tried.append(candidate)
        perturb >>= SHIFT
        start = (start * 5 + 1 + perturb) & mask
    return []
