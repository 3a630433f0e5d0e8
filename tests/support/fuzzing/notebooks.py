"""Random notebooks: statements that fit each other, put into cells, and cells into stages.

Statements come from the forms beside this module, which are Python with holes: `{list}` is a name bound to a list,
`{list:a}` the same and called `a` further on (`{a}`), `{+list}` a name that the statement binds to a list, `{-list}` one
that it deletes, `{num}` an expression of an integer, `{lit}` a literal, `{self}` the name bound last. Kinds of names
follow from use: `nest` is a list of lists, `box` a dict of lists with the key 'xs', `fn` a function of an integer,
`mut` one that changes a list, `obj` has the attributes `n` and `xs` and the method `up`.
"""

from __future__ import annotations

import ast
import contextlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FORMS = {
    path.stem: re.split(r"\n\n(?! )", path.read_text(encoding="utf-8").strip("\n"))
    for path in sorted(Path(__file__).with_name("forms").glob("*.txt"))
}
THEMES = (
    ("plain", "plain", "functions"),
    ("plain", "functions", "functions"),
    ("plain", "classes"),
    ("plain", "plain", "functions", "classes", "classes"),
    ("plain", "libraries", "libraries"),
    ("plain", "functions", "outside"),
    ("plain", "functions", "imports", "magics"),
    ("plain", "functions", "classes", "libraries", "outside", "imports", "magics"),
)
NAMES = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "k",
    "m",
    "n",
    "o",
    "p",
    "q",
    "r",
    "s",
    "t",
    "u",
    "v",
    "w",
    "x",
    "y",
    "z",
    "box",
    "held",
    "acc",
    "row",
]
ALSO = {"ccls": ("cls",), "alias": ("cls", "ccls")}
HOLE = re.compile(r"\{\{|\}\}|\{([+-]?)(\w+)(?::(\w))?\}")
ALWAYS = ("if True:", "if len({list}) >= 0:", "for _once in range(1):", "for _twice in [1, 2]:", "try:")
PERHAPS = ("if {num} % 2:", "for _time in range({num} % 3):", "while {num} > 99999:", "try:")


@dataclass(frozen=True)
class Book:
    """Cells, each a tag and its statements, and the parameters given to the run."""

    cells: tuple[tuple[str | None, tuple[str, ...]], ...]
    given: dict[str, Any] = field(default_factory=dict)

    def entries(self) -> list[Any]:
        """Return the cells as the fixture `make_notebook` takes them."""
        return [(tag, "\n".join(lines)) if tag else "\n".join(lines) for tag, lines in self.cells]

    def top_to_bottom(self) -> list[str]:
        """Return the cells as they run in a notebook, overrides after the parameters cell."""
        found = []
        for tag, lines in self.cells:
            found.append("\n".join(lines))
            if tag == "parameters" and self.given:
                found.append("\n".join(f"{name} = {value!r}" for name, value in self.given.items()))
        return found

    def text(self) -> str:
        """Return the notebook for people."""
        head = f"given {self.given}\n" if self.given else ""
        return head + "\n".join(f"# --- {tag or 'untagged'}\n" + "\n".join(lines) for tag, lines in self.cells)

    def smaller(self) -> list[Book]:
        """Return notebooks that are this one without something."""
        found = [replace(self, cells=self.cells[:at] + self.cells[at + 1 :]) for at in range(len(self.cells))]
        for at, (tag, lines) in enumerate(self.cells):
            for line in range(len(lines)) if len(lines) > 1 else ():
                cell = (tag, lines[:line] + lines[line + 1 :])
                found.append(replace(self, cells=(*self.cells[:at], cell, *self.cells[at + 1 :])))
        for at in range(1, len(self.cells)):
            (tag, lines), (other, more) = self.cells[at - 1], self.cells[at]
            if tag == other and not any(item.startswith("%%") for item in (*lines, *more)):
                found.append(replace(self, cells=(*self.cells[: at - 1], (tag, lines + more), *self.cells[at + 1 :])))
            else:
                found.append(replace(self, cells=(*self.cells[:at], (tag, more), *self.cells[at + 1 :])))
        if self.given:
            found.append(replace(self, given={}))
        return found


class Draft:
    """Names bound so far and what they hold; makes one statement after another."""

    def __init__(self, chance: Any) -> None:
        self.chance = chance
        self.kinds: dict[str, set[str]] = {}
        self.pinned: set[str] = set()
        self.last: str | None = None

    def statement(self, theme: tuple[str, ...]) -> str:
        """Return a statement that fits what there is."""
        while True:
            form = self.chance.choice(FORMS[self.chance.choice(theme)])
            try:
                text = self.expand(form)
            except LookupError:
                continue
            if self.chance.random() < 0.15 and not re.search(r"[%!]|import \*|^class|^@|^from|^import", text):
                return self.wrapped(text, fresh=bool(re.search(r"\{[+-]|later", form)))
            return text

    def expand(self, form: str) -> str:
        """Fill the holes of a form; raises LookupError where nothing fits."""
        labels: dict[str, str] = {}
        fresh: list[tuple[str, str]] = []
        gone: list[str] = []
        code = any(word in form for word in ("def ", "lambda", "class ")) or "(v +" in form

        def fill(match: re.Match[str]) -> str:
            sign, kind, label = match[1], match[2], match[3]
            if kind is None:
                return match[0][0]
            if kind in labels:
                return labels[kind]
            name = self.hole(sign, kind, fresh)
            if sign == "+":
                fresh.append((name, kind))
                labels["self"] = name
            elif sign == "-":
                gone.append(name)
            if kind == "later":
                fresh.append((name, "fn"))
                labels["later"] = name
            if label:
                labels[label] = name
            if code and name.isidentifier():
                self.pinned.add(name)
            return name

        text = HOLE.sub(fill, form)
        for name, kind in fresh:
            self.kinds[name] = {kind, *ALSO.get(kind, ())}
        for name in gone:
            self.kinds.pop(name, None)
        return text

    def hole(self, sign: str, kind: str, fresh: list[tuple[str, str]]) -> str:
        """Return what goes into a hole."""
        if kind == "lit":
            return str(self.chance.randint(0, 5))
        if kind == "num":
            return self.number()
        if sign == "+" or kind == "later":
            return self.new(kind, {name for name, _ in fresh})
        known = [name for name, kinds in self.kinds.items() if kind in kinds]
        if sign == "-":
            known = [name for name in known if name not in self.pinned]
        if not known:
            raise LookupError(kind)
        return str(self.chance.choice(known))

    def new(self, kind: str, taken: set[str]) -> str:
        """Return a name to bind: a new one, or one that is bound already."""
        again = [
            name
            for name, kinds in self.kinds.items()
            if name not in taken and (kind in kinds or name not in self.pinned)
        ]
        free = [name for name in NAMES if name not in self.kinds and name not in taken]
        if again and (not free or self.chance.random() < 0.25):
            return str(self.chance.choice(again))
        if not free:
            raise LookupError(kind)
        return str(self.chance.choice(free))

    def number(self) -> str:
        """Return an expression of an integer."""
        forms = ("{lit}", "{lit}", "{int}", "{int}", "{int} + {lit}", "len({list})", "{dict}['k']", "{fn}({lit})")
        forms += ("{obj}.n", "len({nest}[0])", "{ccls}.total", "sum({list}) % 50", "{clo}()", "len({get}())")
        while True:
            try:
                return self.expand(self.chance.choice(forms))
            except LookupError:
                continue

    def wrapped(self, text: str, *, fresh: bool) -> str:
        """Return a statement inside another."""
        kind = self.chance.randint(0, 3)
        if kind == 0 and "yield" not in text and "nonlocal" not in text:
            return self.in_function(text)
        try:
            head = self.expand(self.chance.choice(ALWAYS if fresh or kind == 1 else PERHAPS))
        except LookupError:
            return text
        tail = "\nfinally:\n    pass" if head == "try:" else ""
        return f"{head}\n{_indented(text)}{tail}"

    def in_function(self, text: str) -> str:
        """Return a statement as the body of a function that is called."""
        names = sorted(_bound(text))
        name = f"run_{self.chance.randint(0, 9)}"
        head = f"    global {', '.join(names)}\n" if names else ""
        return f"def {name}():\n{head}{_indented(text)}\n{name}()"


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.split("\n"))


def _bound(text: str) -> set[str]:
    """Return the names that a statement binds or deletes outside of inner functions."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(text)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
            continue
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            todo.extend(item for item in ast.walk(node) if isinstance(item, ast.NamedExpr))
            continue
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(item.asname or item.name.split(".")[0] for item in node.names)
        todo.extend(ast.iter_child_nodes(node))
    return found


def book(chance: Any) -> Book:
    """Return a notebook made of the choices of `chance`, a `random.Random` or the like."""
    draft = Draft(chance)
    theme = chance.choice(THEMES)
    given: dict[str, Any] = {}
    cells: list[tuple[str | None, tuple[str, ...]]] = []
    if chance.random() < 0.2:
        cells.append(("parameters", ("pi = 3", "pl = [1, 2]", "ps = 'a'", "pj = pi + 1")))
        draft.kinds.update(pi={"int"}, pl={"list"}, ps={"str"}, pj={"int"})
        given = chance.choice(({}, {"pi": 5}, {"pl": [4], "ps": "b"}, {"pj": 9}))
    first = ["{+list} = [{lit}, {lit}]", "{+int} = {lit}", "{+nest} = [{list}, [1]]", "{+dict} = {{'k': {num}}}"]
    statements = []
    for form in first[: chance.randint(1, 9)]:
        with contextlib.suppress(LookupError):
            statements.append(draft.expand(form))
    statements += [draft.statement(theme) for _ in range(chance.randint(4, 14))]
    cells += _tagged(_cells(statements, chance), chance)
    return Book(tuple(cells), given)


def _cells(statements: list[str], chance: Any) -> list[tuple[str, ...]]:
    cells: list[list[str]] = [[]]
    for text in statements:
        if text.startswith("%%"):
            cells += [[text], []]
            continue
        if cells[-1] and chance.random() < 0.55:
            cells.append([])
        cells[-1].append(text)
    return [tuple(cell) for cell in cells if cell]


def _tagged(cells: list[tuple[str, ...]], chance: Any) -> list[tuple[str | None, tuple[str, ...]]]:
    """Give cells to stages: in a row, now and then in turns; some are set-up, some untagged."""
    count = chance.randint(1, min(5, len(cells)))
    cuts = sorted(chance.randint(0, len(cells)) for _ in range(count - 1))
    turns, roles = chance.random() < 0.1, chance.random() < 0.4
    found: list[tuple[str | None, tuple[str, ...]]] = []
    for number, cell in enumerate(cells):
        stage = sum(number >= cut for cut in cuts) if not turns else chance.randint(0, count - 1)
        tag: str | None = "abcde"[stage]
        if roles and chance.random() < 0.3:
            tag = chance.choice((None, None, "setup"))
        found.append((tag, cell))
    return found
