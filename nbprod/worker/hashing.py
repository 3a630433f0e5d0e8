"""Canonical digests of values, by type and content, never by the bytes of a pickle.

The same content gives the same digest in another process: order of sets, memory layout, file names and line numbers do
not count; types, order of dicts, and which parts are one and the same mutable object do. `register` adds a type.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import hashing_arrays, hashing_builtin, plain
from .buffers import digest
from .hasher import Hasher, register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Hasher", "content", "group_content", "register"]
DEEP = 20_000

hashing_builtin.install()
hashing_arrays.install()


@contextmanager
def _deep() -> Iterator[None]:
    """Allow deeper nesting than a program usually has."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEEP))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.setrecursionlimit(limit)


def content(value: object) -> str:
    """Return the canonical digest of type and content of `value`."""
    hasher = Hasher()
    if type(value) in plain.ATOMS:
        hasher.walk(value)
        return hasher.digest()
    with _deep():
        hasher.walk(value)
        hashing_arrays.sharing(hasher)
    return hasher.digest()


def group_content(
    values: dict[str, object],
    trees: dict[int, plain.Tree | None] | None = None,
    large: Callable[[bytes | memoryview], str] = digest,
) -> str:
    """Return the canonical digest of names and their values, including what they share; the order does not count.

    Parameters
    ----------
    values
        Values by name.
    trees
        What `plain.scan` said of some of the values, by identity.
    large
        Returns the digest of many bytes, `buffers.digest` or one that knows some already.
    """
    hasher = Hasher()
    hasher.trees = trees or {}
    hasher.large = large
    with _deep():
        for name in sorted(values):
            hasher.walk(name)
            hasher.walk(values[name])
        hashing_arrays.sharing(hasher)
    return hasher.digest()
