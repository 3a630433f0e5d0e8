"""Arrays of other classes than numpy's own: the array they show and their attributes, so that shared memory is seen."""

from __future__ import annotations

import sys
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import arrays

if TYPE_CHECKING:
    from collections.abc import Iterator

_plain: dict[int, tuple[Any, Any]] = {}


def plain(array: Any) -> Any:
    """Return the same array as an ndarray, the same one while it is `kept`."""
    known = _plain.get(id(array))
    if known is None or known[0]() is not array:
        known = _plain[id(array)] = weakref.ref(array), array.view(arrays.numpy().ndarray)
    return known[1]


@contextmanager
def kept() -> Iterator[None]:
    """Let go of what `plain` made in the end."""
    try:
        yield
    finally:
        _plain.clear()


def plainly_pickled(kind: type) -> bool:
    """Whether these are arrays whose class does not say itself how they are pickled."""
    np = arrays.numpy()
    # numpy.ma is imported when it is asked for, which takes longer than a small stage; without it nothing is masked
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", np.ndarray)
    return issubclass(kind, np.ndarray) and kind.__reduce__ in (np.ndarray.__reduce__, masked.__reduce__)


def reduce(array: Any) -> Any:
    """Return how to store `array`."""
    return make, (type(array), plain(array)), getattr(array, "__dict__", None) or None, None, None, fill


def make(kind: type, values: Any) -> Any:
    """Return `values` as an array of `kind`; called while a snapshot is loaded."""
    return values.view(kind)


def fill(array: Any, attributes: dict[str, Any]) -> None:
    """Give an array its attributes; called while a snapshot is loaded."""
    array.__dict__.update(attributes)
