"""Cells that differ by names and numbers alone: what the text of one tells, the others tell in their names."""

from __future__ import annotations

import ast
import hashlib
import keyword
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from nbprod.analysis import normal
from nbprod.analysis.expressions import BUILTINS
from nbprod.analysis.memory import CELLS, Kept
from nbprod.analysis.replays import CONSTRUCTORS, kind_by_text
from nbprod.analysis.sketches import MAKES_CLASSES, SIMPLE_CALLS, Sketch, Value, sketch_of

Word = int | str
Pattern = tuple[str, list[int]]
Tree = Callable[[str], list[ast.stmt]]
# Texts, names, numbers and comments, in this order; what is between them stands for itself.
_PARTS = re.compile(
    r"""([A-Za-z]{0,2}(?:'[^'\n]*'|"[^"\n]*")|[A-Za-z_]\w*|\.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\#[^\n]*)"""
)
_FIELD = re.compile(r"\{([A-Za-z_]\w*)((?:![rsa])?(?::[^{}]*)?)\}")
# Signs of texts that are more than one line, and of names like those below.
_SIGNS = ("\\", '"""', "'''", "\r", "\f", "__nb", "9090909")
# Words that bind or look up names in ways of their own.
_OTHERWISE = frozenset(
    {"import", "global", "nonlocal", "class", "match", "case", "type", "get_ipython"}
    | {"eval", "exec", "globals", "locals", "vars", "query"}
)
_FUNCTIONS = re.compile(r"\b(def|lambda)\b")
# Words that say something by themselves; they stay as they are.
_WORDS = frozenset({*keyword.kwlist, *keyword.softkwlist, *BUILTINS, *CONSTRUCTORS, *MAKES_CLASSES, *SIMPLE_CALLS})
MOST = 64
LONGEST = 100
NAMES = [f"__nb{number}__" for number in range(MOST)]
NUMBERS = [f"9090909{number:03}" for number in range(MOST)]
SLOT = re.compile(r"__nb(\d+)[a-z]?__|9090909(\d{3})")


@dataclass(slots=True)
class Model:
    """What a statement of a shape tells by its text; names are numbers of those of the cell, or stand for themselves.

    `digested` is what its digest is taken of: a text with places for words, and which of the cell's words these are.
    """

    sketch: Sketch
    digested: Pattern
    bound: list[Word]
    values: list[tuple[Word, list[Word] | None, Value | None]]
    named: list[Word]
    definition: Word | None
    alias: tuple[Word, Pattern] | None


@dataclass(slots=True, eq=False)
class Shape:
    """A cell's text with `NAMES` and `NUMBERS` in place of its own."""

    text: str
    tree: Tree
    models: list[Model] | None = None


class Instance(Sequence[ast.stmt]):
    """The statements of a cell of a shape, with names and numbers of its own; trees are made when somebody asks."""

    def __init__(self, shape: Shape, text: str, names: tuple[str, ...], numbers: tuple[str, ...]) -> None:
        self.shape = shape
        self.text = text
        self.names = names
        self.words = names + numbers
        self.sketches = [self._sketch(model, at) for at, model in enumerate(shape.models or ())]
        self._nodes: list[ast.stmt] = []

    def __len__(self) -> int:
        return len(self.sketches)

    @overload
    def __getitem__(self, index: int) -> ast.stmt: ...
    @overload
    def __getitem__(self, index: slice) -> list[ast.stmt]: ...
    def __getitem__(self, index: int | slice) -> ast.stmt | list[ast.stmt]:
        return self.nodes[index]

    def __iter__(self) -> Iterator[ast.stmt]:
        return iter(self.nodes)

    @property
    def nodes(self) -> list[ast.stmt]:
        """The trees of the statements."""
        if not self._nodes:
            self._nodes = ast.parse(self.text).body  # as its shape is, it is in order
            for node, sketch in zip(self._nodes, self.sketches, strict=True):
                node.sketch = sketch  # type: ignore[attr-defined]  # trees may be written on
                sketch.tree = node
        return self._nodes

    def digest(self, at: int) -> bytes:
        """Return the digest of the code of a statement."""
        assert self.shape.models is not None
        return hashlib.sha256(self.filled(self.shape.models[at].digested).encode()).digest()

    def filled(self, pattern: Pattern) -> str:
        """Return a text with the cell's own names and numbers."""
        words = self.words
        return pattern[0] % tuple([words[place] for place in pattern[1]])

    def _sketch(self, model: Model, at: int) -> Sketch:
        names, like = self.names, model.sketch
        bound = {names[word] if type(word) is int else str(word) for word in model.bound}
        values: dict[str, Value | None] = {}
        for word, needs, value in model.values:
            if value is not None and needs:
                value = Value(frozenset([self.word(item) for item in needs]), value.flat, value.nested)
            values[names[word] if type(word) is int else str(word)] = value
        sketch = Sketch(
            like.type, like.first, like.last, bound, values, like.imports, None, like.methods, like.global_names
        )
        sketch.named = bound if like.named is like.bound else {self.word(word) for word in model.named}
        sketch.definition = None if model.definition is None else self.word(model.definition)
        sketch.alias = model.alias and (self.word(model.alias[0]), self.filled(model.alias[1]))
        sketch.kind, sketch.instance, sketch.at = like.kind, self, at
        return sketch

    def word(self, word: Word) -> str:
        """Return the cell's own name, or a word that stands for itself."""
        return self.names[word] if isinstance(word, int) else word


_SHAPES: Kept[str, Shape] = Kept(CELLS)


def forget() -> None:
    """Forget all shapes."""
    _SHAPES.items.clear()


def shape_of(text: str, tree: Tree) -> Instance | None:
    """Return a cell's text as a shape that was met before, with its own names and numbers; `tree` reads Python."""
    if not text.isascii() or any(sign in text for sign in _SIGNS):
        return None
    parts = _PARTS.split(text)
    names: dict[str, int] = {}
    numbers: list[str] = []
    if not _OTHERWISE.isdisjoint(parts) or not _abstract(parts, names, numbers):
        return None
    if len(names) > MOST or len(numbers) > MOST:
        return None
    key = "".join(parts)
    shape = _SHAPES.get(key)
    if shape is None:
        _SHAPES.put(key, Shape(key, tree))
        return None
    if shape.models is None:
        shape.models = _models(shape, len(names))
    return Instance(shape, text, tuple(names), tuple(numbers)) if shape.models else None


def sketches_of(statements: Sequence[ast.stmt]) -> Sequence[Sketch]:
    """Return what statements tell by themselves."""
    return statements.sketches if isinstance(statements, Instance) else [sketch_of(node) for node in statements]


def _abstract(parts: list[str], names: dict[str, int], numbers: list[str]) -> bool:
    """Put `NAMES` and `NUMBERS` into the parts of a text, unless it is one that cannot be told from others by that."""
    last, given = "", set()
    for at in range(1, len(parts), 2):
        word, before = parts[at], parts[at - 1].strip()
        last = before[-1] if before else last
        first = word[0]
        if word in names or (word.isidentifier() and word not in _WORDS):
            if last == ".":
                pass
            elif last and last in "(," and _gives(parts, at):
                given.add(word)
            else:
                parts[at] = NAMES[min(names.setdefault(word, len(names)), MOST - 1)]
        elif first == "#":
            parts[at] = ""
            continue
        elif word.isdecimal() and (first != "0" or word == "0") and len(word) < LONGEST:
            parts[at] = NUMBERS[min(len(numbers), MOST - 1)]
            numbers.append(word)
        elif word[-1] in "'\"" and not _text(parts, at, names):
            return False
        last = "w"
    return not given or not (given & names.keys() and _FUNCTIONS.search("".join(parts)))


def _gives(parts: list[str], at: int) -> bool:
    """Whether a word names an argument: `f(word=1)`, not `a, word = 1, 2`."""
    after = parts[at + 1].lstrip()
    if after[:1] != "=" or after[:2] == "==":
        return False
    before = "".join(parts[0:at:2])
    return before.count("(") > before.count(")")


def _text(parts: list[str], at: int, names: dict[str, int]) -> bool:
    """Put `NAMES` into a text with fields, `f"{x:.2f}"`; returns False where a field is more than a name."""
    word = parts[at]
    if "f" not in word[:2].lower().rstrip("'\""):
        return True
    pieces = _FIELD.split(word)
    if any("{" in piece or "}" in piece for piece in pieces[::3]):
        return False
    for place in range(1, len(pieces), 3):
        name = pieces[place]
        if name not in _WORDS:
            name = NAMES[min(names.setdefault(name, len(names)), MOST - 1)]
        pieces[place] = "{" + name
        pieces[place + 1] += "}"
    parts[at] = "".join(pieces)
    return True


def _models(shape: Shape, count: int) -> list[Model]:
    """Return what the statements of a shape tell; nothing where names say more than which is which."""
    try:
        nodes = shape.tree(shape.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = [_model(node, count) for node in nodes]
    return [item for item in found if item is not None] if None not in found else []


def _model(node: ast.stmt, count: int) -> Model | None:
    like = sketch_of(node)
    if like.imports or like.methods or like.global_names:
        return None
    like.kind = kind_by_text(node)
    try:
        return Model(
            like,
            _pattern(normal.text_of(node), count),
            words_of(like.bound),
            [
                (words_of([name])[0], words_of(value.needs or ()) if value else None, value)
                for name, value in like.values.items()
            ],
            words_of(like.named),
            words_of([like.definition])[0] if like.definition else None,
            (words_of([like.alias[0]])[0], _pattern(like.alias[1], count)) if like.alias else None,
        )
    except ValueError:
        return None


def _pattern(text: str, count: int) -> Pattern:
    """Return a text with places for the words of a cell; its numbers come after its `count` names."""
    pieces: list[str | None] = SLOT.split(text)
    places = [
        int(name) if name is not None else count + int(number or 0)
        for name, number in zip(pieces[1::3], pieces[2::3], strict=True)
    ]
    return "%s".join((piece or "").replace("%", "%%") for piece in pieces[::3]), places


def words_of(texts: Iterable[str]) -> list[Word]:
    """Return names as their numbers, and what stands for itself; raises `ValueError` where a name is part of a text."""
    found: list[Word] = []
    for text in texts:
        match = SLOT.search(text)
        if match is not None and (match[1] is None or match[0] != text):
            raise ValueError(text)
        found.append(text if match is None else int(match[1]))
    return found
