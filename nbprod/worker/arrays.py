"""Arrays that share memory: found by address, stored once, still sharing after they are loaded.

numpy and pandas are looked up in `sys.modules`: only what the user's own code loaded matters.
"""

from __future__ import annotations

import array as array_module
import importlib
import re
import sys
import warnings
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

from .unstorable import NotStorable, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EXACT_WORK = 10_000
"""How much work numpy may spend on proving that two interleaved views do not overlap."""
OF_PANDAS = frozenset(
    {
        "_mgr",
        "_item_cache",
        "_attrs",
        "_flags",
        "_name",
        "_typ",
        "_metadata",
        "_cache",
        "_cacher",
        "_is_copy",
        "_subtyp",
    }
)
OWNED = 1 << 20
"""Larger arrays are loaded as views of a file: copying them would cost what mapping saves."""
LENDING = (bytearray, array_module.array)
PAIRS = 64
"""Clusters with more arrays than this are taken as one without looking at every pair."""


def numpy() -> Any:
    """Return numpy when it is loaded, else None."""
    return sys.modules.get("numpy")


def copy_on_write() -> bool:
    """Whether pandas objects that share memory behave as if they did not."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not hasattr(pandas, "options"):
        return False
    if int(pandas.__version__.split(".")[0]) >= 3:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pandas.options.mode.copy_on_write is True


def address(array: Any) -> int:
    """Return the address of the first element."""
    return int(array.__array_interface__["data"][0])


def bounds(array: Any) -> tuple[int, int]:
    """Return the lowest address of `array` and the one after its highest."""
    low = high = address(array)
    if array.flags.forc:
        return low, low + int(array.nbytes)
    for size, stride in zip(array.shape, array.strides, strict=True):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high + int(array.itemsize)


def overlapping(arrays: Iterable[Any]) -> list[list[Any]]:
    """Return clusters of distinct arrays that share memory."""
    return [cluster for rough in _rough(arrays) for cluster in _exact(rough)]


def _rough(arrays: Iterable[Any]) -> Iterator[list[Any]]:
    """Clusters of arrays whose address ranges touch."""
    ranges = sorted(((*bounds(array), index, array) for index, array in enumerate(arrays) if array.size), key=_order)
    cluster: list[Any] = []
    end = -1
    for low, high, _, array in ranges:
        if cluster and low >= end:
            if len(cluster) > 1:
                yield cluster
            cluster = []
        cluster.append(array)
        end = max(end, high) if len(cluster) > 1 else high
    if len(cluster) > 1:
        yield cluster


def _order(entry: tuple[int, int, int, Any]) -> tuple[int, int, int]:
    return entry[:3]


def _exact(cluster: list[Any]) -> Iterator[list[Any]]:
    if len(cluster) > PAIRS:
        yield cluster
        return
    parts: list[list[Any]] = []
    for array in cluster:
        joined = [part for part in parts if any(shares(array, other) for other in part)]
        parts = [part for part in parts if part not in joined and not any(part is other for other in joined)]
        parts.append([array, *(other for part in joined for other in part)])
    yield from (part for part in parts if len(part) > 1)


def shares(one: Any, other: Any) -> bool:
    """Whether a write through one array, or through what both are read-only views of, can show in the other."""
    np = numpy()
    try:
        return bool(np.shares_memory(one, other, max_work=EXACT_WORK))
    except np.exceptions.TooHardError:
        return True


class _Extent:
    """A stretch of memory that belongs to `owner`, offered to numpy as bytes."""

    def __init__(self, low: int, high: int, owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (low, False), "shape": (high - low,), "typestr": "|u1", "version": 3}


def extent(arrays: list[Any]) -> tuple[Any, int]:
    """Return the memory under `arrays` as one array of bytes, and its address."""
    ranges = [bounds(array) for array in arrays]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    return numpy().asarray(_Extent(low, high, arrays)), low


def memories(arrays: Iterable[Any]) -> dict[int, tuple[Any, int]]:
    """Return, for every array that is stored as a view, the memory it is a view of and its address, by the array's id.

    Arrays of Python objects are views of the array that holds all their elements, when there is one.
    """
    found: dict[int, tuple[Any, int]] = {}
    for cluster in overlapping(arrays):
        if any(array.dtype.hasobject for array in cluster):
            base = _whole(cluster)
            if base is not None:
                found.update((id(array), (base, address(base))) for array in cluster if array is not base)
            continue
        memory = extent(cluster)
        found.update((id(array), memory) for array in cluster)
    return found


def _whole(cluster: list[Any]) -> Any:
    """Return the array all of `cluster` are views of, if it is laid out without gaps."""
    base = cluster[0]
    while base.base is not None and type(base.base) is type(base):
        base = base.base
    low, high = bounds(base)
    inside = all(low <= bounds(array)[0] and bounds(array)[1] <= high for array in cluster)
    same = all(array.dtype == base.dtype for array in cluster)
    return base if inside and same and base.flags.forc else None


def make_view(memory: Any, layout: tuple[int, tuple[int, ...], tuple[int, ...]], dtype: Any, writeable: bool) -> Any:
    """Return an array over `memory`; called while a snapshot is loaded."""
    offset, shape, strides = layout
    array = numpy_loaded().ndarray(shape, dtype, buffer=memory, offset=offset, strides=strides)
    if not writeable:
        array.flags.writeable = False
    return array


def make_owner(memory: Any, shape: tuple[int, ...], dtype: Any, order: Any) -> Any:
    """Return an array with memory of its own, which `resize` asks for; called while a snapshot is loaded."""
    return numpy_loaded().ndarray(shape, dtype, buffer=memory, order=order).copy(order)


def make_large(memory: Any, shape: tuple[int, ...], dtype: Any, order: Any) -> Any:
    """Return an array over a mapped file, or with memory of its own for a stage that asks whose it is."""
    array = numpy_loaded().ndarray(shape, dtype, buffer=memory, order=order)
    return array.copy(order) if _owning else array


def own_memory(sources: Iterable[str]) -> None:
    """Have large arrays loaded with memory of their own where code asks for it: `resize` and `owndata` do."""
    _owning[:] = [True] if any(_ASKS.search(source) for source in sources) else []


_owning: list[bool] = []
_ASKS = re.compile(r"\.(resize|owndata|base)\b")


def make_frozen(array: Any) -> Any:
    """Return `array`, made read-only; called while a snapshot is loaded."""
    array.flags.writeable = False
    return array


def make_object_view(base: Any, layout: tuple[int, tuple[int, ...], tuple[int, ...]]) -> Any:
    """Return a view of `base`, an array of Python objects; called while a snapshot is loaded."""
    offset, shape, strides = layout
    # Not as_strided: what that returns cannot be marked writeable, which scikit-learn does.
    return numpy_loaded().ndarray(shape, base.dtype, buffer=base, offset=offset, strides=strides)


def numpy_loaded() -> Any:
    """Return numpy, importing it when a snapshot needs it first."""
    return importlib.import_module("numpy")


def reduce_array(array: Any, memory: tuple[Any, int] | None) -> Any:
    """Return how to store `array` (exactly an ndarray), or NotImplemented for numpy's own way."""
    if array.dtype.hasobject:
        if memory is None:
            return NotImplemented
        return make_object_view, (memory[0], (address(array) - memory[1], array.shape, array.strides))
    if memory is None and array.size and not array.flags.forc:
        low, high = bounds(array)
        memory = extent([array]) if high - low < array.nbytes else None
    if memory is not None:
        flat, start = memory
        layout = (address(array) - start, array.shape, array.strides)
        return make_view, (flat, layout, array.dtype, bool(array.flags.writeable))
    if not array.flags.writeable and not array.flags.forc:
        return make_frozen, (array.copy(),)
    if array.flags.owndata and array.flags.writeable and array.itemsize:
        order = "C" if array.flags.c_contiguous else "F"
        make = make_owner if array.nbytes < OWNED else make_large
        return make, (PickleBuffer(array.ravel("K").view("u1")), array.shape, array.dtype, order)
    return NotImplemented


def lent(array: Any) -> Any:
    """Return how to store an array that shows memory of a value somebody holds (`numpy.frombuffer`), None for others.

    What a snapshot loads lies in memory of this kind too; that is nobody's value.
    """
    base = array.base
    while isinstance(base, (numpy().ndarray, memoryview)):
        base = base.obj if isinstance(base, memoryview) else base.base
    probe = object()
    held = [probe]
    if base is None or sys.getrefcount(base) <= sys.getrefcount(held[0]):
        return None
    why = reason(type(base))
    if why is not None:
        raise NotStorable(why)
    if type(base) not in LENDING or not len(base):
        return None
    layout = (address(array) - address(numpy().frombuffer(base, "u1")), array.shape, array.strides)
    return make_view, (base, layout, array.dtype, bool(array.flags.writeable))


def is_block(kind: type) -> bool:
    """Whether this is the type of pandas' internal blocks."""
    internals = sys.modules.get("pandas._libs.internals")
    return internals is not None and issubclass(kind, internals.Block)


def is_series_manager(kind: type) -> bool:
    """Whether this is the type of what holds the content of a series, which pickles it without its block."""
    managers = sys.modules.get("pandas.core.internals.managers")
    return managers is not None and issubclass(kind, managers.SingleBlockManager)


def writes_in_place(block: Any) -> bool:
    """Whether a table changes this block itself when it is written: what two tables share, neither does.

    Then arrays that are views of it show the change (`a = df["x"].to_numpy()`).
    """
    return type(block.values).__name__ == "ndarray" and not block.refs.has_reference()


def reduce_block(block: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the content of a block, and what tells how to store the block with given content."""
    rebuild, (values, *place), *rest = block.__reduce__()
    return values, lambda values: (rebuild, (values, *place), *rest)


def reduce_manager(manager: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Do the same for what holds the content of a series."""
    rebuild, arguments, state, *rest = manager.__reduce_ex__(5)
    layout = state[3]["0.14.1"]
    (block,) = layout["blocks"]

    def stored(values: Any) -> Any:
        known = {"0.14.1": {**layout, "blocks": [{**block, "values": values}]}}
        return rebuild, arguments, (None, None, None, known), *rest

    return block["values"], stored


def is_labelled(kind: type) -> bool:
    """Whether this is a type of frame or series."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and hasattr(pandas, "Series") and issubclass(kind, (pandas.DataFrame, pandas.Series))


def reduce_labelled(value: Any) -> Any:
    """Return how to store a frame or series, without the list that belongs to its class and not to it."""
    rebuild, arguments, state, *rest = value.__reduce_ex__(5)
    if isinstance(state, dict) and "_metadata" in state:
        state = {**state, "_metadata": list(state["_metadata"])}
    own = {name: item for name, item in noted(value).items() if name not in value._metadata}
    if own and not any(rest):  # `df.note = "…"`, which pandas itself would not keep
        return rebuild, arguments, (state, own), None, None, fill_labelled
    return rebuild, arguments, state, *rest


def noted(value: Any) -> dict[str, Any]:
    """Return the attributes of a frame or series that pandas did not set: neither its own nor `.str` and the like."""
    theirs = OF_PANDAS | type(value)._accessors
    return {name: item for name, item in value.__dict__.items() if name not in theirs}


def fill_labelled(value: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Give a frame or series its state, and attributes that the notebook set; called while a snapshot is loaded."""
    value.__setstate__(state[0])
    value.__dict__.update(state[1])


def is_index(kind: type) -> bool:
    """Whether this is a type of pandas index; they are immutable, so sharing their memory means nothing."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and hasattr(pandas, "Index") and issubclass(kind, pandas.Index)


def private_index(index: Any) -> Any:
    """Return how to store an index with arrays of its own, and these arrays."""
    rebuild, (kind, state), *rest = index.__reduce__()
    made: list[Any] = []

    def own(value: Any) -> Any:
        if isinstance(value, list):
            return [own(item) for item in value]
        if not hasattr(value, "dtype") or is_index(type(value)):
            return value
        made.append(private(value))
        return made[-1]

    return (rebuild, (kind, {key: own(value) for key, value in state.items()}), *rest), made


def private(values: Any) -> Any:
    """Return an array of the same content that is another object."""
    return values.view() if isinstance(values, numpy().ndarray) else values.copy()


def by_row(buffer: PickleBuffer, least: int) -> memoryview:
    """Return an array's bytes cut into its rows, which are columns in the content of a table, if these are large."""
    view, shape = buffer.raw(), memoryview(buffer).shape
    rows = shape[0] if shape and len(shape) == 2 else 1
    return view.cast("B", (rows, view.nbytes // rows)) if rows > 1 and view.nbytes >= least * rows else view
