"""Frozen dataclasses whose methods are made when they are first called.

The standard decorator compiles six methods of every class as soon as its module is imported, which takes longer than
all else that a run does which reuses everything. These are the standard ones too, only later.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass

__all__ = ["dataclass"]

_METHODS = ("__init__", "__repr__", "__eq__", "__hash__")


def _later(cls: type, name: str) -> Callable[..., Any]:
    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        made = _init(cls) if name == "__init__" else _standard(cls, name)
        setattr(cls, name, made)
        return made(self, *args, **kwargs)

    return method


def _init(cls: Any) -> Any:
    """Return what sets the fields; the standard one takes thrice as long to make, for a frozen class of its own."""
    given: dict[str, Any] = {"_set": object.__setattr__, "_MADE": dataclasses.MISSING}
    parameters, lines = ["self"], []
    for item in sorted(dataclasses.fields(cls), key=lambda item: bool(item.kw_only)):
        name, value = item.name, item.name
        if item.kw_only and "*" not in parameters:
            parameters.append("*")
        if item.default is not dataclasses.MISSING:
            given[f"_{name}"] = item.default
            parameters.append(f"{name}=_{name}")
        elif item.default_factory is not dataclasses.MISSING:
            given[f"_{name}"] = item.default_factory
            parameters.append(f"{name}=_MADE")
            value = f"_{name}() if {name} is _MADE else {name}"
        else:
            parameters.append(name)
        lines.append(f"_set(self, {name!r}, {value})")
    lines += ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines), given)  # noqa: S102 - names of our fields
    given["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    return given["__init__"]


def _standard(cls: Any, name: str) -> Any:
    """Return the method that the standard decorator makes of the class's fields."""
    copied = ("default", "default_factory", "repr", "hash", "compare", "metadata", "kw_only")
    fields = [
        (item.name, item.type, dataclasses.field(**{key: getattr(item, key) for key in copied}))
        for item in dataclasses.fields(cls)
    ]
    asked: dict[str, Any] = {
        "repr": name == "__repr__",
        "eq": name in ("__eq__", "__hash__"),
        "unsafe_hash": name == "__hash__",
    }
    doc = {"__doc__": cls.__name__}  # without one, the decorator takes long to write one
    return vars(dataclasses.make_dataclass(cls.__name__, fields, namespace=doc, init=False, **asked))[name]


def _refuse(self: Any, name: str, *_value: Any) -> None:  # noqa: ARG001 - as object's methods are called
    raise dataclasses.FrozenInstanceError(f"{name!r} cannot be changed")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, item.name) for item in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for item, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, item.name, value)


if not TYPE_CHECKING:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """Make a frozen dataclass with slots, as `dataclasses.dataclass(frozen=True, slots=True)` does."""
        assert frozen
        assert slots

        def decorate(cls: type) -> type:
            given = vars(cls).keys()
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
            for name in _METHODS:
                if name not in given:
                    setattr(made, name, _later(made, name))
            made.__setattr__ = made.__delattr__ = _refuse
            made.__getstate__, made.__setstate__ = _get_state, _set_state
            return made

        return decorate
