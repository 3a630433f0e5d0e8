"""What a cell seems to be for: the functions it calls, the heading above it, the words of its author."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from nbprod.analysis import knowledge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.analysis.notes import Statement
    from nbprod.core.notebook import Cell

HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_WORD = re.compile(r"[a-z]+")
_COMMENT = re.compile(r"\s*#+[ \t]*(\w.*)")
LONGEST = 30
INSIDE = 0.5
"""What a function of the notebook calls tells half as much as a call in the cell."""


@dataclass(slots=True)
class Evidence:
    """How much speaks for each kind of stage, and the words that say so, most telling first."""

    scores: dict[str, float] = field(default_factory=dict)
    causes: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def add(self, kind: str, weight: float, cause: str) -> None:
        """Note that something speaks for a kind; the same cause counts once."""
        known = self.causes.setdefault(kind, [])
        if cause not in [text for _, text in known]:
            known.append((weight, cause))
            total = self.scores.get(kind, 0.0) + weight
            self.scores[kind] = min(total, knowledge.table("suggest")["most"])


@cache
def kinds() -> dict[str, dict[str, Any]]:
    """Return the kinds of stages of `suggest.toml`."""
    return {name: entry for name, entry in knowledge.table("suggest").items() if isinstance(entry, dict)}


class Witness:
    """Judges the cells of one notebook.

    Parameters
    ----------
    imports
        Name → what it is imported from.
    statements
        All of the notebook; functions they define speak for the cells that call them.
    """

    def __init__(self, imports: dict[str, str], statements: Sequence[Statement]) -> None:
        self.imports = imports
        self.functions: dict[str, ast.AST] = {
            item.node.name: item.node
            for item in statements
            if isinstance(item.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }
        self._called: dict[str, list[tuple[str, str]]] = {}

    def judge(self, cell: Cell, statements: Sequence[Statement], heading: str) -> Evidence:
        """Return what speaks for which kind of stage."""
        found = Evidence()
        for item in statements:
            if not isinstance(item.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                for name, shown in self.calls(item.node):
                    inside = name not in self.functions and shown[:-2] in self.functions
                    self._call(found, name, shown, INSIDE if inside else 1.0)
        comment = _COMMENT.match(cell.body)
        self._words(found, heading, f"heading “{brief(heading)}”", 1.0)
        if comment:
            self._words(found, comment[1], f"comment “{brief(comment[1])}”", 0.8)
        return found

    def calls(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """Yield full name and spelling of each call in a statement, those of the notebook's functions included."""
        for inner in ast.walk(node):
            if not isinstance(inner, ast.Call):
                continue
            name = self.full_name(inner.func)
            yield name, _spelling(inner.func)
            if name in self.functions:
                yield from self._inside(name)

    def _inside(self, name: str) -> list[tuple[str, str]]:
        if name not in self._called:
            self._called[name] = []  # a function may call itself
            found = list(self.calls(self.functions[name]))
            self._called[name] = [(inner, f"{name}()") for inner, _ in dict.fromkeys(found)]
        return self._called[name]

    def full_name(self, func: ast.expr) -> str:
        """Return `pandas.read_csv`, `.fit` for a method of some object, or the plain name."""
        parts: list[str] = []
        while isinstance(func, ast.Attribute):
            parts.insert(0, func.attr)
            func = func.value
        if isinstance(func, ast.Name):
            if func.id in self.imports:
                return ".".join([self.imports[func.id], *parts])
            if not parts:
                return func.id if func.id in self.functions else f"builtins.{func.id}"
        return f".{parts[-1]}" if parts else ""

    def _call(self, found: Evidence, name: str, shown: str, share: float) -> None:
        if name in self.functions:
            self._words(found, name.replace("_", " "), shown, 1.0)
        for kind, weight in _listed(name):
            found.add(kind, weight * share, shown)

    @staticmethod
    def _words(found: Evidence, text: str, cause: str, share: float) -> None:
        words = _WORD.findall(text.lower())
        weight = knowledge.table("suggest")["word"] * share
        for kind, entry in kinds().items():
            if any(word in entry["words"] for word in words):
                found.add(kind, weight, cause)


@cache
def _listed(name: str) -> tuple[tuple[str, float], ...]:
    """Return the kinds that a call speaks for, with its weight."""
    if name.startswith("."):
        return tuple((kind, entry["weight"]) for kind, entry in kinds().items() if name[1:] in entry["methods"])
    return tuple((kind, _weight(entry)) for kind, entry in kinds().items() if matches(name, entry["calls"]))


def _weight(entry: dict[str, Any]) -> float:
    weight: float = entry.get("call", entry["weight"])
    return weight


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a full name is one of those listed; a final `*` stands for anything."""
    return any(name.startswith(item[:-1]) if item.endswith("*") else name == item for item in patterns)


def brief(text: str) -> str:
    """Return a text cut to fit a line."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _spelling(func: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(func, ast.Attribute):
        parts.insert(0, func.attr)
        func = func.value
    return ".".join([func.id, *parts] if isinstance(func, ast.Name) else ["", *parts[-1:]]) + "()"
