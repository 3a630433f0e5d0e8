"""Literals, functions and classes that a stage changed although analysis took them for unchanging.

Later stages make them anew, as their cells have them, so that a change which analysis did not see would be lost
without a word: it ends the stage instead.
"""

from __future__ import annotations

import ast
import enum
import re
import types
from typing import TYPE_CHECKING, Any

from . import hashing, plain
from .constants import MUTABLE
from .trouble import Boundary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .formats import StageSpec

ASSIGNS = re.compile(r"\s*\w+\s*=")
DEFINITIONS = (type, types.FunctionType)
CODE = (ast.Call, ast.Lambda, ast.NamedExpr, ast.Await, ast.comprehension)


class Literals:
    """What every stage makes anew, by content: lists, dicts and sets of plain data, and what definitions have.

    Parameters
    ----------
    spec
        The stage.
    namespace
        Its names, before its own cells run.
    """

    def __init__(self, spec: StageSpec, namespace: dict[str, Any]) -> None:
        self._spec = spec
        self._namespace = namespace
        replayed = _assigned(step["source"] for step in spec["steps"] if step["kind"] == "replay")
        defined = (name for name in spec["references"] if isinstance(namespace.get(name), DEFINITIONS))
        names = {*(name for name, _ in replayed), *spec.get("literals", ()), *defined}
        self._before = dict(self._contents(names))
        self._held = {name: namespace[name] for name in self._before}

    def check(self) -> None:
        """Raise `Boundary` when one is not as it was, or not as the stage's own cell has it."""
        # what is another object by now was bound anew, by an import of all names for one
        same = {name for name, value in self._held.items() if self._namespace.get(name, self) is value}
        wanted = {**dict(self._made()), **{name: self._before[name] for name in same}}
        now = dict(self._contents(wanted))
        changed = sorted(name for name, content in wanted.items() if now.get(name) != content)
        if changed:
            names, stage = ", ".join(f"`{name}`" for name in changed), self._spec["stage"]
            text = (
                f"stage {stage} changed {names} in a way that cannot be seen in its code; later stages would lose that"
            )
            raise Boundary(text, f"add the line {changed[0]} = {changed[0]} after it: the value then crosses", "NB412")

    def _contents(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        for name in names:
            if name in self._namespace and (content := _content(self._namespace[name])):
                yield name, content

    def _made(self) -> Iterator[tuple[str, str]]:
        """Yield what the stage's own cells make and others make again."""
        for name, value in _assigned(self._spec.get("made", ())):
            content = "" if _runs_code(value) else _content(self._evaluated(value))
            if content:
                yield name, content

    def _evaluated(self, literal: ast.expr) -> Any:
        code = compile(ast.Expression(literal), "<literal>", "eval")
        try:
            return eval(code, dict(self._namespace))  # noqa: S307 - what the notebook itself evaluated a moment ago
        except Exception:  # noqa: BLE001 - a name it is made of may be gone or changed by now
            return None


def _attributes(definition: Any) -> Iterator[tuple[str, str]]:
    """Yield the attributes of a function or class by name that are functions or plain data."""
    members = definition if isinstance(definition, enum.EnumMeta) else ()
    for each in (definition, *members):
        for name, value in sorted(vars(each).items()):
            if name.startswith("_"):
                continue
            if isinstance(value, types.FunctionType):
                yield name, str(id(value))
            elif type(value) in plain.ATOMS or _literal(value):
                yield name, hashing.content(value)


def _assigned(sources: Iterable[str]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that statements bind to what they say; what is imported is not made anew by its module."""
    for source in sources:
        for node in ast.parse(source).body if ASSIGNS.match(source) else ():
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, node.value


def _runs_code(node: ast.expr) -> bool:
    return any(isinstance(item, CODE) for item in ast.walk(node))


def _content(value: Any) -> str:
    """Return the digest of a literal of plain data, or of what a function or class has; nothing for any other value."""
    if isinstance(value, DEFINITIONS):
        has = list(_attributes(value)) if value.__module__ == "__main__" else []
        return hashing.content(has) if has else "nothing"
    return hashing.content(value) if _literal(value) else ""


def _literal(value: Any) -> bool:
    """Whether a value is a list, dict or set of plain data."""
    if type(value) is set:
        return plain.ATOMS.issuperset(map(type, value))
    return type(value) in MUTABLE and plain.scan(value) is not None
