"""Trees of plain builtins: lists, tuples and dicts of numbers and text, recognised at nearly the speed of pickle.

Most large containers in notebooks are such trees (records, tokens, settings), and for them nothing has to be asked
object by object: their containers are known, and `marshal` writes them in one go.
"""

from __future__ import annotations

import marshal
from operator import ne
from typing import Any

ATOMS: frozenset[type] = frozenset({int, float, str, bytes, bool, complex, type(None), type(Ellipsis)})
CONTAINERS = frozenset({list, dict, tuple})
MUTABLE = frozenset({list, dict})
PLAIN = ATOMS | CONTAINERS
INEXACT = frozenset({float, complex})
DEPTH = 200


class Tree:
    """What `scan` found: identities of the lists and dicts in the order met, and whether a NaN is among the numbers."""

    def __init__(self) -> None:
        self.containers: list[int] = []
        self.nan = False


def scan(value: object) -> Tree | None:
    """Return the tree of plain builtins at `value`, or None if something in it is shared, cyclic, deep or not plain."""
    tree = Tree()
    seen: set[int] = set()
    level = [value]
    for _ in range(DEPTH):
        if not _level(level, tree, seen):
            return None
        level = _below(level)
        if not level:
            return tree
    return None


def _level(containers: list[Any], tree: Tree, seen: set[int]) -> bool:
    for container in containers:
        kind = type(container)
        if kind in MUTABLE:
            if id(container) in seen:
                return False
            seen.add(id(container))
            tree.containers.append(id(container))
        elif kind is not tuple:
            return False
        if not _members(container, kind, tree):
            return False
    return True


def _members(container: Any, kind: type, tree: Tree) -> bool:
    values = container
    if kind is dict:
        if not ATOMS.issuperset(map(type, container)):
            return False
        values = list(container.values())
        if not INEXACT.isdisjoint(map(type, container)):
            values.extend(container)
    kinds = set(map(type, values))
    if not kinds <= PLAIN:
        return False
    if not tree.nan and not kinds.isdisjoint(INEXACT):
        tree.nan = any(map(_unequal, values, values)) if kinds & CONTAINERS else any(map(ne, values, values))
    return True


def _unequal(one: Any, other: Any) -> bool:
    return type(one) in INEXACT and bool(one != other)


def _below(level: list[Any]) -> list[Any]:
    found: list[Any] = []
    for container in level:
        values = container.values() if type(container) is dict else container
        if not ATOMS.issuperset(map(type, values)):
            found.extend(value for value in values if type(value) in CONTAINERS)
    return found


def encode(value: object, tree: Tree) -> bytes:
    """Return bytes that are equal exactly for equal trees of equal types."""
    return write(_same_nan(value) if tree.nan else value)


def write(value: Any) -> bytes:
    """Return the bytes of plain builtins; version 2 of marshal knows no identities."""
    return marshal.dumps(value, 2)


NAN = float("nan")


def _same_nan(value: Any) -> Any:
    """Return `value` with every NaN replaced by the same one: its bits mean nothing."""
    kind = type(value)
    if kind is float:
        return NAN if value != value else value
    if kind is complex:
        return complex(_same_nan(value.real), _same_nan(value.imag)) if value != value else value
    if kind is dict:
        return {_same_nan(key): _same_nan(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return kind(map(_same_nan, value))
    return value


def atoms(values: Any) -> bool:
    """Whether all of `values` are atoms of one type that can be sorted, without NaN."""
    kinds = set(map(type, values))
    return len(kinds) == 1 and kinds <= {int, str, bytes, float} and not any(map(ne, values, values))
