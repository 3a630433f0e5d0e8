"""Which names may share objects, and which code a name's value may bring along, statement by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.analysis.facts import Definition, Facts, Flow
    from nbprod.analysis.notes import Statement


class Aliases:
    """Alias sets and carried code, as they are before the next statement."""

    def __init__(self) -> None:
        self.group_of: dict[str, int] = {}
        self.members: dict[int, set[str]] = {}
        self.codes: dict[str, frozenset[Definition]] = {}

    def shared_with(self, names: Iterable[str]) -> set[str]:
        """Return `names` and all that may share an object with one of them."""
        found: set[str] = set()
        for name in names:
            if name not in found:
                found |= self.members.get(self.group_of.get(name, -1), {name})
                found.add(name)
        return found

    def code_of(self, names: Iterable[str], definitions: Iterable[Definition]) -> set[Definition]:
        """Return the definitions that may run when `names` are used, and those they lead to."""
        found = set(definitions)
        for name in names:
            found |= self.codes.get(name, frozenset())
        todo = list(found)
        while todo:
            for name in todo.pop().facts.reads:
                for definition in self.codes.get(name, ()):
                    if definition not in found:
                        found.add(definition)
                        todo.append(definition)
        return found

    def apply(self, statement: Statement) -> None:
        """Take over what a statement binds and joins."""
        facts = statement.facts
        origins = {name: self._origin(flow.shares) for name, flow in facts.flows.items()}
        codes = {name: self._carried(flow) for name, flow in facts.flows.items()}
        for name in facts.binds:
            self._leave(name)
        for name in facts.flows:
            surely = name in facts.binds
            self.codes[name] = codes[name] if surely else codes[name] | self.codes.get(name, frozenset())
            groups, loose = origins[name]
            given = {other for definition in codes[name] for other in definition.returned.shares}
            if given:
                more = self._origin(given)
                groups, loose = groups | more[0], loose | more[1]
            self._merge(groups, {name, *loose})
        for names in facts.joins:
            self._merge(*self._origin(names))

    def _origin(self, names: Iterable[str]) -> tuple[set[int], set[str]]:
        """Return the groups of names, and those names that have none."""
        groups = {self.group_of[name] for name in names if name in self.group_of}
        return groups, {name for name in names if name not in self.group_of}

    def _carried(self, flow: Flow) -> frozenset[Definition]:
        found: set[Definition] = set()
        for item in flow.carries:
            if isinstance(item, str):
                found |= self.codes.get(item, frozenset())
            else:
                found.add(item)
        for name in flow.shares:
            found |= self.codes.get(name, frozenset())
        return frozenset(found)

    def _leave(self, name: str) -> None:
        group = self.group_of.pop(name, None)
        if group is not None:
            self.members[group].discard(name)

    def _merge(self, groups: set[int], names: set[str]) -> None:
        """Make one group of groups and names."""
        groups = groups | {self.group_of[name] for name in names if name in self.group_of}
        if not groups and len(names) < 2:
            return
        target = max(groups, key=lambda group: len(self.members[group])) if groups else len(self.members)
        into = self.members.setdefault(target, set())
        for group in groups - {target}:
            moved, self.members[group] = self.members[group], set()
            for name in moved:
                self.group_of[name] = target
            into |= moved
        for name in names:
            self.group_of[name] = target
            into.add(name)


def resolve(statements: Sequence[Statement]) -> None:
    """Fill in, for each statement, what it does including the code it may run and the names that share objects."""
    aliases = Aliases()
    for statement in statements:
        facts = statement.facts
        statement.reads, statement.maybe = dict(facts.reads), set(facts.maybe)
        statement.mutates, statement.seeds = aliases.shared_with(_reached(facts)), set(facts.seeds)
        for target in ("effects", "state", "patches"):
            setattr(statement, target, dict(getattr(facts, target)))
        _absorb(statement, aliases.code_of(facts.reads, facts.definitions), aliases)
        _through_instances(statement, aliases)
        statement.uncommitted = aliases.shared_with(facts.uncommitted)
        statement.committed = aliases.shared_with(facts.committed)
        aliases.apply(statement)
    for statement in statements:
        if statement.role == "serve":
            # what it defines is called when all else is done
            own = {
                item for flow in statement.facts.flows.values() for item in flow.carries if not isinstance(item, str)
            }
            _absorb(statement, aliases.code_of((), own), aliases)


def _reached(facts: Facts) -> set[str]:
    """Return the names a statement changes, those included whose objects it gave other names first."""
    found: set[str] = set()
    todo = list(facts.mutates)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(facts.flows[name].shares if name in facts.flows else ())
    return found


def _through_instances(statement: Statement, aliases: Aliases) -> None:
    """Add the classes whose attributes may change when an instance does, and what functions gave away."""
    handled = set(statement.facts.handled)
    for definition in statement.active:
        handled |= definition.facts.handled
    for definition in aliases.code_of(statement.mutates | handled, ()):
        if definition.lasting:
            statement.mutates |= aliases.shared_with((definition.name,))
        # what calling it gave may be one of the notebook's own objects
        statement.mutates |= aliases.shared_with(definition.returned.shares)


def _absorb(statement: Statement, active: set[Definition], aliases: Aliases) -> None:
    """Add what the code does that a statement may run."""
    statement.active |= active
    mutated: set[str] = set()
    for definition in active:
        later = definition.facts
        for name in later.reads:
            statement.reads.setdefault(name, statement.first + statement.parsed.offset)
        mutated |= later.mutates
        statement.maybe |= later.maybe
        statement.seeds |= later.seeds
        for target in ("effects", "state", "patches"):
            for key, value in getattr(later, target).items():
                getattr(statement, target).setdefault(key, value)
    statement.mutates |= aliases.shared_with(mutated)
