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
        made = _standard(cls, name)
        setattr(cls, name, made)
        return made(self, *args, **kwargs)

    return method


def _standard(cls: Any, name: str) -> Any:
    """Return the method that the standard decorator makes of the class's fields."""
    copied = ("default", "default_factory", "init", "repr", "hash", "compare", "metadata", "kw_only")
    fields = [
        (item.name, item.type, dataclasses.field(**{key: getattr(item, key) for key in copied}))
        for item in dataclasses.fields(cls)
    ]
    after: dict[str, Any] = {"__doc__": cls.__name__}  # without one, the decorator takes long to write one
    if hasattr(cls, "__post_init__"):
        after["__post_init__"] = cls.__post_init__
    asked: dict[str, Any] = {"init": name == "__init__", "repr": name == "__repr__"}
    asked["eq"] = name in ("__eq__", "__hash__")
    return vars(dataclasses.make_dataclass(cls.__name__, fields, namespace=after, frozen=True, **asked))[name]


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
