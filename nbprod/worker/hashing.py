"""Canonical digests of values, by type and content, never by the bytes of a pickle.

The same content gives the same digest in another process: order of sets, memory layout, file names and line numbers do
not count; types, order of dicts, and which parts are one and the same mutable object do. `register` adds a type.
"""

from __future__ import annotations

import copyreg
import functools
import hashlib
import struct
import sys
import types
import warnings
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import kinds, plain
from .buffers import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FLUSH = 1 << 16
LARGE = 1 << 20
DEEP = 20_000
NEW = copyreg.__newobj__  # type: ignore[attr-defined]  # not in its stub
CODE = (
    "co_code", "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount",
    "co_posonlyargcount", "co_kwonlyargcount", "co_flags", "co_name", "co_exceptiontable",
)  # fmt: skip
CLASS_NOISE = frozenset({
    "__dict__", "__weakref__", "__module__", "_abc_impl", "__firstlineno__", "__static_attributes__",
    "__annotate_func__", "__annotations_cache__",
})  # fmt: skip


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
        self.frozen: tuple[type, ...] = kinds.frozen_types() if outer is None else outer.frozen
        self.table: dict[type, tuple[Any, bool]] = {} if outer is None else outer.table

    def count(self) -> int:
        """Return how many objects have a number."""
        return self.first + len(self.memo)

    def put(self, tag: str, data: bytes | memoryview = b"") -> None:
        """Add `data` under `tag`."""
        size = len(data)
        head = f"{tag}\0{size}:".encode()
        if size >= LARGE:
            data = digest(data).encode()
        self.pending += (head, bytes(data))
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
            walker = _class if issubclass(kind, type) else generic
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
            self.arrays.extend((first + number - inner.first, array) for number, array in inner.arrays)


_EXACT: dict[type, Any] = {}
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
    if kind in _EXACT:
        return _EXACT[kind]
    for base in kind.__mro__:
        package = str(base.__module__).partition(".")[0]
        found = _TYPES.get(base) or _NAMED.get(f"{package}.{base.__name__}")
        if found is not None:
            return found
    return None


def type_token(kind: type) -> bytes:
    """Return what stands for a type before its instances' content."""
    return f"{kind.__module__}:{kind.__qualname__}".encode()


def _sequence(hasher: Hasher, value: Any) -> None:
    hasher.put(type(value).__name__, struct.pack("<Q", len(value)))
    for item in value:
        hasher.walk(item)


def _dict(hasher: Hasher, value: dict[Any, Any]) -> None:
    if value.get("__name__") == "__main__" and "__builtins__" in value:
        hasher.put("namespace")  # somebody kept globals()
        return
    hasher.put("dict", struct.pack("<Q", len(value)))
    for key, item in value.items():
        hasher.walk(key)
        hasher.walk(item)


def _set(hasher: Hasher, value: Any) -> None:
    if plain.atoms(value):
        hasher.put(type(value).__name__, plain.write(sorted(value)))
    else:
        hasher.unordered(type(value).__name__, value)


def _bytearray(hasher: Hasher, value: bytearray) -> None:
    hasher.put("bytearray", memoryview(value))


def named(hasher: Hasher, tag: str, members: dict[str, Any]) -> None:
    """Add members whose order does not count, such as attributes."""
    hasher.put(tag, struct.pack("<Q", len(members)))
    for name in sorted(members, key=str):
        hasher.walk(name)
        hasher.walk(members[name])


def _code(hasher: Hasher, code: types.CodeType) -> None:
    hasher.put("code")
    for name in CODE:
        hasher.walk(getattr(code, name))


def _function(hasher: Hasher, function: types.FunctionType) -> None:
    name = kinds.imported_name(function)
    hasher.put("function", (name or "").encode())
    if name is None:
        hasher.walk(function.__code__)
        hasher.walk(function.__defaults__)
        named(hasher, "keywords", function.__kwdefaults__ or {})
        named(hasher, "attributes", function.__dict__)
        hasher.walk(function.__closure__)


def _cell(hasher: Hasher, cell: types.CellType) -> None:
    try:
        hasher.put("cell")
        hasher.walk(cell.cell_contents)
    except ValueError:
        hasher.put("empty")


def _class(hasher: Hasher, kind: type) -> None:
    name = kinds.imported_name(kind) or (f"builtins:{kind.__name__}" if kind.__module__ == "builtins" else None)
    hasher.put("class", (name or "").encode())
    if name is None:
        hasher.put("name", kind.__qualname__.encode())
        hasher.walk(type(kind))
        hasher.walk(kind.__bases__)
        slots = kind.__dict__.get("__slots__", ())
        members = {slots} if isinstance(slots, str) else set(slots)
        left_out = CLASS_NOISE | members
        named(hasher, "body", {key: item for key, item in kind.__dict__.items() if key not in left_out})


def _module(hasher: Hasher, module: types.ModuleType) -> None:
    hasher.put("module", module.__name__.encode())


def _builtin(hasher: Hasher, function: Any) -> None:
    hasher.put("builtin", function.__qualname__.encode())
    owner = function.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        hasher.put("of", str(function.__module__).encode())
    else:
        hasher.walk(owner)


def _cached(hasher: Hasher, function: Any) -> None:
    name = kinds.imported_name(function)
    hasher.put("cached", (name or "").encode())
    if name is None:
        hasher.walk(function.cache_parameters())
        hasher.walk(function.__wrapped__)


def _by(*names: str) -> Any:
    def walk(hasher: Hasher, value: Any) -> None:
        hasher.put("by", type_token(type(value)))
        for name in names:
            hasher.walk(getattr(value, name, None))

    return walk


def _proxy(hasher: Hasher, value: Any) -> None:
    hasher.put("proxy")
    _dict(hasher, dict(value))


def _enum(hasher: Hasher, member: Any) -> None:
    hasher.put("enum", str(member.name).encode())
    hasher.walk(type(member))


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


_EXACT.update({
    list: _sequence, tuple: _sequence, dict: _dict, set: _set, frozenset: _set, bytearray: _bytearray,
    types.CodeType: _code, types.FunctionType: _function, types.CellType: _cell, types.ModuleType: _module,
    types.BuiltinFunctionType: _builtin, functools._lru_cache_wrapper: _cached, types.MappingProxyType: _proxy,
    types.MethodType: _by("__func__", "__self__"), property: _by("fget", "fset", "fdel"),
    classmethod: _by("__func__"), staticmethod: _by("__func__"), functools.cached_property: _by("func"),
    types.GetSetDescriptorType: _by("__qualname__"), types.MemberDescriptorType: _by("__qualname__"),
    types.WrapperDescriptorType: _by("__qualname__"), types.MethodDescriptorType: _by("__qualname__"),
    types.ClassMethodDescriptorType: _by("__qualname__"), weakref.ReferenceType: _by(),
})  # fmt: skip
register("enum.Enum", _enum)


@contextmanager
def _deep() -> Iterator[None]:
    """Allow deeper nesting than a program usually has."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEEP))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.setrecursionlimit(limit)


def content(value: object) -> str:
    """Return the canonical digest of type and content of `value`."""
    hasher = Hasher()
    with _deep():
        hasher.walk(value)
        hashing_arrays.sharing(hasher)
    return hasher.digest()


def group_content(values: dict[str, object], trees: dict[int, plain.Tree | None] | None = None) -> str:
    """Return the canonical digest of names and their values, including what they share; the order does not count.

    Parameters
    ----------
    values
        Values by name.
    trees
        What `plain.scan` said of some of the values, by identity.
    """
    hasher = Hasher()
    hasher.trees = trees or {}
    with _deep():
        for name in sorted(values):
            hasher.walk(name)
            hasher.walk(values[name])
        hashing_arrays.sharing(hasher)
    return hasher.digest()


from . import hashing_arrays  # noqa: E402 - registers itself with what is defined above
