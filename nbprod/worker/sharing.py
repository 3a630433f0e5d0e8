"""Which parts of values are one and the same object, as far as the notebook's code can see it."""

from __future__ import annotations

import sys
from typing import Any

DEEPEST = 200


def shape(values: list[object]) -> list[int]:
    """Return the numbers of the mutable objects met on a walk through `values`: those met again have the same number.

    Only builtin containers, arrays, tables and instances of the notebook's own classes are looked at: what libraries
    share inside their objects is no business of the notebook's.
    """
    walk = _Walk()
    for value in values:
        walk.visit(value, 0)
    return walk.numbers


class _Walk:
    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._known: dict[int, int] = {}
        self._kept: list[object] = []

    def visit(self, value: Any, depth: int) -> None:
        kind = type(value)
        if depth > DEEPEST:
            return
        if kind is tuple:
            self._parts(value, depth)
        elif isinstance(value, list | dict | set | bytearray) or _is_table(value) or kind.__module__ == "__main__":
            if self._new(value):
                self._inside(value, depth)
        elif _is(value, "numpy", "ndarray"):
            self._new(_memory(value))

    def _new(self, value: object) -> bool:
        fresh = id(value) not in self._known
        self.numbers.append(self._known.setdefault(id(value), len(self._known)))
        self._kept.append(value)
        return fresh

    def _inside(self, value: Any, depth: int) -> None:
        if isinstance(value, list):
            self._parts(value, depth)
        elif isinstance(value, dict):
            self._parts(value.values(), depth)
        attributes = getattr(value, "__dict__", None)
        if type(value).__module__ == "__main__" and isinstance(attributes, dict) and not isinstance(value, type):
            self._parts((attributes[name] for name in sorted(attributes)), depth)

    def _parts(self, values: Any, depth: int) -> None:
        for part in values:
            self.visit(part, depth + 1)


def _memory(array: Any) -> object:
    """Return the object that owns an array's memory."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def _is_table(value: object) -> bool:
    return _is(value, "pandas", "DataFrame") or _is(value, "pandas", "Series")


def _is(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)
