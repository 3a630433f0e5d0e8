"""Attributes of libraries' modules and classes that a stage set, however it came by them: `m = np; m.bar = 3`.

Only what the notebook can name is watched: its modules and classes, and what stands in those.
"""

from __future__ import annotations

from operator import is_
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import afterimport, origins
from .naming import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

SETTLED = frozenset({"sys", "builtins", "__main__", "warnings", "time"})
"""Modules that the interpreter, the shell and libraries change: what is set in them by name is seen in the text."""


class Watch:
    """Notes what modules and classes have, to tell later what was set, changed or deleted.

    Parameters
    ----------
    namespace
        The stage's names, once its imports were repeated and its inputs loaded.
    modules
        Those it imports itself; they are watched from then on.
    """

    def __init__(self, namespace: dict[str, Any], modules: Iterable[str] = ()) -> None:
        self._before: dict[int, tuple[ModuleType | type, dict[str, Any], bool]] = {}
        self._watch([namespace[name] for name in visible(namespace)])
        for name in modules:
            afterimport.call(name, lambda module: self._watch([module]))

    def _watch(self, values: Iterable[Any]) -> None:
        for owner, direct in _owners(values):
            self._before.setdefault(id(owner), (owner, vars(owner).copy(), direct))

    def changed(self, known: Collection[str]) -> list[str]:
        """Return what was set in the meantime as `pandas.DataFrame.double`; `known` are told already."""
        told = {dotted.rpartition(".")[2] for dotted in known}
        return sorted(
            {
                f"{_name(owner)}.{name}"
                for owner, before, direct in self._before.values()
                for name in _set(owner, before, direct=direct)
                if name not in told
            }
        )


def _owners(values: Iterable[Any]) -> Iterator[tuple[ModuleType | type, bool]]:
    """Yield modules and classes, and whether the notebook has a name for them."""
    found: dict[int, tuple[ModuleType | type, bool]] = {}
    for value in values:
        direct = [value] if _watched(value) else [type(value)] if _watched(type(value)) else []
        found.update((id(owner), (owner, True)) for owner in direct)
    for owner, _ in list(found.values()):
        if isinstance(owner, ModuleType):
            inner = (item for name, item in list(vars(owner).items()) if not name.startswith("_"))
            for item in inner:
                if _watched(item) and id(item) not in found and _package(item) == _package(owner):
                    found[id(item)] = item, False
    yield from found.values()


def _watched(value: Any) -> bool:
    if type(value) is ModuleType:
        return value.__name__ not in SETTLED
    # a class of C cannot be changed; one of the notebook is a value
    return isinstance(value, type) and bool(value.__flags__ & 512) and value.__module__ != "__main__"


def _set(owner: ModuleType | type, before: dict[str, Any], *, direct: bool) -> Iterator[str]:
    now = vars(owner).copy()
    if len(now) == len(before) and all(map(is_, now.values(), before.values())):
        return
    for name in [name for name, value in list(now.items()) if before.get(name, _set) is not value]:
        if _foreign(owner, name, now[name], direct=direct):
            yield name
    for name in before.keys() - now.keys():
        if direct and not name.startswith("_") and not isinstance(before[name], ModuleType):
            yield name


def _foreign(owner: ModuleType | type, name: str, value: Any, *, direct: bool) -> bool:
    """Whether somebody else than the library has set an attribute: it fills in much of its own late."""
    if isinstance(value, ModuleType) or _ours(value):
        return False
    value = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
    where = getattr(value, "__module__", None)
    if isinstance(where, str) and (callable(value) or not isinstance(value, type)):
        return where.partition(".")[0] != _package(owner) and (
            where == "__main__" or (direct and not name.startswith("_"))
        )
    return direct and not name.startswith("_") and not callable(value)


def _ours(value: Any) -> bool:
    """Whether the worker itself put a function there, to see what the stage reads."""
    code = getattr(value, "__code__", None)
    return code is not None and str(code.co_filename).startswith(origins.OWN)


def _package(owner: Any) -> str:
    name = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    return str(name).partition(".")[0]


def _name(owner: ModuleType | type) -> str:
    return owner.__name__ if isinstance(owner, ModuleType) else f"{owner.__module__}.{owner.__qualname__}"
