"""Who reads whose values: edges between stages, over names, files and state, in notebook order (rules 7 to 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from nbprod.analysis.expressions import BUILTINS
from nbprod.analysis.paths import ANY, Known
from nbprod.analysis.roles import PSEUDO
from nbprod.analysis.scripts import followed
from nbprod.core.pipeline import Edge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.analysis.bits import Index
    from nbprod.analysis.notes import Statement

Kind = Literal["data", "order", "file", "state"]
# State that any statement may depend on; generators matter only to those that draw.
EVERYWHERE = {
    token: f"state:{token}"
    for token in (
        "cwd",
        "os.environ",
        "sys.path",
        "warnings",
        "locale",
        "logging",
        "pandas.options",
        "numpy.options",
        "sklearn.options",
        "matplotlib.options",
    )
}
ORDER: tuple[Kind, ...] = ("data", "file", "state", "order")


@dataclass(slots=True)
class Resource:
    """A name, file or piece of state: who wrote it since it was last surely written, who read it since then.

    One statement for each stage, the first that did so.
    """

    writers: dict[str, Statement] = field(default_factory=dict)
    readers: dict[str, Statement] = field(default_factory=dict)
    deleted: Statement | None = None


@dataclass(slots=True)
class Links:
    """What linking found out.

    Attributes
    ----------
    edges
        (source, target) → kind → names; and the statements that caused the pair first.
    reads
        Stage → names that come from other stages.
    needs
        Stage → replayed statements it needs.
    missing
        Reads of names nobody defines: (statement, name, who deleted it).
    """

    edges: dict[tuple[str, str], dict[Kind, set[str]]] = field(default_factory=dict)
    causes: dict[tuple[str, str], tuple[Statement, Statement, str]] = field(default_factory=dict)
    reads: dict[str, set[str]] = field(default_factory=dict)
    needs: dict[str, set[int]] = field(default_factory=dict)
    missing: list[tuple[Statement, str, Statement | None]] = field(default_factory=list)

    def add(self, source: Statement, target: Statement, name: str, kind: Kind) -> None:
        """Note that `target`'s stage must follow `source`'s."""
        if source.owner is None or target.owner is None or source.owner == target.owner:
            return
        pair = (source.owner, target.owner)
        self.edges.setdefault(pair, {}).setdefault(kind, set()).add(name)
        self.causes.setdefault(pair, (source, target, name))

    def as_edges(self, stages: Sequence[str]) -> tuple[Edge, ...]:
        """Return the edges between `stages`, sorted by their order."""
        place = {name: index for index, name in enumerate(stages)}
        found = []
        for (source, target), kinds in self.edges.items():
            if source in place and target in place:
                said: set[str] = set()
                for kind in ORDER:
                    names = kinds.get(kind, set()) - said
                    said |= names
                    found += [Edge(source, target, tuple(sorted(names)), kind)] if names else []
        return tuple(sorted(found, key=lambda edge: (place[edge.source], place[edge.target], ORDER.index(edge.kind))))


class Linker:
    """Walks statements in the order of execution."""

    def __init__(self, stable: dict[str, Statement], statements: Sequence[Statement], index: Index[str]) -> None:
        self.stable = stable
        self.statements = statements
        self.index = index
        self.links = Links()
        self.names: dict[str, Resource] = {}
        self.others: dict[str, Resource] = {}
        self.paths = Known()
        # the stage that met files last, and which of them: to meet them once more adds nothing
        self.filing: tuple[str, set[tuple[str, bool]]] = ("", set())
        # Names a stage was the last to touch, and by changing them: to change them once more adds nothing. It keeps the
        # work linear where many names share objects and every statement may change all of them.
        self.settled: dict[str, int] = {}
        self.holder: dict[str, str] = {}
        # Names of which a stage has read what there is, until somebody writes them: to read them again adds nothing.
        self.known: dict[str, int] = {}
        self.knowers: dict[str, list[str]] = {}
        self.replayed = index.mask(stable)
        self.kept = ~self.replayed
        # names that have a value at this point, names that need nobody to write them
        self.present = 0
        self.builtins = index.mask(BUILTINS) & ~self.replayed
        # state that was touched and that any statement may depend on
        self.around: list[tuple[str, str]] = []
        # definitions whose own statements a stage has been given
        self.carried: dict[str, int] = {}
        self.filed = 0
        self.called: dict[str, int] = {}
        for number, definition in enumerate(statements[0].definitions.items if statements else ()):
            self.called[definition.name] = self.called.get(definition.name, 0) | 1 << number
            if definition.facts.files_read or definition.facts.files_written:
                self.filed |= 1 << number
        self.star = any(item.facts.star for item in statements)
        self.followed = followed(statements)

    def run(self) -> Links:
        """Link stage cells in notebook order, then the serve, gate and test cells, which run after all stages."""
        owned = [item for item in self.statements if item.owner is not None and item.fate in ("own", "replay")]
        for statement in owned:
            if statement.owner not in PSEUDO:
                self.link(statement)
        for name in PSEUDO:
            for statement in owned:
                if statement.owner == name:
                    self.link(statement)
        self.repeats({str(item.owner) for item in owned})
        return self.links

    def link(self, statement: Statement) -> None:
        """Add the edges of one statement."""
        self.read(statement)
        if statement.write_mask:
            self.write(statement)
        if statement.effects or statement.active_mask or statement.facts.files_read or statement.facts.files_written:
            self.files(statement)
        if statement.state or statement.effects or self.around:
            self.state(statement)

    def read(self, statement: Statement) -> None:
        """Note where each name comes from that a statement touches."""
        owner = statement.owner
        assert owner is not None
        if statement.index in self.followed:
            self.need(owner, self.followed[statement.index])
        # a maybe-write is a read as well: what it does not change must come from before
        touched = statement.read_mask | statement.mutate_mask | statement.maybe_mask
        # values refer to the definitions they carry by name
        touched |= self.newly_carried(statement, owner) if statement.active_mask else 0
        touched = touched and touched & ~(self.settled.get(owner, 0) | self.known.get(owner, 0) | self.builtins)
        if not touched:
            return
        for name in sorted(self.index.unmask(touched & self.replayed)):
            self.need(owner, self.stable[name])
        self.known[owner] = self.known.get(owner, 0) | (touched & self.replayed)
        touched &= ~self.replayed
        if touched & ~self.present:
            self.absent(statement, touched & ~self.present)
        for name in sorted(self.index.unmask(touched & self.present)):
            resource = self.names[name]
            for writer in resource.writers.values():
                if writer.owner != owner:
                    self.links.reads.setdefault(owner, set()).add(name)
                    self.links.add(writer, statement, name, "data")
            resource.readers.setdefault(owner, statement)
            self.touched(name, self.index.bit(name), owner)
            self.known[owner] = self.known.get(owner, 0) | self.index.bit(name)
            self.knowers.setdefault(name, []).append(owner)

    def newly_carried(self, statement: Statement, owner: str) -> int:
        """Return the names of the replayed definitions a statement may run, as far as they are new to its stage."""
        new = statement.active_mask & ~self.carried.get(owner, 0)
        if not new:
            return 0
        self.carried[owner] = self.carried.get(owner, 0) | new
        return self.replayed & self.index.mask({item.name for item in statement.definitions.unmask(new)})

    def touched(self, name: str, bit: int, owner: str) -> None:
        """Note which stage touched a name last."""
        before = self.holder.get(name)
        if before is not None and before != owner:
            self.settled[before] &= ~bit
        self.holder[name] = owner
        self.settled.setdefault(owner, 0)

    def need(self, owner: str, definition: Statement) -> None:
        """Note that a stage needs a replayed statement of another cell, and what that one reads."""
        needs = self.links.needs.setdefault(owner, set())
        todo = [definition]
        while todo:
            item = todo.pop()
            if item.owner == owner or item.index in needs:
                continue
            needs.add(item.index)
            reads = item.read_mask & self.replayed & ~self.known.get(owner, 0)
            todo += [self.stable[name] for name in self.index.unmask(reads)]
            todo += [self.followed[item.index]] if item.index in self.followed else []

    def absent(self, statement: Statement, names: int) -> None:
        """Note names that nobody defined before; only those that are surely looked up here are missing."""
        facts = statement.facts
        surely = facts.reads.keys() - facts.guarded
        for name in facts.called:
            for definition in statement.definitions.unmask(self.called.get(name, 0) & statement.active_mask):
                surely |= definition.facts.reads.keys() - definition.facts.guarded
        own = facts.binds | statement.maybe
        for name in sorted(set(self.index.unmask(names & self.index.mask(surely) & ~self.index.mask(own)))):
            resource = self.names.get(name)
            deleted = resource.deleted if resource is not None else None
            if not self.star and name not in BUILTINS:
                self.links.missing.append((statement, name, deleted))

    def write(self, statement: Statement) -> None:
        """Note what a statement writes; a sure write makes earlier ones unreachable."""
        facts, owner = statement.facts, str(statement.owner)
        written = statement.maybe_mask | statement.mutate_mask
        written = written and written & ~self.settled.get(owner, 0)
        written = (written | statement.bound_mask) & self.kept
        self.builtins &= ~written
        for name in sorted(self.index.unmask(written)):
            bit = self.index.masks[name]
            if name not in self.names and name in facts.binds and name not in facts.deletes:  # as most are: the first
                self.names[name], self.holder[name] = Resource({owner: statement}), owner
                self.settled[owner] = self.settled.get(owner, 0) | bit
                self.present |= bit
                continue
            self.touched(name, bit, owner)
            for knower in self.knowers.pop(name, ()):
                self.known[knower] &= ~bit
            resource = self.names.setdefault(name, Resource())
            for before in (*resource.readers.values(), *resource.writers.values()):
                self.links.add(before, statement, name, "order")
            if name in facts.deletes:
                self.names[name] = Resource({}, {owner: statement}, statement)
            elif name in facts.binds:
                self.names[name] = Resource({owner: statement})
            else:
                resource.writers.setdefault(owner, statement)
            if name in facts.deletes:
                self.settled[owner] &= ~bit
                self.present &= ~bit
            else:
                self.settled[owner] |= bit
                self.present |= bit

    def files(self, statement: Statement) -> None:
        """Add the edges over files; what other programs do may be to any file."""
        code = statement.definitions.unmask(statement.active_mask & self.filed)
        facts = [statement.facts, *(definition.facts for definition in code)]
        read = {path for item in facts for path in item.files_read}
        written = {path for item in facts for path in item.files_written}
        if not statement.effects.get("process", "multiprocessing").startswith("multiprocessing"):
            read.add(ANY)
            written.add(ANY)
        if self.filing[0] != statement.owner:
            self.filing = str(statement.owner), set()
        met = {(path, False) for path in read} | {(path, True) for path in written}
        for path, writes in sorted(met - self.filing[1]):
            self.file(path, statement, writes=writes)
        self.filing[1].update(met)

    def file(self, path: str, statement: Statement, *, writes: bool) -> None:
        """Add the edges over one file, and those over others that may be the same or be in it."""
        for like in self.paths.like(path):
            name = "file:" + (like if ANY in path else path)
            resource = self.others["file:" + like]
            for writer in resource.writers.values():
                self.links.add(writer, statement, name, "order" if writes else "file")
            for reader in resource.readers.values() if writes else ():
                self.links.add(reader, statement, name, "order")
        self.paths.add(path)
        self.other("file:" + path, statement, "file", writes=writes)

    def state(self, statement: Statement) -> None:
        """Add the edges over state outside variables."""
        for token in statement.state:
            self.other("state:" + token, statement, "state", writes=True)
        if statement.fate == "own" and {"database", "database-write"} & set(statement.effects):
            self.other("state:database", statement, "order", writes="database-write" in statement.effects)
        for token, name in self.around:
            if token not in statement.state:
                self.other(name, statement, "state", writes=False)

    def other(self, name: str, statement: Statement, kind: Kind, *, writes: bool) -> None:
        """Add the edges for one file or piece of state."""
        if name not in self.others:
            self.others[name] = Resource()
            self.around = [item for item in EVERYWHERE.items() if item[1] in self.others]
        resource, owner = self.others[name], str(statement.owner)
        for writer in resource.writers.values():
            self.links.add(writer, statement, name, kind)
        if not writes:
            resource.readers.setdefault(owner, statement)
            return
        for reader in resource.readers.values():
            self.links.add(reader, statement, name, kind if kind == "state" else "order")
        if name.startswith("file:") and ANY in name:
            resource.writers.setdefault(owner, statement)
        else:
            self.others[name] = Resource({owner: statement})

    def repeats(self, owners: Iterable[str]) -> None:
        """Note what the option-setting statements read, for every stage."""
        for statement in self.statements:
            mask = statement.read_mask & self.replayed if statement.fate == "repeat" else 0
            for name in self.index.unmask(mask):
                for owner in sorted(owners):
                    self.need(owner, self.stable[name])
