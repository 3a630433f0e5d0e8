"""Why a value is not the same twice: what is drawn, read or ordered by chance, followed through the notebook's text."""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CLOCK = "clock"
SEEDS = re.compile(r"(np\.random|numpy\.random|random|torch)\.(seed|manual_seed)|seed_everything|set_seed")


@dataclass(frozen=True, slots=True)
class Kind:
    """A source of chance: how its calls look, what to say of it, what to do. `unless` is a keyword that settles it."""

    name: str
    calls: re.Pattern[str]
    words: str
    fix: str
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where chance comes from: a kind, the cell and line, the call."""

    kind: Kind
    notebook: str
    cell: int
    line: int
    call: str

    @property
    def cause(self) -> str:
        """One sentence."""
        return f"cell {self.cell} line {self.line}: {self.kind.words.format(self.call)}"

    @property
    def fix(self) -> str:
        """What to do."""
        return self.kind.fix.format(self.call)


@functools.cache
def kinds() -> tuple[Kind, ...]:
    """Return the sources of chance that `chance.toml` tells of."""
    import tomllib

    data = tomllib.loads(Path(__file__).with_name("chance.toml").read_text(encoding="utf-8"))
    return tuple(
        Kind(item["name"], re.compile("|".join(item["calls"])), item["words"], item["fix"], item.get("unless", ""))
        for item in data["kinds"]
    )


ORDER = Kind("order", re.compile(r"(?!)"), "{} is taken apart; the order of a set is chance", "sort it: sorted({})")


@dataclass(frozen=True, slots=True)
class Text:
    """A cell as `causes` reads it."""

    notebook: str
    cell: int
    source: str


class Causes:
    """What of a notebook's text depends on chance; statement by statement, in the order of the text.

    Parameters
    ----------
    texts
        The code cells in order.
    """

    def __init__(self, texts: Iterable[Text]) -> None:
        self._names: dict[str, list[Source]] = {}
        self._cells: dict[tuple[str, int], list[Source]] = {}
        self._modules: set[str] = set()
        self._seeded = False
        for text in texts:
            for node in _statements(text.source):
                self._statement(node, text)

    def of_name(self, name: str, cell: int | None = None) -> list[Source]:
        """Return the sources a name depends on, those of `cell` first."""
        found = [source for part in name.split(", ") for source in self._names.get(part, [])]
        return _ranked(found, cell)

    def of_cell(self, notebook: str, cell: int) -> list[Source]:
        """Return the sources that what a cell shows may depend on, its own first."""
        return _ranked(self._cells.get((notebook, cell), []), cell)

    def _statement(self, node: ast.stmt, text: Text) -> None:
        sources = [Source(kind, text.notebook, text.cell, line, call) for kind, line, call in self._chances(node)]
        for name in sorted(_read(node)):
            sources += self._names.get(name, [])
        known = list(dict.fromkeys(sources))
        bound, changed = _written(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._modules |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        changed -= self._modules
        for name in bound - changed:
            self._names[name] = list(known)
        for name in changed:
            self._names[name] = list(dict.fromkeys([*self._names.get(name, []), *known]))
        kept = self._cells.setdefault((text.notebook, text.cell), [])
        kept += [source for source in known if source not in kept]

    def _chances(self, node: ast.stmt) -> Iterator[tuple[Kind, int, str]]:
        for call in (item for item in ast.walk(node) if isinstance(item, ast.Call)):
            name = ast.unparse(call.func) if isinstance(call.func, ast.Name | ast.Attribute) else ""
            if re.fullmatch(
                r"(?:np\.random|numpy\.random|random|torch)\.(?:seed|manual_seed)|seed_everything|set_seed", name
            ):
                self._seeded = bool(call.args)
            kind = next((kind for kind in kinds() if kind.calls.fullmatch(name)), None)
            if kind is not None and not self._settled(kind, call, name):
                yield kind, call.lineno, name
            if name in ("list", "tuple", "enumerate", "iter", "next") and call.args and _is_set(call.args[0]):
                yield ORDER, call.lineno, ast.unparse(call.args[0])[:40]
        for loop in (item for item in ast.walk(node) if isinstance(item, ast.For | ast.comprehension)):
            if _is_set(loop.iter):
                yield ORDER, loop.iter.lineno, ast.unparse(loop.iter)[:40]

    def _settled(self, kind: Kind, call: ast.Call, name: str) -> bool:
        given = any(keyword.arg == kind.unless and not _is_none(keyword.value) for keyword in call.keywords)
        if kind.name == "generator":
            return given or any(not _is_none(argument) for argument in call.args)
        if kind.name == "random":
            return self._seeded
        if kind.name == "random_state":
            return self._seeded or given or (name.endswith(".sample") and name.startswith(("rng.", "random.")))
        return False


def _ranked(sources: Sequence[Source], cell: int | None) -> list[Source]:
    """Return real chance before the clock, and what is in the cell itself before what it depends on."""
    return sorted(sources, key=lambda source: (source.kind.name == CLOCK, source.cell != cell, -source.cell))


def _statements(source: str) -> list[ast.stmt]:
    lines = source.splitlines()
    if lines and lines[0].lstrip().startswith("%%"):
        lines[0] = ""
    kept = [re.sub(r"^(\s*)(%time|%timeit)\s+", r"\1", line) for line in lines]
    kept = ["" if line.lstrip()[:1] in ("%", "!", "?") else line for line in kept]
    try:
        return ast.parse("\n".join(kept)).body
    except (SyntaxError, ValueError):
        return []


def _read(node: ast.AST) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _written(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Return the names a statement binds, and those whose object it may change."""
    bound = {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}, set()
    changed = {name for item in ast.walk(node) for name in _changed(item)}
    return bound, changed


def _changed(item: ast.AST) -> Iterator[str]:
    target: ast.AST | None = None
    if isinstance(item, ast.Call):
        target = item.func.value if isinstance(item.func, ast.Attribute) else None
        if not (isinstance(item.func, ast.Name) and item.func.id in ("print", "display", "len", "repr", "str")):
            yield from (argument.id for argument in item.args if isinstance(argument, ast.Name))
    elif isinstance(item, ast.Attribute | ast.Subscript) and isinstance(item.ctx, ast.Store):
        target = item.value
    elif isinstance(item, ast.AugAssign):
        target = item.target
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    if isinstance(target, ast.Name):
        yield target.id


def _is_set(node: ast.expr) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return called or isinstance(node, ast.Set | ast.SetComp)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
