"""Which types are values only (nobody can change them), and which objects are known by a name that can be imported."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import logging
import pathlib
import re
import sys
import types
import uuid
import weakref
from typing import TYPE_CHECKING, Any

from . import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

FROZEN: tuple[type, ...] = (
    *plain.ATOMS,
    tuple,
    frozenset,
    range,
    slice,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    types.CodeType,
    types.MappingProxyType,
    type(NotImplemented),
    functools.partial,
    functools._lru_cache_wrapper,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    pathlib.PurePath,
    re.Pattern,
    enum.Enum,
    logging.Logger,
    weakref.ReferenceType,
)
FROZEN_ELSEWHERE = (
    ("numpy", ("dtype", "generic", "ufunc")),
    ("pandas", ("Index", "Period", "Interval", "NaT", "NA")),
    ("pandas._libs.tslibs.offsets", ("BaseOffset",)),
    ("pandas.api.extensions", ("ExtensionDtype",)),
    ("pyarrow", ("Array", "ChunkedArray", "Table", "Schema", "DataType", "Buffer", "Scalar", "RecordBatch")),
)


def frozen_types() -> tuple[type, ...]:
    """Return the types whose instances cannot change, of the libraries loaded now."""
    return FROZEN + tuple(_elsewhere())


def _elsewhere() -> Iterator[type]:
    for module, names in FROZEN_ELSEWHERE:
        loaded = sys.modules.get(module)
        for name in names:
            kind = getattr(loaded, name, None)
            if kind is not None:
                yield kind if isinstance(kind, type) else type(kind)


def is_frozen(kind: type, known: tuple[type, ...]) -> bool:
    """Whether instances of `kind` cannot change: it is one of `known`, or a frozen dataclass."""
    parameters = getattr(kind, "__dataclass_params__", None)
    return issubclass(kind, known) or bool(getattr(parameters, "frozen", False))


def imported_name(value: Any) -> str | None:
    """Return `module:qualname` of a function or class that can be imported, None for the notebook's own."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is value else None


def is_single(value: Any) -> bool:
    """Whether pickle would store only a name for `value`, as for `pandas.NA`."""
    try:
        return isinstance(value.__reduce_ex__(4), str)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything; then it is no such thing
        return False
