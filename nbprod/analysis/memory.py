"""What was found out of cells stays in memory by their text, for those who look at a notebook again and again."""

from __future__ import annotations

import ast
import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from nbprod.analysis.context import Context
    from nbprod.analysis.facts import Definition, Facts


class Texts(Protocol):
    """Texts by the digest of others."""

    def get(self, digest: str) -> str | None:
        """Return a text, None where it is not known."""

    def __setitem__(self, digest: str, text: str) -> None:
        """Keep a text."""


K = TypeVar("K", bound="Hashable")
V = TypeVar("V")
CELLS = 5000
WORD = re.compile(r"\w+")
# Where a text in quotes may be read as code or as a name, the tree tells the words, not the text of the cell.
QUOTED = re.compile(r"eval|exec|globals|locals|vars|format|query|attr|ipython|[%!?\\]")

# Texts as IPython rewrites them, by digest; whoever starts the analysis may give some that outlive the process.
texts: ContextVar[Texts | None] = ContextVar("texts", default=None)


class Kept(Generic[K, V]):
    """The last things found out, up to a number; of too many the older half goes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.items: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return what is kept under a key."""
        return self.items.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep something."""
        if len(self.items) >= self.limit:
            self.items = dict(list(self.items.items())[self.limit // 2 + 1 :])
        self.items[key] = value
        return value


TEXTS = frozenset(
    {"query", "eval", "sql", "execute", "executemany", "executescript", "from_query", "create_view", "duckdb"}
)
"""What may take a text that names variables."""


@dataclass(slots=True)
class View:
    """What a cell's words mean in a notebook: all of the context that its statements can ask for."""

    meanings: dict[str, tuple[str | bool | None, ...]]
    definitions: dict[str, Definition | None]
    methods: dict[str, list[Definition | None]]
    at_names: set[str]


@dataclass(slots=True)
class Seen:
    """What the statements of a cell did in a notebook, and what its words meant before and after."""

    statements: Sequence[ast.stmt]
    offset: int
    before: View
    after: View
    facts: Sequence[Facts]


class Memory:
    """What is known of all cells of one text: their words, and what they did where they were last looked at."""

    __slots__ = ("seen", "words")

    def __init__(self) -> None:
        self.words: tuple[Sequence[ast.stmt], frozenset[str]] = ((), frozenset())
        self.seen: list[Seen] = []

    def recall(self, statements: Sequence[ast.stmt], offset: int, view: View, context: Context) -> Sequence[Facts]:
        """Return what statements do, if all they can ask for is as it was; what they define is noted in `context`."""
        for seen in self.seen:
            if seen.offset == offset and seen.statements == statements and seen.before == view:
                context.definitions.update(seen.after.definitions)
                context.methods.update((name, list(known)) for name, known in seen.after.methods.items())
                return seen.facts
        return ()

    def note(self, seen: Seen) -> None:
        """Keep what the statements did; an analysis may look at them twice."""
        self.seen = [seen, *self.seen[:1]]

    def words_of(self, text: str, statements: Sequence[ast.stmt]) -> frozenset[str]:
        """Return all words that may be names in a cell."""
        if self.words[0] != statements or not statements:
            plain = text.isascii() and not QUOTED.search(text)
            self.words = list(statements), frozenset(WORD.findall(text)) if plain else words_in(statements)
        return self.words[1]


def view(context: Context, words: frozenset[str]) -> View:
    """Return what words mean; every field of the context has its part in it."""
    meanings: dict[str, tuple[str | bool | None, ...]] = {
        "": (context.lazy, "__get__" in context.methods, context.frames_as_tables, context.retypes)
    }
    definitions = {}
    for name in words & context.bound:
        if name in context.definitions:
            definitions[name] = context.definitions[name]
        unchanging = (
            name in context.immutable,
            name in context.flat,
            name in context.nested,
            name in context.global_names,
        )
        meanings[name] = (context.imports.get(name), *unchanging)
    methods = {name: list(context.methods[name]) for name in words & context.methods.keys()}
    return View(meanings, definitions, methods, context.at_names if words & TEXTS else set())


def words_in(statements: Sequence[ast.stmt]) -> frozenset[str]:
    """Return all identifiers of a tree, and the words of its texts."""
    found: set[str] = set()
    for statement in statements:
        for node in ast.walk(statement):
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, str):
                    found.update(WORD.findall(value))
                elif isinstance(value, list):
                    found.update(word for item in value if isinstance(item, str) for word in WORD.findall(item))
    return frozenset(found)
