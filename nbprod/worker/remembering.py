"""Functions behind `lru_cache`, with what they remember: a function that is called again would do its work again.

CPython shows the entries of such a cache to its garbage collector alone, so that is where they are read; how they are
used is tried out whenever they are put back.
"""

from __future__ import annotations

import contextlib
import gc
from functools import lru_cache, update_wrapper
from typing import TYPE_CHECKING, Any

from .unstorable import NotStorable

if TYPE_CHECKING:
    from collections.abc import Callable

Entry = tuple[tuple[Any, ...], dict[str, Any], Any]
ELEMENT = "_lru_list_elem"
MOST = 1_000_000


class _Untold(Exception):
    """Stands for a call whose answer was forgotten."""


class _Refilled:
    """Answers the first calls with what is known already."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.waiting: list[Any] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if not self.waiting:
            return self.function(*arguments, **options)
        answer = self.waiting.pop()
        if answer is _Untold:
            raise _Untold
        return answer


def entries(cached: Any) -> list[Entry]:
    """Return arguments and answer of each call remembered, the one used longest ago first."""
    info, parameters = cached.cache_info(), cached.cache_parameters()
    if not info.currsize:
        return []
    seen = gc.get_referents(cached)
    mark = next((item for item in seen if type(item) is object), None)
    if parameters["maxsize"] is None:
        pairs = list(next((item for item in seen if type(item) is dict), {}).items())
    else:
        ends = [at for at in range(3, len(seen)) if _is_element(seen[at]) and not _is_element(seen[at - 1])]
        pairs = [(seen[at - 2], seen[at - 1]) for at in ends][: info.currsize]
    if len(pairs) != info.currsize:
        raise NotStorable("what a function behind lru_cache remembers cannot be seen in this Python")
    return [(*_arguments(key, mark, typed=parameters["typed"]), answer) for key, answer in pairs]


def counts(cached: Any) -> tuple[int, int]:
    """Return how often it was asked for what it remembers, and how often for what it had forgotten since."""
    info = cached.cache_info()
    return info.hits, info.misses - info.currsize


def make(parameters: dict[str, Any], function: Callable[..., Any], known: list[Entry], asked: tuple[int, int]) -> Any:
    """Return `function` behind an `lru_cache` that remembers `known`; called while a snapshot is loaded."""
    refilled = _Refilled(function)
    cached = lru_cache(**parameters)(refilled)
    hits, forgotten = asked if known and max(asked) < MOST else (0, 0)
    for _ in range(forgotten):
        refilled.waiting.append(_Untold)
        with contextlib.suppress(_Untold):
            cached(object())
    for arguments, options, answer in known:
        refilled.waiting.append(answer)
        cached(*arguments, **options)
    for _ in range(hits):
        cached(*known[-1][0], **known[-1][1])
    return update_wrapper(cached, function)


def _is_element(value: Any) -> bool:
    return isinstance(value, type) and value.__name__ == ELEMENT


def _arguments(key: Any, mark: Any, *, typed: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that `lru_cache` made a key of."""
    if not isinstance(key, tuple):
        return (key,), {}
    at = next((index for index, item in enumerate(key) if item is mark), len(key))
    if at == len(key):
        return key[: len(key) // 2] if typed else key, {}
    rest = key[at + 1 :]
    named = (len(rest) - at) // 3 * 2 if typed else len(rest)
    return key[:at], dict(zip(rest[:named:2], rest[1:named:2], strict=True))
