"""What modules beside a notebook do that no fingerprint can see: those of their functions that a stage names."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from nbprod.analysis.memory import WORD
from nbprod.analysis.notes import notes_of
from nbprod.core.notebook import Cell, Notebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_IMPORT = re.compile(r"^[ \t]*(?:from|import)\b.*$", re.MULTILINE)
# importing a name is no use of it, unless it goes by another
_PLAIN_IMPORT = re.compile(r"^[ \t]*(?:from|import)\b(?!.*\bas\b).*$", re.MULTILINE)


class Found(NamedTuple):
    """Effects and state of what runs of a module, each with its cause, and the words it names things by."""

    effects: dict[str, str]
    state: dict[str, str]
    words: frozenset[str]


def effects(
    modules: Mapping[str, str], imported: Iterable[str], texts: Iterable[str]
) -> Iterator[tuple[str, Mapping[str, str], Mapping[str, str]]]:
    """Yield for each module its file, and the effects and the state of what runs of it, each with its cause.

    Parameters
    ----------
    modules
        The texts of modules by dotted name.
    imported
        The packages and modules that a stage imports.
    texts
        The stage's own texts: what they name of a module may run, and what that calls.
    """
    near = _near(modules, set(imported))
    named = {word for text in texts for word in WORD.findall(_PLAIN_IMPORT.sub("", text))} if near else set()
    found: dict[str, Found] = {}
    before = -1
    while before != len(named):  # what runs of one module may call another
        before = len(named)
        found = {name: _found(text, _defined(text) & named) for name, text in near.items()}
        named.update(word for one in found.values() for word in one.words)
    for name, one in found.items():
        yield f"{name.replace('.', '/')}.py", one.effects, one.state


def _near(modules: Mapping[str, str], packages: set[str]) -> dict[str, str]:
    """Return the modules of these packages, and those that they import."""
    found: dict[str, str] = {}
    while True:
        new = {name: text for name, text in modules.items() if name not in found and name.partition(".")[0] in packages}
        if not new:
            return found
        found |= new
        packages = {word for text in new.values() for line in _IMPORT.findall(text) for word in WORD.findall(line)}


@lru_cache(maxsize=256)
def _defined(text: str) -> frozenset[str]:
    """Return the names a module's own statements may bind."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):  # importing it will say so
        return frozenset()
    nodes = list(ast.walk(tree))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    made = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(stored | {node.name for node in tree.body if isinstance(node, made)})


@lru_cache(maxsize=256)
def _found(text: str, names: frozenset[str]) -> Found:
    """Return what a module's own statements do, and the code behind `names`."""
    uses = "\n".join(sorted(names))
    cells = [Cell(number, "module", "code", body, body) for number, body in enumerate((text, uses)) if body]
    _, statements, _ = notes_of([Notebook("module", tuple(cells))])
    causes: dict[str, str] = {}
    state: dict[str, str] = {}
    words: set[str] = set()
    for statement in statements:
        causes.update(statement.effects)
        state.update(statement.state)
        for facts in (statement.facts, *(definition.facts for definition in statement.active)):
            words.update(facts.reads, *(WORD.findall(called) for called in facts.called))
    return Found(causes, state, frozenset(words))
