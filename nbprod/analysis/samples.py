"""What statements do that differ by names and numbers alone: found out of one, told of the others in their names."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from nbprod.analysis.expressions import BUILTINS
from nbprod.analysis.facts import NOTHING, Definition, Facts, Fit, Flow
from nbprod.analysis.memory import TEXTS, words_in
from nbprod.analysis.shapes import MOST, SLOT, words_of
from nbprod.analysis.sketches import FUNCTIONS
from nbprod.analysis.statements import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.analysis.context import Context
    from nbprod.analysis.shapes import Instance

# What all a notebook knows of a name can come to: a variable, one of unchanging values, one of flat literals, a
# definition, one of literals that hold others.
# What else is known of some names is looked up by the name, which then stands for itself.
VARIABLE, UNCHANGING, FLAT, DEFINED, NESTED = range(5)
MARKS = [[f"__nb{number}{mark}__" for number in range(MOST)] for mark in "vufdn"]
FIELDS = [item.name for item in fields(Facts)]
LINES = frozenset({"reads", "called", "patches"})
TOKENS = frozenset({"effects", "state"})
Table = tuple[str, ...]


@dataclass(slots=True)
class Sample:
    """The facts of a statement in terms of its cell's names; `literals` are numbered after these."""

    known: list[Any]
    literals: Table
    named: list[tuple[int, Callable[[Any, Table, int], Any], Any]]
    made: Made | None = None

    def facts(self, names: Table, offset: int, definitions: dict[str, Definition | None]) -> Facts:
        """Return the facts of a statement with names of its own; a function it makes is noted in `definitions`."""
        table, values = names + self.literals, self.known.copy()
        for place, told, given in self.named:
            values[place] = told(given, table, offset)
        facts = Facts(*values)
        if self.made is not None:
            definition = self.made.definition(names, offset)
            facts.flows = {**facts.flows, definition.name: Flow(frozenset(), frozenset((definition,)))}
            if definition.name in definitions:
                definitions[definition.name] = definition
        return facts


@dataclass(slots=True)
class Made:
    """A function that a statement makes, in the same terms."""

    facts: Sample
    literals: Table
    name: int
    parameters: list[int]
    mutated: list[int]
    returned: tuple[list[int], list[int]]
    returned_parameters: list[int]
    code: bool

    def definition(self, names: Table, offset: int) -> Definition:
        """Return the function with names of its own."""
        table = names + self.literals
        return Definition(
            table[self.name],
            self.facts.facts(names, offset, {}),
            tuple([table[item] for item in self.parameters]),
            mutated=frozenset([table[item] for item in self.mutated]),
            returned=_flow(*self.returned, table),
            returned_parameters=frozenset([table[item] for item in self.returned_parameters]),
            code=self.code,
        )


class Samples:
    """Facts by the shape of cells and by what a notebook knows of their names."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.kinds: dict[str, int] = dict.fromkeys(context.bound, VARIABLE)
        self.kinds.update(dict.fromkeys(context.immutable & context.bound, UNCHANGING))
        self.kinds.update(dict.fromkeys(context.flat & context.bound, FLAT))
        self.kinds.update(dict.fromkeys(context.nested & context.bound, NESTED))
        self.kinds.update(dict.fromkeys(context.definitions, DEFINED))
        for name in (*context.imports, *context.global_names, *context.methods, *BUILTINS):
            self.kinds.pop(name, None)
        self.found: dict[tuple[Any, ...], list[Sample | None]] = {}
        self.standing: Context | None = None

    def facts(self, cell: Instance, offset: int) -> list[Facts | None]:
        """Return what the statements of a cell do; None where no others have told."""
        kinds, names, definitions = self.kinds, cell.names, self.context.definitions
        known = [kinds.get(name, name) for name in names]
        if DEFINED in known:
            known = [
                _summary(name, definitions[name]) if kind == DEFINED else kind
                for name, kind in zip(names, known, strict=True)
            ]
        key = (cell.shape, *known)
        found = self.found.get(key)
        if found is None:
            found = self.found[key] = self._samples(cell, known)
        return [None if sample is None else sample.facts(names, offset, definitions) for sample in found]

    def _samples(self, cell: Instance, kinds: list[Any]) -> list[Sample | None]:
        if self.standing is None:
            unchanging, flat = MARKS[UNCHANGING], MARKS[FLAT]
            self.standing = replace(
                self.context,
                bound=self.context.bound.union(*MARKS),
                immutable=self.context.immutable.union(unchanging),
                flat=self.context.flat.union(flat),
                nested=self.context.nested.union(MARKS[NESTED]),
            )
        marked = [
            kind if isinstance(kind, str) else MARKS[kind if isinstance(kind, int) else DEFINED][at]
            for at, kind in enumerate(kinds)
        ]
        text = SLOT.sub(lambda match: match[0] if match[1] is None else marked[int(match[1])], cell.shape.text)
        known = self.context.definitions.keys() | self.context.methods.keys() | TEXTS
        told = self.context.definitions
        definitions = {mark: told[name] for mark, name in zip(marked, cell.names, strict=True) if name in told}
        standing = replace(self.standing, definitions=definitions, enumerated=False)
        nodes = ast.parse(text).body
        found = [
            None if words_in([node]) & known else _sample(facts_of(node, standing), len(cell.names), node)
            for node in nodes
        ]
        # what comes after a function may ask what it does; who asks for all names is told of `MARKS` as well
        makes = any(isinstance(node, FUNCTIONS) for node in nodes)
        return [None] * len(nodes) if standing.enumerated or (makes and None in found) else found


def _summary(name: str, definition: Definition | None) -> Any:
    """Return all that a call of a function or class is told by; its name where more of it counts."""
    if definition is None:
        return DEFINED
    if definition.returned != NOTHING or definition.ties:
        return name
    return (definition.parameters, definition.mutated, definition.returned_parameters, definition.code)


def _numbering(count: int) -> tuple[dict[str, int], Callable[[Any], list[int]]]:
    """Return how words become numbers, and the words that are no names of the cell, in the order they are met."""
    literals: dict[str, int] = {}

    def numbers(texts: Any) -> list[int]:
        return [
            word if isinstance(word, int) else literals.setdefault(word, count + len(literals))
            for word in words_of(texts)
        ]

    return literals, numbers


def _sample(facts: Facts, count: int, node: ast.stmt | None = None) -> Sample | None:
    """Return facts as a sample, None where names are more than names in them."""
    made = None
    if isinstance(node, FUNCTIONS) and not facts.definitions:
        made = _made(facts.flows.pop(node.name), count)
        if made is None:
            return None
    if (
        facts.definitions
        or facts.magics
        or any(not isinstance(item, str) for flow in facts.flows.values() for item in flow.carries)
    ):
        return None
    literals, numbers = _numbering(count)
    known: list[Any] = []
    named: list[tuple[int, Callable[[Any, Table, int], Any], Any]] = []
    try:
        for place, name in enumerate(FIELDS):
            value = getattr(facts, name)
            known.append(value)
            if value and name != "star":
                told, given = _taken(name, value, numbers)
                if told is not _names or min(given) < count:
                    named.append((place, told, given))
    except ValueError:
        return None
    return Sample(known, tuple(literals), named, made)


def _made(flow: Flow, count: int) -> Made | None:
    """Return the function that a statement bound its name to, None where that says more than names do."""
    item = next(iter(flow.carries), None)
    if flow.shares or len(flow.carries) != 1 or not isinstance(item, Definition):
        return None
    facts = _sample(item.facts, count)
    if facts is None or item.shared or item.lasting or item.itself or item.ties:
        return None
    literals, numbers = _numbering(count)
    try:
        returned = numbers(item.returned.shares), numbers(item.returned.carries)
        sets = numbers(item.mutated), returned, numbers(item.returned_parameters)
        name, *parameters = numbers([item.name, *item.parameters])
    except ValueError:
        return None
    return Made(facts, tuple(literals), name, parameters, *sets, item.code)


def _taken(name: str, value: Any, numbers: Callable[[Any], list[int]]) -> tuple[Callable[[Any, Table, int], Any], Any]:
    """Return a field's value in numbers of names, and what makes such a value of them."""
    if name in LINES:
        return _lines, list(zip(numbers(value), value.values(), strict=True))
    if name in TOKENS:
        return _tokens, list(zip(numbers(value), numbers(value.values()), strict=True))
    if name == "flows":
        flows = [(numbers(flow.shares), numbers(flow.carries)) for flow in value.values()]
        return _flows, list(zip(numbers(value), flows, strict=True))
    if name == "joins":
        return _joins, [numbers(item) for item in value]
    if name == "fits":
        return _fits, [(numbers([fit.name, fit.method]), numbers(fit.inputs), fit.line) for fit in value]
    return _names, numbers(value)


def _names(given: list[int], table: Table, _: int) -> set[str]:
    return {table[name] for name in given}


def _lines(given: list[tuple[int, int]], table: Table, offset: int) -> dict[str, int]:
    return {table[name]: line + offset for name, line in given}


def _tokens(given: list[tuple[int, int]], table: Table, _: int) -> dict[str, str]:
    return {table[token]: table[cause] for token, cause in given}


def _flows(given: list[tuple[int, tuple[list[int], list[int]]]], table: Table, _: int) -> dict[str, Flow]:
    return {table[name]: _flow(*both, table) if both[0] or both[1] else NOTHING for name, both in given}


def _flow(shares: list[int], carries: list[int], table: Table) -> Flow:
    shared = frozenset([table[name] for name in shares])
    return Flow(shared, shared if carries == shares else frozenset([table[name] for name in carries]))


def _joins(given: list[list[int]], table: Table, _: int) -> list[frozenset[str]]:
    return [frozenset([table[name] for name in names]) for names in given]


def _fits(given: list[tuple[list[int], list[int], int]], table: Table, offset: int) -> list[Fit]:
    return [
        Fit(table[name], tuple(table[item] for item in inputs), table[method], line + offset)
        for (name, method), inputs, line in given
    ]
