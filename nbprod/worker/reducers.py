"""How single things are stored and made again: functions, code, cells, references, modules, classes of the notebook.

The functions `make_…` and `fill_…` are called while a snapshot is loaded.
"""

from __future__ import annotations

import abc
import dis
import enum
import importlib
import marshal
import sys
import types
import typing
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from cloudpickle import cloudpickle

from .unstorable import NotStorable, module_reason

if TYPE_CHECKING:
    from collections.abc import Iterator

GLOBAL_OPERATIONS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "DELETE_GLOBAL", "STORE_GLOBAL")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HEARS = "__init_subclass__"
MADE_WITH_CLASS = (types.GetSetDescriptorType, types.MemberDescriptorType)
PLAIN_METACLASSES = (type, abc.ABCMeta)
FUNCTION_STATE = ("__defaults__", "__kwdefaults__", "__annotations__", "__doc__", "__module__", "__qualname__")


class UnresolvedReference(LookupError):
    """A stored value refers to a definition that the loading namespace does not have."""


def make_function(code: types.CodeType, namespace: dict[str, Any], name: str, cells: Any) -> types.FunctionType:
    """Return a function bound to the loading namespace; called while a snapshot is loaded."""
    namespace.setdefault("__builtins__", __builtins__)
    return types.FunctionType(code, namespace, name, None, cells)


def fill_function(function: types.FunctionType, state: dict[str, Any]) -> None:
    """Give a loaded function the rest of its parts; called while a snapshot is loaded."""
    function.__dict__.update(state.pop("__dict__") or {})
    for name, value in state.items():
        setattr(function, name, value)


def make_code(python: str, data: bytes) -> Any:
    """Return a code object; called while a snapshot is loaded."""
    if python != PYTHON:
        raise UnresolvedReference(f"a function stored by Python {python} cannot be loaded by Python {PYTHON}")
    return marshal.loads(data)  # noqa: S302 - verified by digest like the pickle around it


def make_cell() -> types.CellType:
    """Return an empty cell; called while a snapshot is loaded."""
    return types.CellType()


def fill_cell(cell: types.CellType, state: tuple[Any]) -> None:
    """Fill a loaded cell; called while a snapshot is loaded."""
    cell.cell_contents = state[0]


def resolve(namespace: dict[str, Any], name: str) -> Any:
    """Return what `name` (dotted for members of classes) means in the loading namespace."""
    first, *rest = name.split(".")
    try:
        value = namespace[first]
        for part in rest:
            value = getattr(value, part)
    except (KeyError, AttributeError):
        raise UnresolvedReference(f"{name!r} is not defined where the value that refers to it is loaded") from None
    return value


@lru_cache(maxsize=4096)
def globals_read(code: types.CodeType) -> frozenset[str]:
    """Return the names that `code` and the code inside it look up as globals."""
    names = {item.argval for item in dis.get_instructions(code) if item.opname in GLOBAL_OPERATIONS}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= globals_read(constant)
    return frozenset(names)


def lookup(namespace: dict[str, Any], dotted: str) -> Any:
    """Return what a dotted name means, None if nothing."""
    try:
        return resolve(namespace, dotted)
    except UnresolvedReference:
        return None


def refuse(why: str) -> Any:
    """Stop pickling."""
    raise NotStorable(why)


def code(value: types.CodeType) -> Any:
    """Return how to store a code object."""
    return make_code, (PYTHON, marshal.dumps(value))


def cell(value: types.CellType) -> Any:
    """Return how to store a cell, that closures may share."""
    try:
        return make_cell, (), (value.cell_contents,), None, None, fill_cell
    except ValueError:  # an empty cell
        return make_cell, ()


def make_module(name: str, inner: tuple[str, ...]) -> types.ModuleType:
    """Return a module, what was imported below it imported again; called while a snapshot is loaded."""
    for full in inner:
        with suppress(ImportError):
            importlib.import_module(full)
    return importlib.import_module(name)


def module(value: types.ModuleType) -> Any:
    """Return how to store a module: by its name, and by those of its submodules that were imported."""
    if sys.modules.get(value.__name__) is not value:
        raise NotStorable(module_reason(value))
    return make_module, (value.__name__, tuple(sorted(n for n in sys.modules if n.startswith(value.__name__ + "."))))


def see_home(kind: type) -> None:
    """Import the module a class of a library says it is from: cloudpickle looks for it among the loaded ones only."""
    home = kind.__module__
    if home != "__main__" and home not in sys.modules:
        with suppress(ImportError):
            importlib.import_module(home)


def own_class(kind: type, make: Any, parts: Any, state: Any, *rest: Any) -> Any:
    """Amend what cloudpickle stores of a class made in the notebook.

    No tracker: two snapshots of a class that changed in between are two classes. Real slots, and the full name.
    """
    *parts, _tracker, extra = parts
    if make is cloudpickle._make_skeleton_class:
        body, others = state
        body = {**_as_inherited(kind), **body}
        early = {"__qualname__": kind.__qualname__}
        if "__slots__" in body and typing.NamedTuple not in kind.__dict__.get("__orig_bases__", ()):
            early["__slots__"] = body.pop("__slots__")
        parts[3] = {**in_order(kind, body), **parts[3], **early}
        place = {name: number for number, name in enumerate(vars(kind))}
        body = dict(sorted(body.items(), key=lambda item: place.get(item[0], -1)))
        state, make = (body, others), make_class
    items: list[enum.Enum] = list(kind) if isinstance(kind, enum.EnumMeta) else []
    members = {item.name: _public(item) for item in items}
    if any(members.values()):
        state, rest = (state, members), (*rest[:-1], set_enum)
    return make, (*parts, None, extra), state, *rest


def _public(value: object) -> dict[str, Any]:
    return {name: item for name, item in vars(value).items() if not name.startswith("_")}


def set_enum(kind: type[enum.Enum], state: tuple[Any, dict[str, dict[str, Any]]]) -> Any:
    """Fill an enumeration that was made of its values alone, and its members; called while a snapshot is loaded."""
    made = cloudpickle._class_setstate(kind, state[0])
    for name, attributes in state[1].items():
        vars(kind[name]).update(attributes)
    return made


def _as_inherited(kind: type) -> dict[str, Any]:
    """Return the attributes of a class that are the very objects it would inherit: cloudpickle leaves these out."""
    inherited = [vars(base) for base in kind.__mro__[1:]]
    own = {name: item for name, item in vars(kind).items() if not name.startswith("__")}
    return {name: item for name, item in own.items() if any(base.get(name, base) is item for base in inherited)}


def in_order(kind: type, body: dict[str, Any]) -> dict[str, Any]:
    """Return what the body of a class begins with, so that its `vars` keep their order: the values are filled in later.

    Only for classes in whose making no library looks at them.
    """
    if "__orig_bases__" in vars(kind) or any(HEARS in vars(base) for base in kind.__mro__[1:-1] if not _hears(base)):
        return {}
    metaclass: type = type(kind)
    if metaclass not in PLAIN_METACLASSES:
        return {}
    own = list(vars(kind).items())
    made = next((at for at, (_, item) in enumerate(own) if isinstance(item, MADE_WITH_CLASS)), len(own))
    written = {"__module__", "__doc__", "__slots__", *body}
    return {name: item if name == "__doc__" else None for name, item in own[:made] if name in written}


def make_class(kind: type, name: str, bases: tuple[type, ...], body: dict[str, Any], *_: Any) -> type:
    """Return a class to be filled, called while a snapshot is loaded: what its making set off has happened already."""
    first = next(meta for meta in kind.__mro__ if meta.__module__ != "__main__")
    with _quiet(bases):
        if first is kind:
            return types.new_class(name, bases, {"metaclass": kind}, lambda space: space.update(body))
        made: type = first.__new__(kind, name, bases, dict(body))
        return made


@contextmanager
def _quiet(bases: tuple[type, ...]) -> Iterator[None]:
    """Keep the notebook's own classes from hearing of a new subclass."""
    heard = {base: vars(base)[HEARS] for each in bases for base in getattr(each, "__mro__", ()) if _hears(base)}
    for base in heard:
        setattr(base, HEARS, classmethod(partial(_pass_on, base)))
    try:
        yield
    finally:
        for base, method in heard.items():
            setattr(base, HEARS, method)


def _hears(base: type) -> bool:
    return base.__module__ == "__main__" and HEARS in vars(base)


def _pass_on(base: Any, kind: Any, **given: Any) -> None:
    super(base, kind).__init_subclass__(**given)


def cached_attribute(value: Any) -> Any:
    """Leave out the lock that it has before Python 3.12."""
    return cached_property, (value.func,), {"attrname": value.attrname}


def memmap(array: Any) -> Any:
    """Return how to store an array over a file, unless writing to it writes to the file."""
    if getattr(array, "mode", None) in ("r+", "w+"):
        raise NotStorable("numpy.memmap writes to its file, which a stored copy would not; store the path")
    return NotImplemented
