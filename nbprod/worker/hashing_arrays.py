"""How values of numpy, pandas, scipy, scikit-learn and torch are hashed; nothing of them is imported here."""

from __future__ import annotations

import re
import struct
import sys
from typing import TYPE_CHECKING, Any

from . import arrays, plain
from .buffers import fastest, hashing
from .hasher import LARGE, generic, named, register, type_token

if TYPE_CHECKING:
    from .hasher import Hasher

OF_THE_CANVAS = re.compile(r"stale|cid|id$|number|mouse|renderer|cache|_to_pylab|dpi|valid|autopos|_loc_")
"""Attributes of artists that change when they are drawn, stored or shown."""
PIECE = 32 << 20
"""Arrays are hashed in pieces of about this many bytes: those not laid out in C order have to be copied for it."""


def _array(hasher: Hasher, array: Any) -> None:
    np = sys.modules["numpy"]
    hasher.found_array(hasher.count() - 1, array)
    hasher.put("array", type_token(type(array)))
    hasher.put("shape", repr((array.shape, bool(array.flags.writeable))).encode())
    if type(array) is not np.ndarray:
        hasher.walk(getattr(array, "_mask", None))
        hasher.walk({key: item for key, item in getattr(array, "__dict__", {}).items() if not key.startswith("_")})
    _values(hasher, np.asarray(array))


def _values(hasher: Hasher, array: Any) -> None:
    """Add dtype and values of an ndarray, whatever its memory layout."""
    dtype = array.dtype
    hasher.put("dtype", _described(hasher, dtype))
    if dtype.names is not None:
        for name in dtype.names:
            _values(hasher, array[name])
    elif dtype.hasobject:
        _objects(hasher, array)
    elif array.nbytes < LARGE or array.ndim == 0:
        hasher.put("values", _bytes(array))
    else:
        hasher.put_digest("values", array.nbytes, _digest(hasher, array))


def _described(hasher: Hasher, dtype: Any) -> bytes:
    """Return what stands for a dtype: many arrays have the same one, and its text takes longer than a small array."""
    known = hasher.dtypes.get(id(dtype))
    if known is None:
        known = hasher.dtypes[id(dtype)] = dtype, repr(dtype).encode()
    return known[1]


def _digest(hasher: Hasher, array: Any) -> str:
    """Return the digest of the values of a large array in C order; where they lie so, that of its memory."""
    if array.flags.c_contiguous and array.dtype.char not in "gG" and not _may_have_nan(array):
        return hasher.large(memoryview(array.reshape(-1).view("u1")))
    found = hashing()
    step = max(1, PIECE * len(array) // array.nbytes)
    for start in range(0, len(array), step):
        found.update(_bytes(array[start : start + step]))
    return f"{fastest()}:{found.hexdigest()}"


def _objects(hasher: Hasher, array: Any) -> None:
    values = array.ravel().tolist()
    kinds = set(map(type, values))
    if kinds <= plain.ATOMS and not kinds & plain.INEXACT:
        hasher.put("objects", plain.write(values))
        return
    hasher.put("elements", struct.pack("<Q", len(values)))
    for value in values:
        hasher.walk(value)


def _bytes(array: Any) -> bytes | memoryview:
    np = sys.modules["numpy"]
    array = np.ascontiguousarray(array)
    if array.dtype.kind in "fc":
        array = _same_nan(np, array)
    if array.dtype.char in "gG":
        array = array.astype(f"U{64}")  # long doubles have padding
    return memoryview(array.reshape(-1).view("u1")) if array.size else b""


def _may_have_nan(array: Any) -> bool:
    """Whether NaN may be among the values, or infinities of both signs: a sum tells at the cost of one pass."""
    np = sys.modules["numpy"]
    if array.dtype.kind not in "fc":
        return False
    with np.errstate(all="ignore"):
        return bool(np.isnan(array.sum()))


def _same_nan(np: Any, array: Any) -> Any:
    """Return `array` with every NaN replaced by the same one: its bits mean nothing."""
    if not _may_have_nan(array):
        return array
    missing = np.isnan(array)
    if not missing.any():
        return array
    array = array.copy()
    array[missing] = np.nan
    return array


def _scalar(hasher: Hasher, value: Any) -> None:
    hasher.put("scalar", type_token(type(value)))
    _values(hasher, sys.modules["numpy"].asarray(value))


def _by_repr(hasher: Hasher, value: Any) -> None:
    hasher.put("by-repr", type_token(type(value)))
    hasher.put("repr", repr(value).encode())


def sharing(hasher: Hasher) -> None:
    """Add which arrays share memory, and how they lie to each other."""
    numbers = {id(array): number for number, array in hasher.arrays}
    for cluster in arrays.overlapping(array for _, array in hasher.arrays):
        ordered = sorted(cluster, key=lambda array: numbers[id(array)])
        first = arrays.address(ordered[0])
        found = [(numbers[id(array)], arrays.address(array) - first, array.strides) for array in ordered]
        hasher.put("sharing", repr(found).encode())


def _frame(hasher: Hasher, frame: Any) -> None:
    hasher.put("frame", type_token(type(frame)))
    hasher.walk(frame.columns)
    _labelled(hasher, frame)
    for _, column in frame.items():  # noqa: PERF102 - a frame has no values()
        _column(hasher, column.array)


def _series(hasher: Hasher, series: Any) -> None:
    hasher.put("series", type_token(type(series)))
    hasher.walk(series.name)
    _labelled(hasher, series)
    _column(hasher, series.array)


def _labelled(hasher: Hasher, value: Any) -> None:
    own = arrays.noted(value)
    if own:
        hasher.walk({name: own[name] for name in sorted(own) if name not in value._metadata})
    hasher.walk(value.index)
    hasher.walk(dict(value.attrs))
    hasher.walk(value.flags.allows_duplicate_labels)
    for name in value._metadata:
        if name not in ("_name", "name"):
            hasher.walk(getattr(value, name, None))


def _index(hasher: Hasher, index: Any) -> None:
    hasher.put("index", type_token(type(index)))
    hasher.walk(list(index.names))
    if hasattr(index, "levels"):
        for level, codes in zip(index.levels, index.codes, strict=True):
            hasher.walk(level)
            _values(hasher, codes)
        return
    if hasattr(index, "step"):
        hasher.walk((index.start, index.stop, index.step))
        return
    if hasattr(index, "freq"):
        hasher.put("freq", repr(index.freq).encode())
    _column(hasher, index.array)


def _column(hasher: Hasher, column: Any) -> None:
    """Add the values of a pandas array."""
    np = sys.modules["numpy"]
    hasher.put("column", repr(column.dtype).encode())
    if hasattr(column, "categories") and hasattr(column, "codes"):
        hasher.walk(column.categories)
        hasher.walk(bool(column.ordered))
        _values(hasher, np.asarray(column.codes))
    elif hasattr(column, "asi8"):
        _values(hasher, column.asi8)
    elif hasattr(column, "_pa_array"):
        _arrow(hasher, column._pa_array)
    elif hasattr(column, "_mask") and hasattr(column, "_data"):
        _values(hasher, column._mask)
        _values(hasher, np.where(column._mask, column._data.dtype.type(0), column._data))
    elif hasattr(column, "_ndarray"):
        _values(hasher, np.asarray(column))
    else:
        generic(hasher, column)


def _arrow(hasher: Hasher, array: Any) -> None:
    """Add an Arrow array: not how it is cut into chunks, nor what lies under its nulls."""
    hasher.put("arrow", f"{array.type} {len(array)}".encode())
    if str(array.type) not in ("string", "large_string"):
        hasher.walk(array.to_pylist())
        return
    compute = sys.modules["pyarrow"].compute if hasattr(sys.modules["pyarrow"], "compute") else None
    if compute is None:
        hasher.walk(array.to_pylist())
        return
    if array.null_count:
        _values(hasher, array.is_null().to_numpy())
        array = compute.fill_null(array, "")
    lengths = compute.binary_length(array).to_numpy().astype("<i8")
    hasher.put("lengths", memoryview(lengths).cast("B") if len(lengths) else b"")
    hasher.put("text", _text(array))


def _text(array: Any) -> bytes | memoryview:
    """Return all the text of an Arrow string array, one after another."""
    np = sys.modules["numpy"]
    pieces = []
    for chunk in array.chunks if hasattr(array, "chunks") else [array]:
        wide = "i8" if str(chunk.type).startswith("large") else "i4"
        _, offsets, values = chunk.buffers()
        if values is not None and len(chunk):
            bounds = np.frombuffer(offsets, wide)[chunk.offset : chunk.offset + len(chunk) + 1]
            pieces.append(memoryview(values)[int(bounds[0]) : int(bounds[-1])])
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _sparse(hasher: Hasher, matrix: Any) -> None:
    """Add a scipy sparse matrix: not the order in which its entries are kept."""
    np = sys.modules["numpy"]
    hasher.put("sparse", f"{type(matrix).__name__} {matrix.shape}".encode())
    if matrix.format in ("csr", "csc"):
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        parts = (matrix.indptr.astype("<i8"), matrix.indices.astype("<i8"), matrix.data)
    else:
        entries = matrix.tocoo()
        order = np.lexsort((entries.data, entries.col, entries.row))
        parts = (entries.row[order].astype("<i8"), entries.col[order].astype("<i8"), entries.data[order])
    for part in parts:
        _values(hasher, part)


def _search(hasher: Hasher, search: Any) -> None:
    """Add a scikit-learn parameter search: not how long its fits took."""
    state = {key: item for key, item in search.__getstate__().items() if key != "refit_time_"}
    if isinstance(state.get("cv_results_"), dict):
        results = state["cv_results_"].items()
        state["cv_results_"] = {key: item for key, item in results if not str(key).endswith("_time")}
    hasher.put("search", type_token(type(search)))
    hasher.keep.append(state)
    named(hasher, "state", state)


def _bunch(hasher: Hasher, bunch: Any) -> None:
    """Add a scikit-learn bunch: its items. What else it has, warnings to give, it loses on purpose when unpickled."""
    hasher.put("bunch", type_token(type(bunch)))
    hasher.walk(dict(bunch))


def _tensor(hasher: Hasher, tensor: Any) -> None:
    torch = sys.modules["torch"]
    hasher.put("tensor", f"{type(tensor)} {tensor.dtype} {tuple(tensor.shape)} {tensor.requires_grad}".encode())
    plain_tensor = tensor.detach().cpu().contiguous()
    hasher.put("values", memoryview(plain_tensor.reshape(-1).view(torch.uint8).numpy()))


def _artist(hasher: Hasher, artist: Any) -> None:
    """Add what an artist of matplotlib shows: its own data and its children, not how it is wired up."""
    hasher.put("artist", type_token(type(artist)))
    for name, item in sorted(vars(artist).items()):
        if not OF_THE_CANVAS.search(name):
            _shown(hasher, name, item)
    for child in artist.get_children():
        hasher.walk(child)


def _shown(hasher: Hasher, name: str, item: Any) -> None:
    """Add an attribute of an artist if it is data; whether it is shared does not count."""
    tree = plain.scan([item])
    if tree is not None:
        hasher.put(name, plain.encode([item], tree))
    elif type(item).__name__ == "ndarray" and not item.dtype.hasobject:
        hasher.put(name)
        _values(hasher, item)


def install() -> None:
    """Register what is in this module."""
    for name, walker in {
        "numpy.ndarray": _array, "numpy.generic": _scalar, "numpy.dtype": _by_repr, "numpy.ufunc": _by_repr,
        "pandas.DataFrame": _frame, "pandas.Series": _series, "pandas.Index": _index,
        "pandas.ExtensionArray": _column, "pandas.ExtensionDtype": _by_repr,
        "scipy._spbase": _sparse, "scipy.spmatrix": _sparse, "sklearn.BaseSearchCV": _search, "sklearn.Bunch": _bunch,
        "torch.Tensor": _tensor, "matplotlib.Artist": _artist,
    }.items():  # fmt: skip
        register(name, walker)
