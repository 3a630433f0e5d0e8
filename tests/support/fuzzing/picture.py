"""A picture of a namespace: values, types, and which of them are, or share, the same object."""

from __future__ import annotations

import copy
import hashlib
import sys
import types
from typing import Any

OWN = {"In", "Out", "exit", "quit", "get_ipython", "open", "display"}
SKIPPED = (types.ModuleType, types.BuiltinFunctionType)


def of(values: dict[str, Any]) -> dict[str, str]:
    """Return the picture of each name; objects met again are drawn as a reference to where they were met first."""
    painter = Painter()
    found = {}
    for name in sorted(values):
        painter.path = name
        found[name] = painter.draw(values[name])
    return found


def names(namespace: dict[str, Any]) -> list[str]:
    """Return the notebook's own names with values to compare."""
    return sorted(
        name for name, value in namespace.items() if not name.startswith("_") and name not in OWN and comparable(value)
    )


def comparable(value: Any) -> bool:
    """Whether a value can be stored and drawn."""
    return not isinstance(value, (types.ModuleType, types.GeneratorType)) and type(value).__module__ not in (
        "sqlite3",
        "_io",
        "itertools",
    )


class Painter:
    """Draws values; remembers objects."""

    def __init__(self) -> None:
        self.seen: dict[int, str] = {}
        self.kept: list[Any] = []
        self.memory: dict[int, str] = {}
        self.path = ""

    def draw(self, value: Any) -> str:
        """Return the picture of a value."""
        kind = type(value)
        if value is None or kind in (int, float, str, bytes, bool, complex):
            return repr(value)
        if isinstance(value, SKIPPED) or kind.__module__ in ("itertools", "sqlite3", "_io"):
            return f"<{kind.__name__}>"
        if isinstance(value, type) and value.__module__ != "__main__":
            return f"class {value.__module__}.{value.__qualname__}"
        if id(value) in self.seen:
            return f"same as {self.seen[id(value)]}"
        if kind is not tuple and kind is not frozenset:
            self.seen[id(value)] = self.path
            self.kept.append(value)
        before = self.path
        method = getattr(self, f"_{kind.__name__.lower()}", None)
        try:
            if isinstance(value, type):
                return self._class(value)
            return method(value) if method else self._object(value)
        finally:
            self.path = before

    def parts(self, pairs: Any) -> str:
        """Draw parts by their names."""
        path, drawn = self.path, []
        for name, part in pairs:
            self.path = f"{path}.{name}"
            drawn.append(f"{name}: {self.draw(part)}")
        self.path = path
        return ", ".join(drawn)

    def _list(self, value: Any) -> str:
        return f"{type(value).__name__}[{self.parts(enumerate(list(value)))}]"

    _tuple = _deque = _list

    def _set(self, value: Any) -> str:
        return f"set[{sorted(map(repr, value))}]"

    _frozenset = _set

    def _dict(self, value: Any) -> str:
        return f"dict[{self.parts((repr(key), part) for key, part in value.items())}]"

    def _defaultdict(self, value: Any) -> str:
        return f"defaultdict[{self._dict(value)}, {self.draw(value.default_factory)}]"

    def _function(self, value: Any) -> str:
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        held = {"defaults": value.__defaults__, "kw": value.__kwdefaults__, **{f"c_{k}": _content(c) for k, c in cells}}
        code = hashlib.sha1(value.__code__.co_code).hexdigest()[:6]
        return f"function {value.__qualname__} {code}[{self.parts({**held, **vars(value)}.items())}]"

    def _method(self, value: Any) -> str:
        return f"method {value.__name__} of {self.draw(value.__self__)}"

    def _class(self, value: type) -> str:
        own = {
            k: v
            for k, v in vars(value).items()
            if not k.startswith("_") and not isinstance(v, types.MemberDescriptorType)
        }
        return f"class {value.__qualname__}[{self.parts(sorted(own.items()))}] of {[self.draw(b) for b in value.__bases__]}"

    def _property(self, value: Any) -> str:
        return "property"

    def _classmethod(self, value: Any) -> str:
        return self.draw(value.__func__)

    _staticmethod = _classmethod

    def _ndarray(self, value: Any) -> str:
        base = value
        while getattr(base, "base", None) is not None and type(base.base) is type(value):
            base = base.base
        start = value.__array_interface__["data"][0]
        low, high = sys.modules["numpy"].lib.array_utils.byte_bounds(value) if value.size else (start, start)
        for other_low, other_high, path in self.memory.values() if value.size else ():
            if low < other_high and other_low < high:
                return f"array {value.dtype} {value.tolist()} shares memory with {path}"
        self.memory[id(value)] = (low, high, self.path)
        return f"array {value.dtype} {value.tolist()}"

    def _dataframe(self, value: Any) -> str:
        text = value.to_csv()
        types_ = [str(item) for item in value.dtypes]
        return f"frame {text!r} {types_} {value.index.name} {dict(value.attrs)}"

    def _series(self, value: Any) -> str:
        return f"series {value.tolist()} {value.dtype} {value.name} {value.index.tolist()}"

    def _generator(self, value: Any) -> str:
        if hasattr(value, "bit_generator"):
            return f"rng {value.bit_generator.state}"
        return "<generator>"

    def _random(self, value: Any) -> str:
        return f"random {hashlib.sha1(repr(value.getstate()).encode()).hexdigest()}"

    def _stringio(self, value: Any) -> str:
        return f"text {value.getvalue()!r} {value.tell()}"

    def _capturedio(self, value: Any) -> str:
        return f"captured {value.stdout!r}"

    def _partial(self, value: Any) -> str:
        return f"partial[{self.parts(enumerate((value.func, value.args, value.keywords)))}]"

    def _object(self, value: Any) -> str:
        kind = type(value)
        if kind.__module__ == "builtins" and kind.__name__.endswith("iterator"):
            return f"iterator over {list(copy.copy(value))}"
        if kind.__module__ not in ("__main__", "types", "sklearn.linear_model._base"):
            return f"{kind.__module__}.{kind.__qualname__}"
        held = dict(getattr(value, "__dict__", {}))
        for base in kind.__mro__:
            slots = vars(base).get("__slots__", ())
            held.update((name, getattr(value, name)) for name in slots if hasattr(value, name))
        items = list(value) if isinstance(value, (list, tuple)) else []
        items += list(dict.items(value)) if isinstance(value, dict) else []
        where = self.draw(kind) if kind.__module__ == "__main__" else kind.__name__
        return f"{kind.__qualname__}[{self.parts(sorted(held.items()))}]({self.parts(enumerate(items))}) {where}"


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"
