"""Trees of plain builtins: lists, tuples and dicts of numbers and text, recognised at nearly the speed of pickle.

Most large containers in notebooks are such trees (records, tokens, settings), and for them nothing has to be asked
object by object: their containers are known, and `marshal` writes them in one go.
"""

from __future__ import annotations

import marshal
from itertools import chain
from operator import ne
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ATOMS: frozenset[type] = frozenset({int, float, str, bytes, bool, complex, type(None), type(Ellipsis)})
CONTAINERS = frozenset({list, dict, tuple})
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
    level: list[Any] = [value]
    for _ in range(DEPTH):
        if not CONTAINERS.issuperset(map(type, level)) or not _fresh(level, tree, seen):
            return None
        members = _Members(level)
        kinds = set(map(type, members.values()))
        of_keys = set(map(type, members.keys()))
        if not kinds <= PLAIN or not of_keys <= ATOMS:
            return None
        tree.nan = tree.nan or (not kinds.isdisjoint(INEXACT) and _nan(members.values()))
        tree.nan = tree.nan or (not of_keys.isdisjoint(INEXACT) and _nan(members.keys()))
        if kinds.isdisjoint(CONTAINERS):
            return tree
        level = [item for item in members.values() if type(item) in CONTAINERS]
    return None


def _fresh(level: list[Any], tree: Tree, seen: set[int]) -> bool:
    """Note the lists and dicts of a level; whether none of them was met before."""
    found = [id(container) for container in level if type(container) is not tuple]
    known = len(seen)
    seen.update(found)
    tree.containers.extend(found)
    return len(seen) == known + len(found)


class _Members:
    """What the containers of one level hold, all of it in one pass."""

    def __init__(self, level: list[Any]) -> None:
        self.dicts: list[dict[Any, Any]] = [container for container in level if type(container) is dict]
        self.sequences = [container for container in level if type(container) is not dict]

    def keys(self) -> Iterator[Any]:
        return chain.from_iterable(self.dicts)

    def values(self) -> Iterator[Any]:
        return chain(chain.from_iterable(map(dict.values, self.dicts)), chain.from_iterable(self.sequences))


def _nan(values: Iterator[Any]) -> bool:
    inexact = [item for item in values if type(item) in INEXACT]
    return any(map(ne, inexact, inexact))


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
