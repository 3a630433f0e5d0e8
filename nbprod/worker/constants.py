"""Literals that every stage makes anew, inside the values that hold them.

A list that nothing changes is made again in each stage that names it (rule 2 of DATAFLOW.md), while a value which
crosses may hold the very list that its own stage made. So that both stay one object, such a list is stored with its
name: loaded, it is the list of that name where the stage has made it, and else a new one, the same for all values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .naming import MET

if TYPE_CHECKING:
    from collections.abc import Collection

Key = tuple[str, int]
"""A name, and the number of the object inside its value, on a walk; the value itself is 0."""
MUTABLE = (list, dict, set)
LARGEST = 10_000
"""Literals with more parts are told apart as a whole only."""


def known(namespace: dict[str, Any], names: Collection[str]) -> dict[int, Key]:
    """Return the key of every mutable object that belongs to one of the literals `names`, by its identity."""
    found: dict[int, Key] = {}
    inside = {name: _parts(namespace[name]) for name in sorted(names) if name in namespace}
    for name, parts in inside.items():
        if parts and parts[0] is namespace[name]:
            found.setdefault(id(parts[0]), (name, 0))
    for name, parts in inside.items():
        for number, part in enumerate(parts):
            found.setdefault(id(part), (name, number))
    for key, value in _met(namespace).items():
        if key[0] not in namespace:
            found.setdefault(id(value), key)
    return {identity: key for identity, key in found.items() if identity != id(None)}


def resolve(namespace: dict[str, Any], key: Key, content: Any) -> Any:
    """Return the object that `key` means in `namespace`; `content`, which is equal to it, where there is none yet."""
    name, number = key
    parts = _parts(namespace.get(name))
    if number < len(parts) and _equal(parts[number], content):
        return parts[number]
    met: dict[Key, Any] = namespace.setdefault(MET, {})
    if not _equal(met.get(key), content):
        met[key] = content
    return met[key]


def adopt(namespace: dict[str, Any]) -> None:
    """Let names just bound to literals mean the objects that values loaded before hold."""
    for (name, number), value in _met(namespace).items():
        if number == 0 and _equal(namespace.get(name), value):
            namespace[name] = value
        elif number:
            _graft(namespace.get(name), number, value)


def _graft(literal: Any, number: int, value: Any) -> None:
    """Put `value` in the place of the equal part of a literal that has this number."""
    parts = _parts(literal)
    if number >= len(parts) or not _equal(parts[number], value):
        return
    old = parts[number]
    for holder in parts:
        if isinstance(holder, list):
            holder[:] = [value if item is old else item for item in holder]
        elif isinstance(holder, dict):
            holder.update((key, value) for key, item in holder.items() if item is old)


def _met(namespace: dict[str, Any]) -> dict[Key, Any]:
    """Return what was loaded into this namespace in place of literals it has not."""
    found: dict[Key, Any] = namespace.get(MET, {})
    return found


def _parts(value: Any) -> list[Any]:
    """Return the mutable objects of a literal, in the order of a walk; at place 0 is the value, or None."""
    kind = type(value)
    if kind not in (*MUTABLE, tuple):
        return []
    found: list[Any] = [value if kind in MUTABLE else None]
    todo = [value]
    for item in todo:
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list | tuple) else ()
        if len(inner) + len(todo) > LARGEST:
            return found[:1]
        parts = [part for part in inner if type(part) in (*MUTABLE, tuple)]
        found += [part for part in parts if type(part) in MUTABLE]
        todo += parts
    return found


def _equal(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # noqa: BLE001 - a part's own code may raise; what cannot be compared is not taken for the same
        return False
