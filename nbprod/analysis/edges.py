"""Who reads whose values: edges between stages, over names, files and state, in notebook order (rules 7 to 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from nbprod.analysis.expressions import BUILTINS
from nbprod.analysis.roles import PSEUDO
from nbprod.core.pipeline import Edge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.analysis.notes import Statement

Kind = Literal["data", "order", "file", "state"]
# State that any statement may depend on; generators matter only to those that draw.
EVERYWHERE = (
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

    def __init__(self, stable: dict[str, Statement], statements: Sequence[Statement]) -> None:
        self.stable = stable
        self.statements = statements
        self.links = Links()
        self.names: dict[str, Resource] = {}
        self.others: dict[str, Resource] = {}
        # Names a stage was the last to touch, and by changing them: to change them once more adds nothing. It keeps the
        # work linear where many names share objects and every statement may change all of them.
        self.settled: dict[str, set[str]] = {}
        self.holder: dict[str, str] = {}
        self.star = any(item.facts.star for item in statements)

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
        self.write(statement)
        self.files(statement)
        self.state(statement)

    def read(self, statement: Statement) -> None:
        """Note where each name comes from that a statement touches."""
        owner = statement.owner
        assert owner is not None
        # a maybe-write is a read as well: what it does not change must come from before
        touched = set(statement.reads) | statement.mutates | statement.maybe
        # values refer to the definitions they carry by name
        touched |= {item.name for item in statement.active if item.name in self.stable}
        for name in sorted(touched - self.settled.get(owner, set())):
            definition = self.stable.get(name)
            if definition is not None:
                self.need(owner, definition)
                continue
            resource = self.names.get(name)
            if resource is None or not resource.writers:
                self.absent(statement, name, resource)
                continue
            for writer in resource.writers.values():
                if writer.owner != owner:
                    self.links.reads.setdefault(owner, set()).add(name)
                    self.links.add(writer, statement, name, "data")
            resource.readers.setdefault(owner, statement)
            self.touched(name, owner)

    def touched(self, name: str, owner: str) -> None:
        """Note which stage touched a name last."""
        before = self.holder.get(name)
        if before is not None and before != owner:
            self.settled[before].discard(name)
        self.holder[name] = owner
        self.settled.setdefault(owner, set())

    def need(self, owner: str, definition: Statement) -> None:
        """Note that a stage needs a replayed statement of another cell, and what that one reads."""
        needs = self.links.needs.setdefault(owner, set())
        if definition.owner == owner or definition.index in needs:
            return
        needs.add(definition.index)
        for name in definition.reads:
            before = self.stable.get(name)
            if before is not None and before is not definition:
                self.need(owner, before)

    def absent(self, statement: Statement, name: str, resource: Resource | None) -> None:
        """Note a name that nobody defined before; only one that is surely looked up here is missing."""
        deleted = resource.deleted if resource is not None else None
        surely = name in statement.facts.reads and name not in statement.facts.guarded
        called = any(
            name in definition.facts.reads
            and name not in definition.facts.guarded
            and definition.name in statement.facts.called
            for definition in statement.active
        )
        own = name in statement.facts.binds | statement.maybe
        if (surely or called) and not own and not self.star and (deleted is not None or name not in BUILTINS):
            self.links.missing.append((statement, name, deleted))

    def write(self, statement: Statement) -> None:
        """Note what a statement writes; a sure write makes earlier ones unreachable."""
        facts, owner = statement.facts, str(statement.owner)
        sure = facts.binds | facts.deletes
        for name in sorted(sure | ((statement.maybe | statement.mutates) - self.settled.get(owner, set()))):
            if name in self.stable:
                continue
            self.touched(name, owner)
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
                self.settled[owner].discard(name)
            else:
                self.settled[owner].add(name)

    def files(self, statement: Statement) -> None:
        """Add the edges over files; a path that is not literal may be any file."""
        facts = [statement.facts, *(definition.facts for definition in statement.active)]
        read = {path for item in facts for path in item.files_read}
        written = {path for item in facts for path in item.files_written}
        reads_unknown = "file-read" in statement.effects and not read
        for path in sorted(read):
            self.other("file:" + path, statement, "file", writes=False)
        for path in sorted(written - {"?"}):
            self.other("file:" + path, statement, "file", writes=True)
        if read or reads_unknown:
            self.other("file:?", statement, "file", writes=False)
        if "?" in written:
            self.other("file:?", statement, "file", writes=True)

    def state(self, statement: Statement) -> None:
        """Add the edges over state outside variables."""
        for token in statement.state:
            self.other("state:" + token, statement, "state", writes=True)
        if statement.fate == "own" and {"database", "database-write"} & set(statement.effects):
            self.other("state:database", statement, "order", writes="database-write" in statement.effects)
        for token in EVERYWHERE:
            if token not in statement.state and f"state:{token}" in self.others:
                self.other("state:" + token, statement, "state", writes=False)

    def other(self, name: str, statement: Statement, kind: Kind, *, writes: bool) -> None:
        """Add the edges for one file or piece of state."""
        resource, owner = self.others.setdefault(name, Resource()), str(statement.owner)
        for writer in resource.writers.values():
            self.links.add(writer, statement, name, kind)
        if not writes:
            resource.readers.setdefault(owner, statement)
            return
        for reader in resource.readers.values():
            self.links.add(reader, statement, name, kind if kind == "state" else "order")
        if name == "file:?":
            resource.writers.setdefault(owner, statement)
        else:
            self.others[name] = Resource({owner: statement})

    def repeats(self, owners: Iterable[str]) -> None:
        """Note what the option-setting statements read, for every stage."""
        for statement in self.statements:
            for name in statement.reads if statement.fate == "repeat" else ():
                if name in self.stable:
                    for owner in sorted(owners):
                        self.need(owner, self.stable[name])
