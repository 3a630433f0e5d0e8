"""How Python's own types are hashed."""

from __future__ import annotations

import enum
import functools
import struct
import types
from typing import TYPE_CHECKING, Any

from . import kinds, objects, plain, remembering
from .hasher import EXACT, named, register, type_token

if TYPE_CHECKING:
    from .hasher import Hasher

CODE = (
    "co_code", "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount",
    "co_posonlyargcount", "co_kwonlyargcount", "co_flags", "co_name", "co_exceptiontable",
)  # fmt: skip
CLASS_NOISE = frozenset({
    "__dict__", "__weakref__", "__module__", "_abc_impl", "__firstlineno__", "__static_attributes__",
    "__annotate_func__", "__annotations_cache__", "__slotnames__",
})  # fmt: skip

_ANY = functools.singledispatch(len)
DISPATCHING = (_ANY.__code__, _ANY.dispatch.__code__)  # type: ignore[attr-defined]  # a function, whatever its stub says
FOUND_LATER = frozenset({"_value2member_map_"})
"""Combined flags are members as well from when they are first seen."""


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


def _code(hasher: Hasher, code: types.CodeType) -> None:
    hasher.put("code")
    for name in CODE:
        hasher.walk(getattr(code, name))


def _function(hasher: Hasher, function: types.FunctionType) -> None:
    if function.__code__ in DISPATCHING:  # what it has looked up so far is no part of what it is
        hasher.put("dispatch")
        names = function.__code__.co_freevars
        hasher.walk(dict(zip(names, function.__closure__ or (), strict=True)).get("registry") or function.registry)  # type: ignore[attr-defined]  # wrappers of singledispatch have it
        return
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
        left_out = CLASS_NOISE | members | (FOUND_LATER if issubclass(kind, enum.Flag) else frozenset())
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
        hasher.walk(remembering.entries(function))
        hasher.walk(remembering.counts(function))


def _by(*names: str) -> Any:
    def walk(hasher: Hasher, value: Any) -> None:
        hasher.put("by", type_token(type(value)))
        for name in names:
            hasher.walk(getattr(value, name, None))

    return walk


def _proxy(hasher: Hasher, value: Any) -> None:
    hasher.put("proxy")
    _dict(hasher, dict(value))


def _registry(hasher: Hasher, registry: Any) -> None:
    hasher.put("callbacks")
    hasher.walk([[signal, objects.heard(registry, signal)] for signal in registry.callbacks])


def _enum(hasher: Hasher, member: Any) -> None:
    hasher.put("enum", str(member.name).encode())
    hasher.walk(type(member))


def install() -> None:
    """Register what is in this module."""
    EXACT.update({
        list: _sequence, tuple: _sequence, dict: _dict, set: _set, frozenset: _set, bytearray: _bytearray,
        types.CodeType: _code, types.FunctionType: _function, types.CellType: _cell, types.ModuleType: _module,
        types.BuiltinFunctionType: _builtin, functools._lru_cache_wrapper: _cached, types.MappingProxyType: _proxy,
        types.MethodType: _by("__func__", "__self__"), property: _by("fget", "fset", "fdel"),
        classmethod: _by("__func__"), staticmethod: _by("__func__"), functools.cached_property: _by("func"),
        types.GetSetDescriptorType: _by("__qualname__"), types.MemberDescriptorType: _by("__qualname__"),
        types.WrapperDescriptorType: _by("__qualname__"), types.MethodDescriptorType: _by("__qualname__"),
        types.ClassMethodDescriptorType: _by("__qualname__"),
    })  # fmt: skip
    register("enum.Enum", _enum)
    register("matplotlib.CallbackRegistry", _registry)
    register(type, _class)
