"""A larger stack for walking through expressions that are nested hundreds or thousands deep."""

from __future__ import annotations

import contextvars
import sys
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
STACK = 256 * 2**20
FRAMES = 60_000
TOO_DEEP = (RecursionError, MemoryError)


def enlarged(call: Callable[[], T]) -> T:
    """Return what a call returns that nests deeper than this thread allows."""
    results: list[T] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            results.append(context.run(call))
        except BaseException as error:  # noqa: BLE001  raised again in the thread that asked
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run, name="nbprod-deep", daemon=True)
        sys.setrecursionlimit(max(limit, FRAMES))
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if errors:
        raise errors[0]
    return results[0]
