"""What is known of libraries: the data files beside this module, and how a dotted name is looked up in them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """What calling something does.

    Attributes
    ----------
    pure
        Neither the receiver nor an argument is changed.
    fresh
        The result shares no mutable object with receiver or arguments.
    mutates
        Which are changed: `receiver`, `first` (argument), or nothing where `pure`; `keeps`: the receiver holds the
        arguments from then on.
    display
        All it does beyond that is to show something.
    effects
        Tokens: `file-read`, `file-write`, `network`, `database`, `clock`, `entropy`, `process`, `connection`, `input`.
    state
        State outside variables it reads and changes: `numpy.random`, `os.environ`, …
    """

    pure: bool = False
    fresh: bool = False
    mutates: tuple[str, ...] = ()
    display: bool = False
    effects: frozenset[str] = frozenset()
    state: frozenset[str] = frozenset()
    known: bool = True


UNKNOWN = Call(known=False)


@cache
def table(name: str) -> dict[str, Any]:
    """Return the data file of that name."""
    return tomllib.loads(resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


@cache
def sets(name: str) -> dict[str, frozenset[str]]:
    """Return the lists of a data file's top level as sets."""
    return {key: frozenset(value) for key, value in table(name).items() if isinstance(value, list)}


@cache
def function(dotted: str) -> Call:
    """Return what calling the library function, or class, of that full name does."""
    effects = frozenset(token for token, names in table("effects").items() if _listed(dotted, tuple(names)))
    state = frozenset(token for token, names in table("state").items() if _listed(dotted, tuple(names)))
    if dotted in sets("random")["own"]:
        state = frozenset()
    lists = sets("functions")
    if dotted in lists["mutates_first"]:
        return Call(mutates=("first",), effects=effects, state=state)
    pure = _listed(dotted, tuple(lists["pure"])) and dotted not in lists["impure"]
    fresh = pure and _listed(dotted, tuple(lists["fresh"]))
    display = _listed(dotted, tuple(lists["display"]))
    return Call(pure or display, fresh, (), display, effects, state, known=pure or display or bool(effects or state))


@cache
def listed(dotted: str, name: str, of: str = "functions") -> bool:
    """Whether a list of `functions.toml`, or of another data file, holds a full name."""
    return _listed(dotted, tuple(sets(of)[name]))


def listed_name(name: str, which: str) -> bool:
    """Whether a list of `methods.toml` holds the name of a method or function."""
    return name in sets("methods")[which]


@cache
def option(dotted: str) -> str | None:
    """Return the kind of state that an attribute of a library is part of, where it is known to be carried."""
    for token, prefixes in sets("options").items():
        if any(dotted == prefix or dotted.startswith(prefix + ".") for prefix in prefixes):
            return token
    return None


@cache
def method(name: str) -> Call:
    """Return what calling a method of that name does, whatever the object; notebook classes are not looked up here."""
    lists = sets("methods")
    effects = frozenset(token for token, names in table("method_effects").items() if name in names)
    if name in lists["receiver"]:
        return Call(fresh=name in lists["fresh"], mutates=("receiver",), effects=effects)
    if name in lists["stores"]:
        return Call(mutates=("receiver", "keeps"), effects=effects)
    pure = name in lists["pure"] or name in lists["fresh"]
    display = name in lists["display"]
    return Call(pure or display, name in lists["fresh"], (), display, effects, known=pure or display or bool(effects))


def _listed(dotted: str, patterns: tuple[str, ...]) -> bool:
    exact, prefixes = _compiled(patterns)
    if dotted in exact:
        return True
    parts = dotted.split(".")
    return any(".".join(parts[:length]) in prefixes for length in range(1, len(parts)))


@cache
def _compiled(patterns: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    exact = frozenset(item for item in patterns if not item.endswith(".*"))
    return exact, frozenset(item.removesuffix(".*") for item in patterns if item.endswith(".*"))
