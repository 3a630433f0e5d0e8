"""How objects are stored whose own way of being pickled would bring back something else.

Views of dicts and read-only proxies keep to the dict they show, exceptions come back without their `__init__`, and an
object of the notebook's classes keeps the attributes that its `__getstate__` would drop, where they can be stored. A
file that is closed comes back closed, and a weak reference refers to what something else holds. A reducer that returns
`NotImplemented` leaves the value to its own way.
The functions `make_…` and `fill_…` are called while a snapshot is loaded.
"""

from __future__ import annotations

import copyreg
import decimal
import gc
import io
import os
import types
import typing
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from .unstorable import reason

if TYPE_CHECKING:
    from collections.abc import Callable

_OF_THE_WINDOW = ("matplotlib.backend", "matplotlib.widgets")
_VIEWED: tuple[type, ...] = (dict, OrderedDict)
VIEWS: dict[type, str] = {
    type(getattr(kind(), name)()): name for kind in _VIEWED for name in ("keys", "values", "items")
}


def reducer(kind: type, home: str) -> Callable[[Any], Any] | None:
    """Return how values of `kind` are stored, None when their own way will do; `home` is the notebook's module."""
    if kind in VIEWS:
        return _view
    if kind is types.MappingProxyType:
        return _proxy
    if kind in SPECIAL:
        return SPECIAL[kind]
    if kind.__module__ == "matplotlib.cbook" and kind.__name__ == "CallbackRegistry":
        return _callbacks
    if issubclass(kind, BaseException) and kind.__reduce__ is BaseException.__reduce__:
        return _exception
    mine = [base for base in kind.__mro__ if base.__module__ in (home, "__main__")]
    own = [name for base in mine for name in ("__getstate__", "__reduce__", "__reduce_ex__") if name in base.__dict__]
    plain = all(base in mine or base is object for base in kind.__mro__)
    # pickle asks a new object for `__setstate__`; a `__getattr__` that reads attributes would call itself for ever
    asks = not own and hasattr(kind, "__getattr__") and not hasattr(kind, "__setstate__")
    if plain and (asks or own or kind in copyreg.dispatch_table):
        return _exact
    if not own and any(_gives_attributes(base) for base in mine):
        return _given_attributes
    return _exact if not own and _makes_itself(kind, mine) else None


def _makes_itself(kind: type, mine: list[type]) -> bool:
    """Say whether a `__new__` of the notebook's, in `mine`, would run again when an object is loaded."""
    others = [base for base in kind.__mro__ if base not in mine and base is not object]
    held = any({"__new__", "__reduce__", "__reduce_ex__", "__getstate__"} & vars(base).keys() for base in others)
    return not held and any("__new__" in vars(base) for base in mine)


def _gives_attributes(kind: type) -> bool:
    """Say whether a method may do `self.__dict__ = something`, which others may hold as well."""
    methods = (getattr(item, "__func__", item) for item in vars(kind).values())
    return any("__dict__" in item.__code__.co_names for item in methods if isinstance(item, types.FunctionType))


def _given_attributes(value: Any) -> Any:
    function, arguments, state, *items = (*value.__reduce_ex__(4), None, None)[:5]
    if state is not None and state is not value.__dict__:
        return NotImplemented
    return function, arguments, value.__dict__, *items, give_attributes


def give_attributes(value: Any, attributes: dict[str, Any]) -> None:
    """Have an object keep its attributes in that very dict."""
    object.__setattr__(value, "__dict__", attributes)


def _callbacks(registry: Any) -> Any:
    """Keep who hears of changes: parts of the drawing such as a colour bar, and what the notebook connected."""
    state = registry.__getstate__()  # numbers go up each time it is asked
    for signal, kept in state["callbacks"].items():
        kept |= heard(registry, signal)
    return type(registry), (), state


def heard(registry: Any, signal: str) -> dict[int, Any]:
    """Return what is called on a signal and shows in a drawing."""
    return {cid: function for cid, proxy in registry.callbacks[signal].items() if _shows(function := proxy())}


def _shows(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    home = str((function if owner is None else type(owner)).__module__)
    return home == "__main__" or (home.startswith("matplotlib.") and not home.startswith(_OF_THE_WINDOW))


def _view(view: Any) -> Any:
    mapping = next((item for item in gc.get_referents(view) if isinstance(item, dict)), None)
    return NotImplemented if mapping is None else (make_view, (mapping, VIEWS[type(view)]))


def make_view(mapping: dict[Any, Any], name: str) -> Any:
    """Return a view of a dict."""
    return getattr(mapping, name)()


def _proxy(proxy: Any) -> Any:
    mapping = next((item for item in gc.get_referents(proxy) if isinstance(item, dict)), None)
    return NotImplemented if mapping is None else (types.MappingProxyType, (mapping,))


def _exception(error: BaseException) -> Any:
    kept = (error.__dict__, error.__cause__, error.__context__, error.__suppress_context__)
    return make_exception, (type(error), error.args), kept, None, None, fill_exception


def make_exception(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    """Return an exception that was never initialised."""
    error: BaseException = kind.__new__(kind, *arguments)
    error.args = arguments
    if kind.__init__ in (BaseException.__init__, Exception.__init__) or kind.__module__ != "__main__":
        error.__init__(*arguments)  # type: ignore[misc]  # those written in C keep parts of their arguments
    return error


def fill_exception(error: BaseException, state: tuple[dict[str, Any], Any, Any, bool]) -> None:
    """Give an exception its attributes and what led to it."""
    attributes, error.__cause__, error.__context__, error.__suppress_context__ = state
    error.__dict__.update(attributes)


def _exact(value: Any) -> Any:
    """Keep all attributes, unless one of them cannot be stored: then its class knows best; a class may refuse."""
    if {"__reduce__", "__reduce_ex__"} & {name for base in type(value).__mro__[:-1] for name in vars(base)}:
        value.__reduce_ex__(4)
    attributes = dict(getattr(value, "__dict__", {}))
    for name in copyreg._slotnames(type(value)):  # type: ignore[attr-defined]  # not in its stub
        if hasattr(value, name):
            attributes[name] = getattr(value, name)
    if any(reason(type(item)) is not None for item in attributes.values()):
        return NotImplemented
    return make_object, (type(value),), attributes, None, None, fill_object


def make_object(kind: type) -> Any:
    """Return an object that was never initialised."""
    return object.__new__(kind)


def fill_object(value: Any, attributes: dict[str, Any]) -> None:
    """Give an object its attributes, past what its class does to them."""
    for name, item in attributes.items():
        object.__setattr__(value, name, item)


def _context(context: Any) -> Any:
    """Keep a context that is a value like any other; the one that computes now belongs to its process."""
    return NotImplemented if context is decimal.getcontext() else context.__reduce__()


def _type_variable(variable: Any) -> Any:
    """Keep where a type variable was made; the rest is its own."""
    if variable.__module__ != "__main__":
        return NotImplemented
    flags = {
        "bound": variable.__bound__,
        "covariant": variable.__covariant__,
        "contravariant": variable.__contravariant__,
    }
    return make_type_variable, (variable.__name__, variable.__constraints__, flags)


def make_type_variable(name: str, constraints: tuple[Any, ...], flags: dict[str, Any]) -> Any:
    """Return a type variable of the notebook."""
    variable = typing.TypeVar(name, *constraints, **flags)  # type: ignore[misc]  # its name is only known here
    variable.__module__ = "__main__"
    return variable


def _file(file: Any) -> Any:
    """Keep what a closed file still tells; one that is open is something else in another process."""
    layers = [getattr(file, "buffer", file)]
    raw = getattr(layers[0], "raw", layers[0])
    if not file.closed or not isinstance(raw, io.FileIO) or raw.mode.startswith("x"):
        return NotImplemented
    text = {name: getattr(file, name) for name in ("encoding", "errors", "line_buffering") if hasattr(file, name)}
    return make_file, (type(file), type(layers[0]), raw.mode, raw.name, text, file.__dict__ | {})


def make_file(kind: Any, buffered: Any, mode: str, name: Any, text: dict[str, Any], attributes: dict[str, Any]) -> Any:
    """Return a closed file."""
    file: Any = io.FileIO(os.devnull, mode)
    file.name = name
    if buffered is not io.FileIO:
        file = buffered(file)
    if kind is io.TextIOWrapper:
        file = kind(file, **text)
    file.close()
    file.__dict__.update(attributes)
    return file


def _reference(reference: Any) -> Any:
    """Keep what a weak reference refers to: loaded, it lives on if something else that is loaded holds it."""
    return NotImplemented if reference.__callback__ is not None else (make_reference, (reference(),))


def make_reference(target: Any) -> Any:
    """Return a weak reference, a dead one to nothing."""
    _loaded.append(True)
    return weakref.ref(set() if target is None else target)


def _weak(collection: Any) -> Any:
    held = list(collection) if isinstance(collection, weakref.WeakSet) else list(collection.items())
    return type(collection), (), held, None, None, fill_weak


def fill_weak(collection: Any, held: list[Any]) -> None:
    """Fill a collection that holds its members, keys or values weakly."""
    _loaded.append(True)
    collection.update(held)


def took_weak() -> bool:
    """Say whether something with weak references was loaded since this was asked last."""
    found = bool(_loaded)
    _loaded.clear()
    return found


def targets(value: Any) -> list[Any]:
    """Return what is referred to weakly; code and classes are held by where they come from."""
    if isinstance(value, weakref.ReferenceType):
        found = [value()]
    else:
        found = list(value.values() if isinstance(value, weakref.WeakValueDictionary) else value)
    return [target for target in found if target is not None and not isinstance(target, type | types.FunctionType)]


def held_by(value: Any) -> list[Any]:
    """Return what a weak reference or collection holds itself."""
    if isinstance(value, weakref.WeakKeyDictionary):
        return list(value.values())
    return list(value) if isinstance(value, weakref.WeakValueDictionary) else []


_loaded: list[bool] = []
WEAK = frozenset({weakref.ReferenceType, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet})
SPECIAL: dict[type, Callable[[Any], Any]] = {
    decimal.Context: _context,
    typing.TypeVar: _type_variable,
    weakref.ReferenceType: _reference,
    **dict.fromkeys((weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet), _weak),
    **dict.fromkeys((io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO), _file),
}
