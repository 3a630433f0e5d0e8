"""What statements do that differ by names and numbers alone: found out of one, told of the others in their names."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from nbprod.analysis.expressions import BUILTINS
from nbprod.analysis.facts import NOTHING, Facts, Fit, Flow
from nbprod.analysis.memory import TEXTS, words_in
from nbprod.analysis.shapes import MOST, SLOT, words_of
from nbprod.analysis.statements import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.analysis.expressions import Context
    from nbprod.analysis.shapes import Instance
    from nbprod.analysis.sketches import Sketch

# What all a notebook knows of a name can come to: a variable, one of unchanging values, one of flat literals, a
# definition. What else is known of some names is looked up by the name, which then stands for itself.
VARIABLE, UNCHANGING, FLAT, DEFINED = range(4)
MARKS = [[f"__nb{number}{mark}__" for number in range(MOST)] for mark in "vufd"]
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

    def facts(self, names: Table, offset: int) -> Facts:
        """Return the facts of a statement with names of its own."""
        table, values = names + self.literals, self.known.copy()
        for place, told, given in self.named:
            values[place] = told(given, table, offset)
        return Facts(*values)


class Samples:
    """Facts by the shape of cells and by what a notebook knows of their names."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.kinds = dict.fromkeys(context.bound, VARIABLE)
        self.kinds.update(dict.fromkeys(context.immutable & context.bound, UNCHANGING))
        self.kinds.update(dict.fromkeys(context.flat & context.bound, FLAT))
        self.kinds.update(dict.fromkeys(context.definitions, DEFINED))
        for name in (*context.imports, *context.global_names, *context.methods, *BUILTINS):
            self.kinds.pop(name, None)
        self.found: dict[tuple[Any, ...], list[Sample | None]] = {}
        self.standing: Context | None = None

    def facts(self, sketch: Sketch, offset: int) -> Facts | None:
        """Return what a statement does; None where no other has told."""
        cell = sketch.instance
        if cell is None:
            return None
        kinds = self.kinds
        key = (cell.shape, *[kinds.get(name, name) for name in cell.names])
        found = self.found.get(key)
        if found is None:
            found = self.found[key] = self._samples(cell)
        sample = found[sketch.at]
        return None if sample is None else sample.facts(cell.names, offset)

    def _samples(self, cell: Instance) -> list[Sample | None]:
        if self.standing is None:
            unchanging, flat = MARKS[UNCHANGING], MARKS[FLAT]
            self.standing = replace(
                self.context,
                bound=self.context.bound.union(MARKS[VARIABLE], unchanging, flat),
                immutable=self.context.immutable.union(unchanging),
                flat=self.context.flat.union(flat),
            )
        marked = [
            MARKS[kind][at] if (kind := self.kinds.get(name)) is not None else name
            for at, name in enumerate(cell.names)
        ]
        text = SLOT.sub(lambda match: match[0] if match[1] is None else marked[int(match[1])], cell.shape.text)
        known = self.context.definitions.keys() | self.context.methods.keys() | set(MARKS[DEFINED]) | TEXTS
        return [
            None if words_in([node]) & known else _sample(facts_of(node, self.standing), len(cell.names))
            for node in ast.parse(text).body
        ]


def _sample(facts: Facts, count: int) -> Sample | None:
    """Return facts as a sample, None where names are more than names in them."""
    if (
        facts.definitions
        or facts.magics
        or any(not isinstance(item, str) for flow in facts.flows.values() for item in flow.carries)
    ):
        return None
    literals: dict[str, int] = {}

    def numbers(texts: Any) -> list[int]:
        return [
            word if isinstance(word, int) else literals.setdefault(word, count + len(literals))
            for word in words_of(texts)
        ]

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
    return Sample(known, tuple(literals), named)


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
