"""Whether the data of the user's own modules is what importing them made it: a later process imports them anew."""

from __future__ import annotations

import contextlib
import sys
from types import FunctionType, ModuleType
from typing import Any

_imported: dict[str, tuple[ModuleType, str]] = {}


def imported(module: ModuleType) -> None:
    """Take note of a module that was just executed."""
    _imported[module.__name__] = module, _token(module)


def changed() -> list[str]:
    """Return the modules whose data has changed since."""
    found = list(_imported.items())
    return sorted(
        name for name, (module, token) in found if sys.modules.get(name) is module and _token(module) != token
    )


def _token(module: ModuleType) -> str:
    from . import hashing

    data = _data(vars(module)) | _kept(vars(module))
    for name, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == module.__name__:
            inside = _data(vars(value)) | _kept(vars(value))
            data |= {f"{name}.{key}": item for key, item in inside.items()}
    try:
        return hashing.content(data)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything; such a module is not followed
        return ""


def _data(members: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(members).items() if not name.startswith("__") and not _code(value)}


def _kept(members: Any) -> dict[str, Any]:
    """Return what functions keep from call to call: defaults, attributes, and names of the function around them."""
    found: dict[str, Any] = {}
    for name, value in dict(members).items():
        if not isinstance(value, FunctionType):
            continue
        for number, default in enumerate((*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())):
            found[f"{name}() {number}"] = default
        found |= {f"{name}.{key}": item for key, item in vars(value).items()}
        for free, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # a cell that is still empty
                found[f"{name}({free})"] = cell.cell_contents
    return {name: value for name, value in found.items() if not _code(value)}


def _code(value: Any) -> bool:
    return isinstance(value, ModuleType | FunctionType | type) or callable(value) or hasattr(type(value), "__get__")
