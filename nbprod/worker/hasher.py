"""Walks an object graph and hashes what it meets; how a type is hashed is registered elsewhere."""

from __future__ import annotations

import copyreg
import hashlib
import struct
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import kinds, objects, plain
from .buffers import digest

if TYPE_CHECKING:
    from collections.abc import Callable

FLUSH = 1 << 16
LARGE = 1 << 16
NEW = copyreg.__newobj__  # type: ignore[attr-defined]  # not in its stub


class Hasher:
    """Walks one object graph; handlers call `put` for bytes and `walk` for parts.

    Parameters
    ----------
    outer
        The hasher of the whole, when this one hashes an element of a set.
    """

    def __init__(self, outer: Hasher | None = None) -> None:
        self.outer = outer
        self.hash = hashlib.sha256()
        self.pending: list[bytes] = []
        self.size = 0
        self.memo: dict[int, int] = {}
        self.first = 0 if outer is None else outer.count()
        self.keep: list[Any] = []
        self.trees: dict[int, plain.Tree | None] = {}
        self.arrays: list[tuple[int, Any]] = []
        self.layouts: dict[tuple[Any, ...], int] = {}
        self.table: dict[type, tuple[Any, bool]] = {} if outer is None else outer.table
        self.dtypes: dict[int, tuple[Any, bytes]] = {} if outer is None else outer.dtypes
        self.large: Callable[[bytes | memoryview], str] = digest if outer is None else outer.large

    @cached_property
    def frozen(self) -> tuple[type, ...]:
        """The types whose instances cannot change; few values need them."""
        return kinds.frozen_types() if self.outer is None else self.outer.frozen

    def count(self) -> int:
        """Return how many objects have a number."""
        return self.first + len(self.memo)

    def put(self, tag: str, data: bytes | memoryview = b"") -> None:
        """Add `data` under `tag`."""
        size = len(data)
        self._add(tag, size, bytes(data) if size < LARGE else self.large(data).encode())

    def put_digest(self, tag: str, size: int, digest: str) -> None:
        """Add what `put` would for `size` bytes, `LARGE` at least, that have this digest."""
        self._add(tag, size, digest.encode())

    def _add(self, tag: str, size: int, data: bytes) -> None:
        head = f"{tag}\0{size}:".encode()
        self.pending += (head, data)
        self.size += len(head) + len(data)
        if self.size > FLUSH:
            self.flush()

    def flush(self) -> None:
        """Hash what is pending."""
        self.hash.update(b"".join(self.pending))
        self.pending.clear()
        self.size = 0

    def digest(self) -> str:
        """Return the digest of all that was put."""
        self.flush()
        return f"sha256:{self.hash.hexdigest()}"

    def number(self, identity: int) -> int | None:
        """Return the number of an object met before."""
        found = self.memo.get(identity)
        return found if found is not None or self.outer is None else self.outer.number(identity)

    def twin(self, array: Any) -> int | None:
        """Return the number of an array met before that is the same stretch of memory, seen in the same way.

        Whether a library hands out an array or a full view of it may depend on who owns the memory.
        """
        found = self.layouts.get(layout(array)) if array.size else None
        return found if found is not None or self.outer is None else self.outer.twin(array)

    def found_array(self, number: int, array: Any) -> None:
        """Note where an array lies in memory."""
        self.arrays.append((number, array))
        self.layouts.setdefault(layout(array), number)

    def remember(self, value: object) -> None:
        """Give `value` the next number."""
        self.memo[id(value)] = self.count()
        self.keep.append(value)

    def walk(self, value: Any) -> None:
        """Add `value`."""
        kind = type(value)
        if kind in plain.ATOMS:
            self.put("a", plain.write(plain.NAN if kind is float and value != value else value))
            return
        walker, by_identity = self.table.get(kind) or self._choose(kind)
        if by_identity:
            number = self.number(id(value))
            if number is None and kind.__name__ == "ndarray":
                number = self.twin(value)
            if number is not None:
                self.put("again", struct.pack("<Q", number))
                return
        if kind in plain.CONTAINERS and self.plain(value):
            return
        if by_identity:
            self.remember(value)
        walker(self, value)

    def plain(self, value: object) -> bool:
        """Add `value` in one go if it is a tree of plain builtins that shares nothing; whether it was added."""
        tree = self.trees[id(value)] if id(value) in self.trees else plain.scan(value)
        if tree is None or any(self.number(identity) is not None for identity in tree.containers):
            return False
        try:
            data = plain.encode(value, tree)
        except ValueError:
            return False
        first = self.count()
        self.memo.update((identity, first + index) for index, identity in enumerate(tree.containers))
        self.keep.append(value)
        self.put("plain", data)
        return True

    def _choose(self, kind: type) -> tuple[Any, bool]:
        walker = _registered(kind)
        if walker is None:
            special = None if issubclass(kind, type) else objects.reducer(kind, "__main__")
            walker = _TYPES[type] if issubclass(kind, type) else _specially(special) if special else generic
        self.table[kind] = walker, not kinds.is_frozen(kind, self.frozen)
        return self.table[kind]

    def unordered(self, tag: str, values: Any) -> None:
        """Add `values`, whose order does not count."""
        found = []
        for value in values:
            inner = Hasher(self)
            inner.walk(value)
            found.append((inner.digest(), inner))
        found.sort(key=lambda entry: entry[0])
        self.put(tag, "".join(digest for digest, _ in found).encode())
        for _, inner in found:
            first = self.count()
            self.memo.update((identity, first + index) for index, identity in enumerate(inner.memo))
            self.keep.extend(inner.keep)
            for number, array in inner.arrays:
                self.found_array(first + number - inner.first, array)


EXACT: dict[type, Any] = {}
"""Walkers for builtins, whose subclasses are hashed as any object."""
_NAMED: dict[str, Any] = {}
_TYPES: dict[type, Any] = {}


def register(kind: type | str, walker: Callable[[Hasher, Any], None]) -> None:
    """Have values of `kind` (and its subclasses) hashed by `walker`.

    Parameters
    ----------
    kind
        A type, or `package.Name` for one of a library that may not be loaded.
    walker
        Called with a `Hasher` and the value.
    """
    if isinstance(kind, str):
        _NAMED[kind] = walker
    else:
        _TYPES[kind] = walker


def _registered(kind: type) -> Any:
    if kind in EXACT:
        return EXACT[kind]
    for base in kind.__mro__:
        package = str(base.__module__).partition(".")[0]
        found = _TYPES.get(base) or _NAMED.get(f"{package}.{base.__name__}")
        if found is not None:
            return found
    return None


def layout(array: Any) -> tuple[Any, ...]:
    """Return what two arrays have in common that show the same memory in the same way."""
    return array.__array_interface__["data"], array.dtype, array.shape, array.strides


def type_token(kind: type) -> bytes:
    """Return what stands for a type before its instances' content."""
    return f"{kind.__module__}:{kind.__qualname__}".encode()


def named(hasher: Hasher, tag: str, members: dict[str, Any]) -> None:
    """Add members whose order does not count, such as attributes."""
    hasher.put(tag, struct.pack("<Q", len(members)))
    for name in sorted(members, key=str):
        hasher.walk(name)
        hasher.walk(members[name])


def generic(hasher: Hasher, value: Any) -> None:
    """Add what pickle would store of an object."""
    kind = type(value)
    hasher.put("object", type_token(kind))
    reduced = _reduce(value)
    hasher.keep.append(reduced)
    if not isinstance(reduced, tuple):
        hasher.put("named", str(reduced).encode())
        return
    function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if function is NEW and len(arguments) == 1 and arguments[0] is kind:
        hasher.walk(kind)  # the common case
    else:
        hasher.walk(function)
        hasher.walk(arguments)
    _state(hasher, state)
    for member in items or ():
        hasher.walk(member)
    for pair in pairs or ():
        hasher.walk(tuple(pair))


def _specially(reducer: Callable[[Any], Any]) -> Callable[[Hasher, Any], None]:
    """Return a walker that adds what `reducer` would have stored."""

    def walk(hasher: Hasher, value: Any) -> None:
        try:
            reduced = reducer(value)
        except Exception:  # noqa: BLE001 - a class that refuses to be stored; a digest is made all the same
            reduced = NotImplemented
        if reduced is NotImplemented:
            generic(hasher, value)
            return
        hasher.put("object", type_token(type(value)))
        hasher.keep.append(reduced)
        hasher.walk(reduced[1])
        _state(hasher, reduced[2] if len(reduced) > 2 else None)
        for members in reduced[3:5]:
            hasher.walk(list(members or ()))

    return walk


def _state(hasher: Hasher, state: Any) -> None:
    if isinstance(state, tuple) and len(state) == 2 and all(isinstance(part, dict | None) for part in state):
        for part in state:
            _state(hasher, part)
    elif type(state) is dict and all(type(key) is str for key in state):
        ordered = {name: state[name] for name in sorted(state)}
        if not hasher.plain(ordered):
            named(hasher, "state", ordered)
    else:
        hasher.walk(state)


def _reduce(value: Any) -> Any:
    """Return what pickle would store of `value`, or its attributes, or only its type's name."""
    try:
        reducer = copyreg.dispatch_table.get(type(value))
        return reducer(value) if reducer is not None else value.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything; a digest is made all the same
        attributes = getattr(value, "__dict__", None)
        return (type(value), (), dict(attributes)) if isinstance(attributes, dict) else "unknown"
