"""Which names may share objects, and which code a name's value may bring along, statement by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbprod.analysis.bits import Bits
from nbprod.analysis.facts import NOTHING
from nbprod.analysis.reach import NOWHERE, Reaches
from nbprod.analysis.sketches import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.analysis.context import Context
    from nbprod.analysis.facts import Definition, Facts, Flow
    from nbprod.analysis.notes import Statement
    from nbprod.analysis.reach import Reach


class Code(NamedTuple):
    """The definitions a value may bring along, and the names of the notebook that calling these may give (masks)."""

    definitions: int
    returned: int


NO_CODE = Code(0, 0)


class Aliases:
    """Alias sets and carried code, as they are before the next statement. Sets of names are masks of `names`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.names = names = context.names
        self.group_of: dict[str, int] = {}
        self.members: dict[int, int] = {}
        self.moved: dict[int, int] = {}
        self.grouped = 0
        # names that were ever in a group or brought code along
        self.known = 0
        self.codes: dict[str, Code] = {}
        self.coded = 0
        # the definitions a group's members bring along, as long as it is known
        self.group_codes: dict[int, int] = {}
        self.reaches = Reaches(names, self.definitions_of)

    def definitions_of(self, name: str) -> int:
        """Return the definitions that using a name may run."""
        return self.codes.get(name, NO_CODE).definitions

    def shared_with(self, names: int) -> int:
        """Return `names` and all that may share an object with one of them."""
        found, rest = names, names & self.grouped
        while rest:
            members = self.members[self.group_of[self.names.items[(rest & -rest).bit_length() - 1]]]
            found |= members
            rest &= ~members
        return found

    def code_of(self, names: Iterable[str], definitions: int) -> Reach:
        """Return the definitions that may run when `names` are used, and those they lead to."""
        for name in names:
            code = self.codes.get(name)
            if code is not None:
                definitions |= code.definitions
        return self.reaches.of(definitions) if definitions else NOWHERE

    def code_among(self, names: int) -> Reach:
        """Do the same for names that hold all of each group they have a member of."""
        coded, definitions = names & self.coded, 0
        while coded:
            name = self.names.items[(coded & -coded).bit_length() - 1]
            group = self.group_of.get(name)
            members = 0 if group is None else self.members[group]
            if group is None or members & ~names:
                definitions |= self.codes[name].definitions
                coded &= coded - 1
            else:
                definitions |= self._code_of_group(group)
                coded &= ~members
        return self.reaches.of(definitions) if definitions else NOWHERE

    def _code_of_group(self, group: int) -> int:
        known = self.group_codes.get(group)
        if known is None:
            known = self.group_codes[group] = self._code_of(self.members[group] & self.coded)
        return known

    def _code_of(self, names: int) -> int:
        total = 0
        for name in self.names.unmask(names):
            total |= self.codes[name].definitions
        return total

    def apply(self, statement: Statement) -> None:
        """Take over what a statement binds and joins."""
        facts = statement.facts
        if not (statement.bound_mask | statement.maybe_mask) & self.known and not facts.joins and _plain(facts):
            return
        origins = {name: self._origin(flow.shares) for name, flow in facts.flows.items()}
        known: dict[frozenset[str | Definition], Code] = {}  # joined names carry the same, in one set
        codes = {name: self._carried(flow, known) for name, flow in facts.flows.items()}
        for name in facts.binds:
            if name in self.group_of:
                self._leave(name)
        for name, code in codes.items():
            self.carry(name, code, surely=name in facts.binds)
            groups, loose = origins[name]
            if code.returned:
                more = self._origins(code.returned)
                groups, loose = groups | more[0], loose | more[1]
            if groups or loose:
                self._merge(groups, {name, *loose})
        for names in facts.joins:
            self._merge(*self._origin(names))

    def give(self, definitions: int) -> None:
        """Take over what code may bind to functions of its own, `global f`, and what it puts into what."""
        for definition in self.reaches.definitions.unmask(definitions):
            code = Code(1 << self.reaches.number(definition), 0)
            for name in definition.facts.maybe if definition.code else ():
                self.carry(name, code, surely=False)
            for names in definition.facts.joins:
                self._merge(*self._origin(names))

    def entangle(self, names: int) -> None:
        """Take all objects among names to hold each other."""
        context = self.context
        objects = context.bound - context.imports.keys() - context.definitions.keys() - context.immutable
        self._merge(*self._origins(names & self.names.mask(objects)))

    def carry(self, name: str, code: Code, *, surely: bool) -> None:
        """Note what code a name's value may bring along from now on."""
        before = self.codes.get(name, NO_CODE)
        after = code if surely else Code(code.definitions | before.definitions, code.returned | before.returned)
        if after == before:
            return
        self.codes[name] = after
        bit = self.names.bit(name)
        self.known |= bit
        self.coded = self.coded | bit if after.definitions else self.coded & ~bit
        group = self.group_of.get(name)
        if group is not None and group in self.group_codes:
            if before.definitions & ~after.definitions:
                del self.group_codes[group]
            else:
                self.group_codes[group] |= after.definitions
        self.reaches.forget(bit)

    def _origin(self, names: Iterable[str]) -> tuple[set[int], set[str]]:
        """Return the groups of names, and those names that have none."""
        groups, loose = set(), set()
        for name in names:
            group = self.group_of.get(name)
            if group is None:
                loose.add(name)
            else:
                groups.add(group)
        return groups, loose

    def _origins(self, names: int) -> tuple[set[int], set[str]]:
        """Do the same for a mask, where many names may be of one group."""
        groups, rest = set(), names & self.grouped
        while rest:
            group = self.group_of[self.names.items[(rest & -rest).bit_length() - 1]]
            groups.add(group)
            rest &= ~self.members[group]
        return groups, set(self.names.unmask(names & ~self.grouped))

    def _carried(self, flow: Flow, known: dict[frozenset[str | Definition], Code]) -> Code:
        definitions = returned = 0
        for items in (flow.carries, flow.shares):
            if items:
                code = known.get(items)
                if code is None:
                    code = known[items] = self._code_of_items(items)
                definitions, returned = definitions | code.definitions, returned | code.returned
        return Code(definitions, returned) if definitions else NO_CODE

    def _code_of_items(self, items: Iterable[str | Definition]) -> Code:
        definitions = returned = 0
        for item in items:
            if isinstance(item, str):
                code = self.codes.get(item, NO_CODE)
                definitions, returned = definitions | code.definitions, returned | code.returned
            else:
                definitions |= 1 << self.reaches.number(item)
                returned |= self.names.mask(item.returned.shares)
        return Code(definitions, returned)

    def _leave(self, name: str) -> None:
        group, bit = self.group_of.pop(name), self.names.bit(name)
        self.members[group] &= ~bit
        self.grouped &= ~bit
        if bit & self.coded:
            self.group_codes.pop(group, None)

    def _current(self, group: int) -> int:
        while group in self.moved:
            group = self.moved[group]
        return group

    def _merge(self, groups: set[int], names: set[str]) -> None:
        """Make one group of groups and names."""
        groups = {self._current(group) for group in groups}
        groups |= {self.group_of[name] for name in names if name in self.group_of}
        if not groups and len(names) < 2:
            return
        target = max(groups, key=lambda group: self.members[group].bit_count()) if groups else len(self.members)
        into = self.members.get(target, 0)
        for group in groups - {target}:
            moved, self.members[group] = self.members[group], 0
            self.moved[group] = target
            for name in self.names.unmask(moved):
                self.group_of[name] = target
            into |= moved
        for name in names:
            self.group_of[name] = target
        added = self.names.mask(names)
        if (into | added) != self.members.get(target):
            known = self.group_codes.pop(target, None)
            if known is not None:
                new = (into | added) & ~self.members.get(target, 0) & self.coded
                self.group_codes[target] = known | self._code_of(new)
            self.members[target] = into | added
            self.grouped |= added
            self.known |= added


def resolve(statements: Sequence[Statement], context: Context) -> None:
    """Fill in, for each statement, what it does including the code it may run and the names that share objects."""
    aliases, names = Aliases(context), context.names
    reaches = aliases.reaches
    named = classes = 0
    for statement in statements:
        facts = statement.facts
        _by_itself(statement, aliases)
        if facts.uncommitted or facts.committed:
            statement.uncommitted = Bits(names, aliases.shared_with(names.mask(facts.uncommitted)))
            statement.committed = Bits(names, aliases.shared_with(names.mask(facts.committed)))
        loads = named and "unpickle" in statement.effects
        unpickled = _unpickle(statement, named, classes, aliases) if loads else NO_CODE
        aliases.apply(statement)
        for name in (facts.binds | facts.maybe | facts.mutates) if unpickled.definitions else ():
            aliases.carry(name, unpickled, surely=False)
        if statement.sketch.named:
            named |= names.mask(statement.sketch.named)
            classes |= 0 if statement.type in FUNCTIONS else names.mask(statement.sketch.named)
        more = statement.maybe_mask | statement.mutate_mask
        statement.write_mask = statement.bound_mask | more if more else statement.bound_mask
    for statement in statements:
        if statement.role == "serve":
            # what it defines is called when all else is done
            own = [
                item for flow in statement.facts.flows.values() for item in flow.carries if not isinstance(item, str)
            ]
            _absorb(statement, aliases.code_of((), reaches.mask(own)), aliases)
            statement.write_mask |= statement.maybe_mask | statement.mutate_mask


def _by_itself(statement: Statement, aliases: Aliases) -> None:
    """Note what a statement does with the code it may run, and to the names that share objects."""
    facts, names, reaches = statement.facts, aliases.names, aliases.reaches
    statement.names, statement.definitions = names, reaches.definitions
    statement.read_mask = names.mask(facts.reads) if facts.reads else 0
    statement.maybe_mask = names.mask(facts.maybe) if facts.maybe else 0
    statement.bound_mask = names.mask(facts.binds)
    if facts.deletes:
        statement.bound_mask |= names.mask(facts.deletes)
    statement.mutate_mask = aliases.shared_with(names.mask(_reached(facts))) if facts.mutates else 0
    statement.effects, statement.state, statement.patches = facts.effects, facts.state, facts.patches
    statement.seeds, statement.active_mask = facts.seeds, 0
    if facts.definitions or statement.read_mask & aliases.coded:
        _absorb(statement, aliases.code_of(facts.reads, reaches.mask(facts.definitions)), aliases)
    if facts.handled or statement.active_mask or statement.mutate_mask & aliases.coded:
        _through_instances(statement, aliases)


def _plain(facts: Facts) -> bool:
    """Whether what is bound shares no objects and brings no code along."""
    return [*facts.flows.values()].count(NOTHING) == len(facts.flows)


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
    reaches = aliases.reaches
    handled = aliases.names.mask(statement.facts.handled)
    handled |= reaches.of(statement.active_mask).handled
    found = aliases.code_among(statement.mutate_mask | handled)
    lasting = found.definitions & reaches.lasting
    given = found.returned  # what calling it gave may be one of the notebook's own objects
    for definition in reaches.definitions.unmask(lasting):
        given |= aliases.names.bit(definition.name)
    statement.mutate_mask |= aliases.shared_with(given)


def _unpickle(statement: Statement, named: int, classes: int, aliases: Aliases) -> Code:
    """Add the functions and classes that a pickle may tell by name; return what the value loaded may bring along."""
    code = aliases.code_among(named)
    statement.read_mask |= named | code.reads
    statement.maybe_mask |= code.maybe
    statement.mutate_mask |= aliases.shared_with(code.mutates)
    inside = aliases.code_among(classes).definitions
    for item in aliases.reaches.definitions.unmask(code.definitions & ~inside):
        # functions that ask the network, draw random numbers or the like are not what pickles hold
        if not item.facts.state and not item.facts.effects.keys() - {"display", "unknown"}:
            inside |= 1 << aliases.reaches.number(item)
    statement.active_mask |= inside
    return Code(inside, 0)


def _absorb(statement: Statement, active: Reach, aliases: Aliases) -> None:
    """Add what the code does that a statement may run."""
    if not active.definitions:
        return
    statement.active_mask |= active.definitions
    statement.read_mask |= active.reads
    statement.maybe_mask |= active.maybe
    aliases.reaches.note_tokens(statement, active.definitions)
    aliases.give(active.definitions & aliases.reaches.giving)
    if active.definitions & aliases.reaches.hidden:
        aliases.entangle(statement.read_mask)
    statement.mutate_mask |= aliases.shared_with(active.mutates)
