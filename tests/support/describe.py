"""A value as text that tells type and content, so that values of different processes can be compared.

Independent of nbprod's own hashing and comparing, which it judges. Nothing but the standard library at import: it is
loaded into workers as well.
"""

from __future__ import annotations

import functools
import json
import sys
import types
from pathlib import Path
from typing import Any

CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type, functools.partial)
ITERATED = ("dict_keys", "dict_values", "dict_items", "deque", "set", "frozenset")
QUIET = ("_Feature", "_Environ", "RcParams", "Logger")
PLAIN = (int, float, complex, str, bytes, bytearray, bool, type(None), range, slice)


def describe(value: Any) -> str:
    """Return the text."""
    return _Walk().text(value, 0)


def namespace(names: dict[str, Any]) -> dict[str, str]:
    """Return the text of each of the author's names that is a value: no module, function or class."""
    return {
        name: describe(value)
        for name, value in names.items()
        if not name.startswith(("__", "_"))
        and name not in ("In", "Out", "exit", "quit", "get_ipython", "open")
        and not isinstance(value, (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType))
        and type(value).__name__ not in QUIET
    }


def write(names: dict[str, Any], path: str) -> None:
    """Write the texts of a namespace to a file."""
    Path(path).write_text(json.JSONEncoder().encode(namespace(dict(names))), encoding="utf-8")


class _Walk:
    """One value; objects met before are told by the order in which they were met, so that sharing shows."""

    def __init__(self) -> None:
        self.met: dict[int, int] = {}
        self.kept: list[Any] = []

    def text(self, value: Any, depth: int) -> str:
        kind = type(value)
        name = kind.__name__
        if isinstance(value, PLAIN) or name in ("ellipsis", "NAType", "NaTType", "NotImplementedType"):
            return f"{name} {value!r}" if kind is not float else f"float {value.hex()}"
        if isinstance(value, CODE) or (callable(value) and hasattr(value, "__name__")):
            return f"code {getattr(value, '__name__', name)}"
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__}"
        if depth > 60:
            return "deep"
        if id(value) in self.met:
            return f"#{self.met[id(value)]}"
        if not isinstance(value, tuple):
            self.met[id(value)] = len(self.met)
            self.kept.append(value)
        library = (kind.__module__ or "").split(".")[0]
        by = getattr(self, f"_{library}", None) or self._object
        return f"{name}<{by(value, depth + 1)}>"

    def several(self, values: Any, depth: int) -> str:
        return ", ".join(self.text(item, depth) for item in values)

    def _builtins(self, value: Any, depth: int) -> str:
        if isinstance(value, dict):
            kept = [(k, v) for k, v in value.items() if not _of_the_clock(k)]
            return ", ".join(f"{self.text(k, depth)}: {self.text(v, depth)}" for k, v in kept)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self.several(value, depth)
        if type(value).__name__ in ITERATED:
            return self.several(value, depth)
        if isinstance(value, BaseException):
            return self.several(value.args, depth)
        return ""  # iterators: to look is to consume

    def _collections(self, value: Any, depth: int) -> str:
        more = str(getattr(value, "maxlen", ""))
        return more + (self._builtins(dict(value), depth) if hasattr(value, "keys") else self.several(value, depth))

    def _numpy(self, value: Any, depth: int) -> str:
        numpy = sys.modules["numpy"]
        if isinstance(value, numpy.ma.MaskedArray):
            return f"{value.dtype} {value.tolist()!r}"
        if isinstance(value, numpy.ndarray):
            if value.dtype.hasobject:
                return f"{value.dtype} {value.shape} {self.several(value.ravel().tolist(), depth)}"
            return f"{value.dtype} {value.shape} {numpy.ascontiguousarray(value).tobytes().hex()} {getattr(value, '__dict__', '')}"
        if isinstance(value, numpy.generic):
            return f"{value.dtype} {value.tobytes().hex()}"
        if type(value).__name__ == "Generator":
            return repr(value.bit_generator.state)
        if type(value).__name__ == "RandomState":
            return str([part.tolist() if hasattr(part, "tolist") else part for part in value.get_state()])
        return self._object(value, depth)

    def _pandas(self, value: Any, depth: int) -> str:
        pandas = sys.modules["pandas"]
        if isinstance(value, pandas.DataFrame):
            columns = ", ".join(self.text(value.iloc[:, i], depth) for i in range(value.shape[1]))
            return f"{self.text(value.index, depth)} {self.text(value.columns, depth)} {columns} {value.attrs}"
        if isinstance(value, pandas.Series):
            items = self.several(value.tolist(), depth)
            return f"{value.dtype!r} {value.name!r} {self.text(value.index, depth)} {items} {value.attrs}"
        if isinstance(value, pandas.Index):
            return f"{value.dtype!r} {list(value.names)} {getattr(value, 'freq', None)} {self.several(value.tolist(), depth)}"
        if isinstance(value, (pandas.Timestamp, pandas.Timedelta, pandas.Period, pandas.Interval)):
            return f"{value!r} {getattr(value, 'tz', '')}"
        return self.text(value.obj, depth) if "GroupBy" in type(value).__name__ else repr(value)

    def _pathlib(self, value: Any, depth: int) -> str:
        return str(value)

    def _scipy(self, value: Any, depth: int) -> str:
        return self.text(value.toarray(), depth) if hasattr(value, "toarray") else self._object(value, depth)

    def _matplotlib(self, value: Any, depth: int) -> str:
        if hasattr(value, "get_lines"):
            return str([line.get_xydata().tolist() for line in value.get_lines()]) + value.get_title()
        return (
            str([len(axes.lines) for axes in getattr(value, "axes", None) or []]) if hasattr(value, "savefig") else ""
        )

    _mpl_toolkits = _matplotlib

    def _object(self, value: Any, depth: int) -> str:
        if isinstance(value, dict):
            return self._builtins(value, depth)
        own = {**getattr(value, "__dict__", {}), **{k: getattr(value, k) for k in _slots(value) if hasattr(value, k)}}
        if own:
            return ", ".join(
                f"{key}={self.text(own[key], depth)}" for key in sorted(own, key=str) if not _of_the_clock(key)
            )
        shown = repr(value)
        return "" if " at 0x" in shown or "object" in shown else shown


def _of_the_clock(key: Any) -> bool:
    """Whether an entry is how long something took, which no two runs agree on."""
    return isinstance(key, str) and "_time" in key


def _slots(value: Any) -> list[str]:
    return [
        name
        for base in type(value).__mro__
        for name in getattr(base, "__slots__", ())
        if isinstance(name, str) and not name.startswith("__")
    ]
