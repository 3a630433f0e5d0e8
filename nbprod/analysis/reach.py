"""Which code may run when a definition does, and what all of it does together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbprod.analysis.bits import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbprod.analysis.facts import Definition
    from nbprod.analysis.notes import Statement


class Reach(NamedTuple):
    """Definitions, and the names all of them read, change, perhaps bind, handle, and may give back (masks)."""

    definitions: int
    reads: int
    mutates: int
    maybe: int
    handled: int
    returned: int

    def __or__(self, other: Reach) -> Reach:
        """Return the union."""
        if not other.definitions & ~self.definitions:
            return self
        return Reach(
            self.definitions | other.definitions,
            self.reads | other.reads,
            self.mutates | other.mutates,
            self.maybe | other.maybe,
            self.handled | other.handled,
            self.returned | other.returned,
        )


NOWHERE = Reach(0, 0, 0, 0, 0, 0)
WIDE = 8


class Reaches:
    """Follows definitions to those they lead to; what is known of one is kept until a name it reads changes its code.

    `hidden` are the classes whose operators make objects hold each other,
    `lasting` those with attributes that can be changed through their instances; `giving` is the code that
    may bind names of the notebook to code of its own, `global f`, or make them hold each other.
    """

    def __init__(self, names: Index[str], code_of: Callable[[str], int]) -> None:
        self.names = names
        self.code_of = code_of
        self.definitions: Index[Definition] = Index()
        self.own: list[Reach] = []
        self.known: dict[int, Reach] = {}
        self.latest = (0, NOWHERE)
        self.watched = 0
        self.lasting = 0
        self.giving = 0
        self.hidden = 0
        self.tokens: tuple[dict[str, int], ...] = ({}, {}, {}, {})

    def number(self, definition: Definition) -> int:
        """Return the number of a definition; what it does by itself is noted when it is met first."""
        number = self.definitions.numbers.get(definition)
        if number is None:
            bit, facts, mask = self.definitions.bit(definition), definition.facts, self.names.mask
            number = len(self.own)
            self.own.append(
                Reach(
                    bit,
                    mask(facts.reads),
                    mask(facts.mutates),
                    mask(facts.maybe),
                    mask(facts.handled),
                    mask(definition.returned.shares),
                )
            )
            self.lasting |= bit if definition.lasting else 0
            self.hidden |= bit if definition.hidden else 0
            self.giving |= bit if facts.joins or (facts.maybe and definition.code) else 0
            every: tuple[Iterable[str], ...] = (facts.effects, facts.state, facts.patches, facts.seeds)
            for found, tokens in zip(every, self.tokens, strict=True):
                for token in found:
                    tokens[token] = tokens.get(token, 0) | bit
        return number

    def mask(self, definitions: Iterable[Definition]) -> int:
        """Return the mask of definitions."""
        total = 0
        for definition in definitions:
            total |= 1 << self.number(definition)
        return total

    def note_tokens(self, statement: Statement, active: int) -> None:
        """Add effects, state, patches and seeds of code to what a statement does, each with its first cause."""
        *causes, seeds = self.tokens
        items = self.definitions.items
        for field, tokens in zip(("effects", "state", "patches"), causes, strict=True):
            known = getattr(statement, field)
            new = {
                token: getattr(items[_lowest(mask & active)].facts, field)[token]
                for token, mask in tokens.items()
                if mask & active and token not in known
            }
            if new:
                setattr(statement, field, {**known, **new})
        if seeds:
            statement.seeds = statement.seeds | {token for token, mask in seeds.items() if mask & active}

    def of(self, definitions: int) -> Reach:
        """Return what running any of these definitions may lead to, themselves included."""
        asked, total = self.latest  # groups grow by a few: what was asked last is most of what is asked now
        if asked & ~definitions:
            total = NOWHERE
        rest = definitions & ~total.definitions
        while rest:
            number = rest.bit_length() - 1  # what was defined last leads to most
            found = self.known.get(number)
            if found is None:
                self._follow(number)
                found = self.known[number]
            total = found | total if total is NOWHERE else total | found
            rest &= ~total.definitions
        if definitions.bit_count() > WIDE:
            self.latest = definitions, total
        return total

    def forget(self, names: int) -> None:
        """Forget what reads names whose code has changed."""
        if names & self.watched:
            self.known = {number: found for number, found in self.known.items() if not found.reads & names}
            if self.latest[1].reads & names:
                self.latest = 0, NOWHERE

    def _follow(self, first: int) -> None:
        """Fill in `known` for a definition and all it leads to; those that lead to each other have one answer."""
        order: dict[int, int] = {first: 0}
        lowest = {first: 0}
        waiting = {first: self._next(first)}
        path, component = [first], [first]
        while path:
            number = path[-1]
            if waiting[number]:
                after = _lowest(waiting[number])
                waiting[number] &= waiting[number] - 1
                if after in self.known:
                    continue
                if after in order:
                    lowest[number] = min(lowest[number], order[after])
                    continue
                order[after] = lowest[after] = len(order)
                waiting[after] = self._next(after)
                path.append(after)
                component.append(after)
                continue
            path.pop()
            if path:
                lowest[path[-1]] = min(lowest[path[-1]], lowest[number])
            if lowest[number] == order[number]:
                members = [component.pop()]
                while members[-1] != number:
                    members.append(component.pop())
                self._close(members)

    def _next(self, number: int) -> int:
        """Return the definitions one leads to at once."""
        self.watched |= self.own[number].reads
        found = 0
        for name in self.definitions.items[number].facts.reads:
            found |= self.code_of(name)
        return found & ~(1 << number)

    def _close(self, members: list[int]) -> None:
        """Keep what definitions do that lead to each other and else only to what is known."""
        total = NOWHERE
        for number in members:
            total = total | self.own[number]
        for number in members:
            rest = self._next(number) & ~total.definitions
            while rest:
                total = total | self.known[rest.bit_length() - 1]
                rest &= ~total.definitions
        for number in members:
            self.known[number] = total


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
