"""Compares what two processes left of the same names, in the notebook's own interpreter; for `verify`."""

from __future__ import annotations

import itertools
import pprint
from typing import TYPE_CHECKING, Any

from . import compare, snapshot
from .buffers import Buffers
from .sharing import shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .formats import Side, Verdict


LONGEST = 2_000
ROWS = 20


def judge(left: Side, right: Side, names: Iterable[str], namespace: dict[str, Any]) -> list[Verdict]:
    """Return what differs between the two sides' values of `names`.

    Parameters
    ----------
    left, right
        Stored groups of either side.
    names
        Those to compare.
    namespace
        Has the notebook's definitions.
    """
    wanted = list(names)
    one, problems = _loaded(left, wanted, dict(namespace))
    other, more = _loaded(right, wanted, dict(namespace))
    problems |= more
    verdicts: list[Verdict] = []
    for name in wanted:
        if name in problems:
            verdicts.append(_verdict(name, problems[name], one.get(name), other.get(name), "unknown"))
            continue
        where = compare.equal(one[name], other[name])
        if where is not None:
            verdicts.append(_verdict(name, where, one[name], other[name], compare.reason(one[name], other[name])))
    told = {entry["name"] for entry in verdicts}
    return verdicts + _aliases([name for name in wanted if name not in told], one, other)


def _loaded(side: Side, names: list[str], namespace: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    for group in side["groups"]:
        some = [name for name in group["names"] if name in names]
        try:
            snapshot.load([group], some, namespace, Buffers(side["buffers"]))
        except Exception as error:  # noqa: BLE001 - unpickling runs the user's own classes
            problems.update(dict.fromkeys(some, f"cannot be loaded to be compared: {type(error).__name__}: {error}"))
            continue
        values.update((name, namespace[name]) for name in some)
    return values, problems


def _verdict(name: str, where: str, one: object, other: object, reason: str) -> Verdict:
    return {
        "name": name,
        "where": where,
        "left": compare.brief(one),
        "right": compare.brief(other),
        "type": type(one).__name__,
        "reason": reason,
        "shown": [_shown(one), _shown(other)],
    }


def _shown(value: Any) -> str:
    """Return a value as a notebook would show it, cut where it is long."""
    try:
        text = repr(value.head(ROWS)) if hasattr(value, "to_string") else pprint.pformat(value)
    except Exception:  # noqa: BLE001 - a value's own repr may raise; its type says enough
        return compare.brief(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _aliases(names: list[str], one: dict[str, Any], other: dict[str, Any]) -> list[Verdict]:
    """Return which values, or pairs of them, are equal but share objects in another way."""
    alone = [name for name in names if shape([one[name]]) != shape([other[name]])]
    verdicts = [_shared(name, "its parts share objects", one[name]) for name in alone]
    if shape([one[name] for name in names]) == shape([other[name] for name in names]):
        return verdicts
    for name, mate in itertools.combinations([name for name in names if name not in alone], 2):
        both = shape([one[name], one[mate]])
        if both != shape([other[name], other[mate]]):
            told = _shared(f"{name}, {mate}", "they share an object", one[name])
            if len(set(both)) == len(set(shape([one[name]]))) + len(set(shape([one[mate]]))):
                told["left"], told["right"] = told["right"], told["left"]
            verdicts.append(told)
    return verdicts


def _shared(name: str, words: str, value: object) -> Verdict:
    return {
        "name": name,
        "where": "the values are equal, but not which of them are one and the same object",
        "left": words,
        "right": "equal, but separate" if "," in name else "share others",
        "type": type(value).__name__,
        "reason": "aliases",
        "shown": [],
    }
