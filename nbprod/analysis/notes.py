"""Statements of a notebook in order, with all that was found out about each."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from nbprod.analysis import depth
from nbprod.analysis.aliases import resolve
from nbprod.analysis.bits import Bits, Index, Lines
from nbprod.analysis.classes import RETYPES
from nbprod.analysis.context import context_of
from nbprod.analysis.dynamics import at_names, words_in
from nbprod.analysis.inlining import expand
from nbprod.analysis.memory import Seen, view
from nbprod.analysis.samples import Samples
from nbprod.analysis.shapes import Instance, sketches_of
from nbprod.analysis.statements import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from nbprod.analysis.cells import Parsed
    from nbprod.analysis.context import Context
    from nbprod.analysis.facts import Definition, Facts
    from nbprod.analysis.sketches import Sketch
    from nbprod.core.notebook import Cell, Notebook
    from nbprod.core.pipeline import Step

Fate = Literal["own", "replay", "repeat", "left-out"]


@dataclass(slots=True, eq=False)
class Statement:
    """One top-level statement and its place.

    Attributes
    ----------
    facts
        What it does by itself.
    reads, mutates, maybe
        The same with what the code does that it may run: functions it mentions, and what those mention. They are kept
        as masks of `names`, as those of chains of functions and of names that share objects are long.
    effects, state
        Likewise.
    active
        The definitions it may run.
    bound_mask, write_mask
        Names it binds or deletes by itself; those and all it may bind or change.
    step
        The step that replays it, once it was made.
    cell, role
        The cell it stands in, and the role its author gave that.
    fate
        `own`: runs once, in `owner`. `replay`: in every stage that needs it. `repeat`: in every stage after it.
        `left-out`: nowhere.
    """

    index: int
    parsed: Parsed
    facts: Facts
    first: int
    last: int
    sketch: Sketch
    names: Index[str]
    definitions: Index[Definition] = field(default_factory=Index)
    read_mask: int = 0
    mutate_mask: int = 0
    maybe_mask: int = 0
    active_mask: int = 0
    bound_mask: int = 0
    write_mask: int = 0
    effects: Mapping[str, str] = field(init=False)
    state: Mapping[str, str] = field(init=False)
    patches: Mapping[str, int] = field(init=False)
    seeds: AbstractSet[str] = frozenset()
    uncommitted: AbstractSet[str] = frozenset()
    committed: AbstractSet[str] = frozenset()
    fate: Fate = "own"
    owner: str | None = None
    step: Step | None = None
    cell: Cell = field(init=False)
    role: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.cell = self.parsed.cell
        self.role = self.cell.tag.role if self.cell.tag else None

    @property
    def node(self) -> ast.stmt:
        """Its tree."""
        return self.sketch.node

    @property
    def type(self) -> type[ast.stmt]:
        """The class of its tree."""
        return self.sketch.type

    @property
    def reads(self) -> Lines:
        """Names it reads, with the line; for what the code reads that it runs, its own first line."""
        return Lines(Bits(self.names, self.read_mask), self.facts.reads, self.first + self.parsed.offset)

    @property
    def mutates(self) -> Bits[str]:
        """Names whose object it may change."""
        return Bits(self.names, self.mutate_mask)

    @property
    def maybe(self) -> Bits[str]:
        """Names it may bind."""
        return Bits(self.names, self.maybe_mask)

    @property
    def active(self) -> Bits[Definition]:
        """The definitions it may run."""
        return Bits(self.definitions, self.active_mask)

    @property
    def writes(self) -> Bits[str]:
        """Names it binds, deletes or may change."""
        return Bits(self.names, self.write_mask)


def notes_of(notebooks: Sequence[Notebook], *, shallow: bool = False) -> tuple[list[Parsed], list[Statement], Context]:
    """Return all code cells but skipped ones as parsed, their statements with the facts of each, and what all know."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes and the like: the notebook's own run shows them
        parsed = expand(notebooks)
    if shallow:
        depth.leave_out(parsed)
    context = context_of([sketch for item in parsed for sketch in sketches_of(item.statements)])
    if any(".query(" in item.cell.body or ".eval(" in item.cell.body for item in parsed):
        context.at_names = at_names(_having(parsed, "@")) & context.bound
    context.retypes = any(RETYPES.search(item.cell.body) for item in parsed)
    if context.frames_as_tables:
        context.at_names |= words_in(_having(parsed, "from"), "from") & context.bound
    while True:
        statements = _statements(parsed, context)
        resolve(statements, context)
        # what was taken for a literal that nothing changes, and is changed after all, is looked at again without that
        mutated = 0
        for statement in statements:
            mutated |= statement.mutate_mask
        changed = context.flat & set(context.names.unmask(mutated))
        if not changed:
            return parsed, statements, context
        context.flat -= changed
        context.forget()


def _statements(parsed: Sequence[Parsed], context: Context) -> list[Statement]:
    statements: list[Statement] = []
    samples = Samples(context)
    for item in parsed:
        nodes = item.statements or ([_placeholder()] if item.magic else [])
        for sketch, facts in zip(sketches_of(nodes), _facts(item, nodes, context, samples), strict=True):
            statements.append(Statement(len(statements), item, facts, sketch.first, sketch.last, sketch, context.names))
    return statements


def _having(parsed: Sequence[Parsed], text: str) -> Iterator[ast.stmt]:
    """Yield the statements of cells, but of those whose text surely does not hold another."""
    for item in parsed:
        if not isinstance(item.statements, Instance) or text in item.statements.text.lower():
            yield from item.statements


def _facts(item: Parsed, nodes: Sequence[ast.stmt], context: Context, samples: Samples) -> Sequence[Facts]:
    """Return what each statement of a cell does, from memory where nothing they can ask for has changed."""
    cell = item.statements
    told = samples.facts(cell, item.offset) if isinstance(cell, Instance) else [None] * len(nodes)
    if None not in told:
        return [facts for facts in told if facts is not None]
    nodes, memory = list(nodes), item.memory
    words = memory.words_of(item.cell.body, nodes)
    before = view(context, words)
    known = memory.recall(nodes, item.offset, before, context)
    if known:
        return known
    context.enumerated = False
    facts = [known or facts_of(node, context, item.offset) for node, known in zip(nodes, told, strict=True)]
    if not context.enumerated:
        memory.note(Seen(nodes, item.offset, before, view(context, words), facts))
    return facts


def _placeholder() -> ast.stmt:
    return ast.Pass(lineno=1, col_offset=0, end_lineno=1, end_col_offset=4)
