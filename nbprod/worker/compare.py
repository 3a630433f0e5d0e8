"""Says where two values differ first, and what a value is, in one line; for messages.

Whether values are equal is decided by their digests (`hashing`); this finds the words.
"""

from __future__ import annotations

import reprlib
import sys
import types
from typing import TYPE_CHECKING, Any

from . import hashing, plain
from .unstorable import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

DEEPEST = 100
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 40


def brief(value: object) -> str:
    """Return one line that describes `value`: type, size, and what fits of the content."""
    try:
        return _brief(value)
    except Exception:  # noqa: BLE001 - a value's own repr may raise; its type says enough
        return describe(value)


def _brief(value: Any) -> str:
    name = describe(value)
    if type(value) in plain.ATOMS:
        return _SHORT.repr(value)
    found = _brief_table(value)
    if found is not None:
        return found
    if isinstance(value, types.FunctionType | types.ModuleType):
        return f"{name} {value.__name__}"
    if isinstance(value, type):
        return f"class {value.__name__}"
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"{name} of {len(value)}: {_line(_SHORT.repr(value))}"
    return name if "object at 0x" in repr(value) else f"{name}: {_line(repr(value))}"


def _brief_table(value: Any) -> str | None:
    if _is(value, "pandas", "DataFrame"):
        return f"DataFrame, {len(value)} rows, {len(value.columns)} columns"
    if _is(value, "pandas", "Series") or _is(value, "pandas", "Index"):
        return f"{type(value).__name__} of {len(value)}, {value.dtype}"
    if _is(value, "numpy", "ndarray"):
        return f"array {' x '.join(map(str, value.shape)) or 'of one value'}, {value.dtype}"
    if hasattr(value, "format") and hasattr(value, "nnz"):
        return f"sparse {value.format} {' x '.join(map(str, value.shape))}, {value.dtype}, {value.nnz} entries"
    return None


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}…"


def _is(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def equal(a: object, b: object, *, rtol: float = 0.0, atol: float = 0.0) -> str | None:
    """Return None when the values are equal, else where and how they first differ.

    Parameters
    ----------
    a, b
        The values.
    rtol, atol
        Relative and absolute tolerance for floats; they have to be the same by default (NaN equals NaN).
    """
    return _Comparison(rtol, atol).compare(a, b, "", 0)


def reason(a: object, b: object) -> str:
    """Return `order` where the same elements stand in another order, `type` where the types differ, else nothing."""
    if type(a) is not type(b):
        return "type"
    if isinstance(a, dict) and isinstance(b, dict):
        a, b = list(a.items()), list(b.items())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return "order" if sorted(map(hashing.content, a)) == sorted(map(hashing.content, b)) else ""
    return ""


class _Comparison:
    def __init__(self, rtol: float, atol: float) -> None:
        self.rtol = rtol
        self.atol = atol
        self.met: set[tuple[int, int]] = set()

    def compare(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if a is b or depth > DEEPEST or (id(a), id(b)) in self.met:
            return None
        if type(a) is not type(b) and describe(a) != describe(b):
            return _says(path, f"{describe(a)} instead of {describe(b)}")
        if type(a) in plain.ATOMS:
            return None if self._same(a, b) else _says(path, f"{brief(a)} instead of {brief(b)}")
        self.met.add((id(a), id(b)))
        for module, name, method in _LIBRARIES:
            if _is(a, module, name):
                found: str | None = getattr(self, method)(a, b, path, depth)
                return found
        return self._builtin(a, b, path, depth)

    def _same(self, a: Any, b: Any) -> bool:
        if isinstance(a, float | complex):
            if a != a or b != b:
                return bool(a != a and b != b)
            exact = self.rtol == self.atol == 0.0
            return str(a) == str(b) if exact else bool(a == b or abs(a - b) <= self.atol + self.rtol * abs(b))
        return bool(a == b)

    def _builtin(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if isinstance(a, dict):
            return self._mapping(a, b, path, depth)
        if isinstance(a, list | tuple):
            if len(a) != len(b):
                return _says(path, f"{len(a)} items instead of {len(b)}")
            parts = ((f"{path}[{index}]", *pair) for index, pair in enumerate(zip(a, b, strict=True)))
            return self._first(parts, depth)
        if isinstance(a, set | frozenset):
            return self._sets(a, b, path)
        if hasattr(a, "nnz") and hasattr(a, "tocoo"):
            return self._sparse(a, b, path, depth)
        return self._object(a, b, path, depth)

    def _first(self, parts: Iterable[tuple[str, Any, Any]], depth: int) -> str | None:
        return next((found for path, a, b in parts if (found := self.compare(a, b, path, depth + 1))), None)

    def _mapping(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if a.keys() != b.keys():  # keys of the notebook's own classes are compared by what they hold
            twins = {hashing.content(key): key for key in a if key not in b}
            b = {twins.get(hashing.content(key), key) if key not in a else key: item for key, item in b.items()}
        missing = [key for key in b if key not in a]
        extra = [key for key in a if key not in b]
        if missing or extra:
            words = f"lacks key {brief(missing[0])}" if missing else f"has the additional key {brief(extra[0])}"
            return _says(path, words)
        found = self._first(((f"{path}[{brief(key)}]", a[key], b[key]) for key in a), depth)
        if found is None and list(map(repr, a)) != list(map(repr, b)):
            return _says(path, "the keys are in another order")
        return found

    @staticmethod
    def _sets(a: Any, b: Any, path: str) -> str | None:
        if hashing.content(a) == hashing.content(b):
            return None
        only = [*(a - b)][:1] or [*(b - a)][:1]
        return _says(path, f"{brief(only[0])} is in one set only" if only else "the elements differ")

    def _object(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if hashing.content(a) == hashing.content(b):
            return None
        mine, other = getattr(a, "__dict__", None), getattr(b, "__dict__", None)
        if isinstance(mine, dict) and isinstance(other, dict) and not isinstance(a, type | types.FunctionType):
            names = sorted(mine.keys() | other.keys(), key=str)
            absent = next((name for name in names if (name in mine) != (name in other)), None)
            if absent is not None:
                return _says(path, f"attribute {absent} is on one side only")
            found = self._first(((f"{path}.{name}", mine[name], other[name]) for name in names), depth)
            if found is not None:
                return found
        words = f"{brief(a)} instead of {brief(b)}"
        return _says(path, words if brief(a) != brief(b) else f"{brief(a)}: the content differs")

    def _array(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if a.dtype != b.dtype:
            return _says(path, f"dtype {a.dtype} instead of {b.dtype}")
        if a.shape != b.shape:
            return _says(path, f"shape {a.shape} instead of {b.shape}")
        if a.dtype.hasobject and a.dtype.names is None:
            one, other = a.ravel().tolist(), b.ravel().tolist()
            return self._first(((f"{path}[{index}]", *pair) for index, pair in enumerate(zip(one, other))), depth)  # noqa: B905 - same shape
        differs = self._differing(a, b)
        if not differs.any():
            return None if self.rtol or self.atol or a.dtype.names is not None else self._flags(a, b, path)
        place = tuple(int(index) for index in sys.modules["numpy"].argwhere(differs)[0])
        where = ", ".join(map(str, place))
        count = f"{int(differs.sum())} of {a.size} values differ, first "
        return _says(path, f"{count if a.size > 1 else ''}[{where}]: {a[place]!r} instead of {b[place]!r}")

    @staticmethod
    def _flags(a: Any, b: Any, path: str) -> str | None:
        if a.flags.writeable == b.flags.writeable:
            return None
        return _says(path, "one of the arrays is read-only")

    def _differing(self, a: Any, b: Any) -> Any:
        np = sys.modules["numpy"]
        if a.dtype.kind not in "fc":
            return np.asarray(a != b) & ~(np.asarray((a != a) & (b != b)))
        missing = np.isnan(a) & np.isnan(b)
        if self.rtol or self.atol:
            return ~(np.isclose(a, b, rtol=self.rtol, atol=self.atol) | missing)
        zeros = (a == 0) & (b == 0) & (np.signbit(a.real) != np.signbit(b.real))
        return ((a != b) | zeros) & ~missing

    def _scalar(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        np = sys.modules["numpy"]
        same = self._array(np.asarray(a), np.asarray(b), path, depth) is None
        return None if same else _says(path, f"{a!r} instead of {b!r}")

    def _frame(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if a.shape != b.shape:
            return _says(path, f"{a.shape[0]} rows, {a.shape[1]} columns instead of {b.shape[0]}, {b.shape[1]}")
        found = self._first(((f"{path}.columns", a.columns, b.columns), (f"{path}.index", a.index, b.index)), depth)
        if found is not None:
            return found
        pairs = zip(a.items(), b.items(), strict=True)
        columns = ((f"{path}[{name!r}]", one.array, other.array) for (name, one), (_, other) in pairs)
        found = self._first(columns, depth)
        return found or self.compare(dict(a.attrs), dict(b.attrs), f"{path}.attrs", depth + 1)

    def _series(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        parts = (("name", a.name, b.name), ("index", a.index, b.index), ("attrs", dict(a.attrs), dict(b.attrs)))
        found = self._first(((f"{path}.{name}", one, other) for name, one, other in parts), depth)
        return found or self._column(a.array, b.array, path, depth)

    def _index(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        found = self.compare(list(a.names), list(b.names), f"{path}.names", depth + 1)
        if found is not None or hasattr(a, "levels"):
            return found or self.compare(a.tolist(), b.tolist(), path, depth + 1)
        return self._column(a.array, b.array, path, depth)

    def _column(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if a.dtype != b.dtype:
            return _says(path, f"dtype {a.dtype} instead of {b.dtype}")
        if len(a) != len(b):
            return _says(path, f"{len(a)} values instead of {len(b)}")
        np = sys.modules["numpy"]
        if hasattr(a, "_ndarray") and a.dtype.name != "category":
            # Copies: whether pandas made the view read-only says nothing about the values.
            return self._array(np.array(a._ndarray), np.array(b._ndarray), path, depth)
        pairs = zip(a, b, strict=True)
        unlike = (number for number, (one, other) in enumerate(pairs) if not self._element(one, other))
        first = next(unlike, None)
        return None if first is None else _says(f"{path}[{first}]", f"{a[first]!r} instead of {b[first]!r}")

    def _element(self, a: Any, b: Any) -> bool:
        pandas = sys.modules["pandas"]
        if pandas.api.types.is_scalar(a) and pandas.isna(a):
            return bool(pandas.api.types.is_scalar(b) and pandas.isna(b))
        return self.compare(a, b, "", 0) is None

    def _sparse(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        if hashing.content(a) == hashing.content(b):
            return None
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            return _says(path, f"{brief(a)} instead of {brief(b)}")
        difference = (a != b).tocoo()
        if difference.nnz == 0:
            return _says(path, "the entries are stored differently")
        place = int(difference.row[0]), int(difference.col[0])
        return self._scalar(a.tocsr()[place], b.tocsr()[place], f"{path}[{place[0]}, {place[1]}]", depth)

    def _figure(self, a: Any, b: Any, path: str, depth: int) -> str | None:  # noqa: ARG002 - as its siblings
        """Compare what is drawn."""
        return None if _pixels(a) == _pixels(b) else _says(path, "the drawn figure differs")

    def _axes(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        return self.compare(a.figure, b.figure, path, depth + 1)

    def _bar(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        return self.compare(a.ax, b.ax, path, depth + 1)

    def _artist(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        """Compare the figure a line or a text belongs to: it is nothing without it."""
        if a.figure is None or b.figure is None:
            return None if a.figure is b.figure else _says(path, "it belongs to a figure on one side only")
        return self.compare(a.figure, b.figure, path, depth + 1)

    def _chart(self, a: Any, b: Any, path: str, depth: int) -> str | None:
        return self.compare(a.to_dict(), b.to_dict(), path, depth + 1)


def _pixels(figure: Any) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return bytes(canvas.buffer_rgba())


_LIBRARIES = (
    ("matplotlib.figure", "Figure", "_figure"),
    ("matplotlib.axes", "Axes", "_axes"),
    ("matplotlib.colorbar", "Colorbar", "_bar"),
    ("matplotlib.artist", "Artist", "_artist"),
    ("plotly.basedatatypes", "BaseFigure", "_chart"),
    ("altair", "TopLevelMixin", "_chart"),
    ("pandas", "DataFrame", "_frame"),
    ("pandas", "Series", "_series"),
    ("pandas", "Index", "_index"),
    ("pandas.api.extensions", "ExtensionArray", "_column"),
    ("numpy", "ndarray", "_array"),
    ("numpy", "generic", "_scalar"),
)


def _says(path: str, text: str) -> str:
    return f"{path.lstrip('.')}: {text}" if path else text
