"""Cells as Python: the text is kept byte for byte, IPython's own transformer is asked only where a cell needs it."""

from __future__ import annotations

import ast
import hashlib
import keyword
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.analysis import knowledge
from nbprod.analysis.dynamics import seen_through
from nbprod.analysis.memory import CELLS, Kept, Memory, texts
from nbprod.analysis.shapes import shape_of
from nbprod.core.pipeline import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.core.notebook import Cell

_CELL_MAGIC = re.compile(r"\s*%%(\S+)[ \t]*(.*)")
_NEEDS_IPYTHON = re.compile(r"^\s*[%!?/,;]|\?\s*$|=\s*[!%]", re.MULTILINE)
_OPTIONS = re.compile(r"(^|\s)-([nrp]\s*\d+|[tcqov]+)(?=\s|$)")
_ENDS = re.compile(r"\r\n?|\n")
_MISPLACED = re.compile(
    r"\b(return|break|continue|yield|await|async|nonlocal|global|lambda|def|class|del|import\s*\*|from\s+__future__|__debug__)\b"
    r"|:=|(^|\r|[^\w\s)\]}'\"*]|\b(in|as)\b)[^\S\n]*\*|\bfor\b.*\bfor\b|\bcase\b|\bexcept\b",
    re.MULTILINE,  # a `*` after a name, number, text or bracket multiplies
)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True, slots=True)
class Magic:
    """A magic that is not Python: its name, the rest of its line, the line, whether it takes the whole cell."""

    name: str
    arguments: str
    line: int
    cell: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a cell's body, how many of the source are dropped there, and which statements share a line.

    `crowded` are those (`id()` of the sketch) that stand on a line with another one: `a = 1; b = 2`.
    """

    lines: list[str]
    dropped: int
    crowded: set[int]


@dataclass(slots=True)
class Parsed:
    """A code cell as Python statements.

    `offset` is what must be added to a statement's line to get the line in the author's cell. `lines` are those of
    `Cell.body` from which steps are cut; line 1 of the tree is `lines[cut]`. A `whole` cell cannot be cut.

    What a `%run` line runs has the cell of that line as `top`, its notebook as `home`, its number as `line` and its
    words as `argv`; it is `isolated` where its names are its own. `refused` says why a line is not followed.
    """

    cell: Cell
    notebook: str
    statements: Sequence[ast.stmt] = ()
    offset: int = 0
    whole: bool = False
    magic: Magic | None = None
    problems: list[Diagnostic] = field(default_factory=list)
    order: int = 0
    top: Cell | None = None
    home: str = ""
    line: int = 0
    argv: tuple[str, ...] = ()
    isolated: bool = False
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    layout: Layout | None = None

    @property
    def place(self) -> tuple[str, Cell]:
        """The notebook that was given, and its cell: this one, or the one that runs it."""
        return self.home or self.notebook, self.top or self.cell


_KEPT: Kept[tuple[str, str, int], tuple[Sequence[ast.stmt], int, bool, Magic | None, Memory]] = Kept(CELLS)


def parse(cell: Cell, notebook: str) -> Parsed:
    """Return the cell as statements, its magics as calls of `get_ipython()`; what is wrong is in `problems`."""
    key = (cell.source, cell.body, cell.number if "timeit" in cell.body else 0)
    known = _KEPT.get(key)
    if known is not None:
        statements, offset, whole, magic, memory = known
        return Parsed(cell, notebook, statements, offset, whole, magic, memory=memory)
    parsed = _parse(cell, notebook)
    if not parsed.problems:
        _KEPT.put(key, (parsed.statements, parsed.offset, parsed.whole, parsed.magic, parsed.memory))
    return parsed


def _parse(cell: Cell, notebook: str) -> Parsed:
    dropped = cell.source.count("\n") - cell.body.count("\n")
    parsed = Parsed(cell, notebook, offset=dropped)
    match = _CELL_MAGIC.match(cell.body)
    if match:
        _cell_magic(parsed, match)
    else:
        _python(parsed, cell.body)
    return parsed


def _cell_magic(parsed: Parsed, match: re.Match[str]) -> None:
    name, arguments = match[1], match[2].strip()
    head = parsed.cell.body[: match.end()].count("\n") + 1
    magic = Magic(name, arguments, head + parsed.offset, cell=True)
    parsed.whole, parsed.magic = True, magic
    lists = knowledge.sets("magics")
    if name in lists["cell_python"]:
        inner = parsed.cell.body[match.end() :].removeprefix("\n")
        parsed.offset += head
        _python(parsed, inner)
        _wrapped(parsed, magic)
    elif any(name in lists[kind] for kind in ("cell_show", "cell_shell", "cell_write")):
        parsed.offset += head - 1
        call = f"get_ipython().run_cell_magic({name!r}, {arguments!r}, '')"  # as IPython's transformer has it
        parsed.statements = ast.parse(call).body
    else:
        parsed.problems.append(unknown_magic(parsed, f"%%{name}", magic.line))


def unknown_magic(parsed: Parsed, name: str, line: int) -> Diagnostic:
    """Return the diagnostic for a magic that nothing is known of."""
    return Diagnostic(
        "NB111",
        "error",
        f"nothing is known of the magic {name}, so what it reads and changes cannot be told",
        parsed.notebook,
        parsed.cell.number or None,
        parsed.cell.id,
        line,
        fix="write it in Python, or tag the cell skip",
    )


def _wrapped(parsed: Parsed, magic: Magic) -> None:
    """`%%timeit` runs its cell inside a function; `%%capture out` binds a name besides."""
    if magic.name == "timeit" and parsed.statements:
        name = f"timeit_{parsed.cell.number}"
        function, call = ast.parse(f"def {name}(): pass\n{name}()").body
        assert isinstance(function, ast.FunctionDef)
        function.body = [*_set_up(magic.arguments), *parsed.statements]
        parsed.statements = [function, call]
    names = [word for word in magic.arguments.split() if not word.startswith("-")]
    if magic.name == "capture" and names and names[0].isidentifier() and not keyword.iskeyword(names[0]):
        after = ast.parse(f"{names[0]} = object()").body  # once the cell is done
        parsed.statements = [*parsed.statements, *after]


def _set_up(arguments: str) -> list[ast.stmt]:
    """Return what `%%timeit` runs before its cell: the rest of its line."""
    try:
        return ast.parse(_OPTIONS.sub("", arguments).strip()).body
    except UNREADABLE:
        return []


def _python(parsed: Parsed, text: str) -> None:
    known = shape_of(text, _tree)
    if known is not None:
        parsed.statements = known
        return
    try:
        parsed.statements = seen_through(text, _tree(text))
    except UNREADABLE as error:
        _with_magics(parsed, text, error)


def _with_magics(parsed: Parsed, text: str, wrong: Exception) -> None:
    try:
        transformed, skipped = _transformed(text)  # besides magics it knows indented cells and pasted prompts
        parsed.statements = seen_through(transformed, _tree(transformed))
    except UNREADABLE as error:
        wrong = error if _NEEDS_IPYTHON.search(text) else wrong
    else:
        parsed.offset += skipped
        return
    parsed.problems.append(_syntax_error(parsed, wrong))


def lines_of(text: str) -> list[str]:
    """Return lines as Python counts them."""
    return _ENDS.split(text)


def _tree(text: str) -> list[ast.stmt]:
    tree = compile(text, "<cell>", "exec", ast.PyCF_ONLY_AST | _FLAGS, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    if _MISPLACED.search(text):
        lines = lines_of(text)
        for node in tree.body:  # one by one, as IPython does: it takes a `from __future__` anywhere
            own = lines[node.lineno - 1 : node.end_lineno] if len(lines) > 1 else lines
            if hasattr(node, "body") or _MISPLACED.search("\n".join(own)):
                # tells a `return` outside a function
                compile(ast.Module([node], []), "<cell>", "exec", _FLAGS, dont_inherit=True)
    return tree.body


def _transformed(text: str) -> tuple[str, int]:
    """Return the cell as IPython rewrites it, and how many blank lines it took off the top."""
    skipped = 0
    for line in text.splitlines():
        if line.strip():
            break
        skipped += 1
    kept = texts.get()
    if kept is None:
        return _rewritten(text), skipped
    key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    known = kept.get(key)
    if known is None:
        known = kept[key] = _rewritten(text)
    return known, skipped


def _rewritten(text: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    manager: Any = TransformerManager()
    return str(manager.transform_cell(text))


def _syntax_error(parsed: Parsed, error: Exception) -> Diagnostic:
    line = (getattr(error, "lineno", None) or 1) + parsed.offset
    column = (getattr(error, "offset", None) or 1) - 1
    what = getattr(error, "msg", None) or str(error)
    cell = parsed.cell
    return Diagnostic(
        "NB110",
        "error",
        f"this is not Python: {what}",
        parsed.notebook,
        cell.number or None,
        cell.id,
        line,
        max(column, 0),
        fix="mend the cell, or tag it skip",
    )
