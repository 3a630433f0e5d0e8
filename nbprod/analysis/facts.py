"""What is noted of code: names read, bound and changed, what flows where, and effects beyond names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nbprod.analysis.ties import Tie


class Flow(NamedTuple):
    """Where a value comes from.

    `shares`: names whose objects it may share. `carries`: names and definitions whose code it may bring along.
    """

    shares: frozenset[str]
    carries: frozenset[str | Definition]

    def __or__(self, other: Flow) -> Flow:
        """Return the union."""
        if other is NOTHING:
            return self
        return other if self is NOTHING else Flow(self.shares | other.shares, self.carries | other.carries)


NOTHING = Flow(frozenset(), frozenset())


class Fit(NamedTuple):
    """A call such as `model.fit(X, y)`: the name changed, the plain names given, the method and its line."""

    name: str
    inputs: tuple[str, ...]
    method: str
    line: int


@dataclass(slots=True)
class Facts:
    """What a statement does, or what the code of a definition will do when it runs.

    Attributes
    ----------
    reads
        Names of the notebook that are read, with the line of the first read.
    guarded
        Those of `reads` whose absence the code expects (`try: x … except NameError`).
    binds, maybe, deletes
        Names surely bound, perhaps bound, surely deleted.
    mutates
        Names whose object may be changed.
    handled
        Names whose code a changed object may bring along.
    flows
        For each name bound here, where its value comes from.
    joins
        Names whose objects may hold each other from now on.
    definitions
        Lambdas and the like, which may run at once and later.
    effects
        Token of `knowledge/effects.toml` → what caused it; `unknown` for calls nothing is known of.
    state, seeds
        State outside variables touched, and what of it is seeded here.
    uncommitted, committed
        Names of connections a database was changed through, and those whose changes were committed.
    """

    reads: dict[str, int] = field(default_factory=dict)
    guarded: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    mutates: set[str] = field(default_factory=set)
    handled: set[str] = field(default_factory=set)
    flows: dict[str, Flow] = field(default_factory=dict)
    joins: list[frozenset[str]] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    effects: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    seeds: set[str] = field(default_factory=set)
    called: dict[str, int] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    files_read: set[str] = field(default_factory=set)
    files_written: set[str] = field(default_factory=set)
    environment: set[str] = field(default_factory=set)
    fits: list[Fit] = field(default_factory=list)
    patches: dict[str, int] = field(default_factory=dict)
    magics: list[tuple[str, str, int]] = field(default_factory=list)
    uncommitted: set[str] = field(default_factory=set)
    committed: set[str] = field(default_factory=set)
    star: bool = False


@dataclass(slots=True, eq=False)
class Definition:
    """A function, class or lambda of the notebook; compared by identity.

    Attributes
    ----------
    facts
        What its code does when it runs, over the notebook's names only.
    parameters
        Names of its parameters in order (of `__init__` without `self` for a class).
    mutated
        Parameters whose object it may change.
    returned
        What its result may share: parameters as `name`, names of the notebook in `facts`.
    itself
        Whether it is a class whose methods set attributes of the class: `type(self).made += 1`.
    lasting
        Whether it is a class with attributes that can be changed through its instances (`seen = []`).
    shared
        Attributes that instances share with a class, and the name of the class: its own and those of its bases.
    ties
        Which parameters and names of the notebook hold each other's objects once it was called.
    hidden
        Whether it is a class of which operators, loops and the like make objects hold each other: `__lshift__`.
    code
        Whether its result may carry its code: generators, nested functions, instances of notebook classes.
    """

    name: str
    facts: Facts = field(default_factory=Facts)
    parameters: tuple[str, ...] = ()
    variadic: bool = False
    mutated: frozenset[str] = frozenset()
    returned: Flow = NOTHING
    returned_parameters: frozenset[str] = frozenset()
    code: bool = True
    lasting: bool = False
    itself: bool = False
    shared: dict[str, str] = field(default_factory=dict)
    ties: tuple[Tie, ...] = ()
    hidden: bool = False
