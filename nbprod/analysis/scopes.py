"""Scopes: which names a block binds, and the local names of a function or class."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Scope:
    """A scope inside a statement: `names` are local to it, `globals` declared to be the notebook's own."""

    kind: Literal["function", "class", "comprehension"]
    number: int
    names: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)


def scope_of(kind: Literal["function", "class", "comprehension"], number: int, body: list[ast.AST]) -> Scope:
    """Return the scope of a block of that kind, its names collected from `body`."""
    scope = Scope(kind, number)
    for node in _own_nodes(body):
        if isinstance(node, ast.Global):
            scope.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocals.update(node.names)
        else:
            scope.names.update(bound_by(node))
    scope.names -= scope.globals | scope.nonlocals
    return scope


def bound_by(node: ast.AST) -> list[str]:
    """Return the names that this very node binds, its children left aside."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name.split(".")[0]) for alias in node.names if alias.name != "*"]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def bound_names(body: list[ast.AST]) -> set[str]:
    """Return the names that executing `body` may bind in its own scope."""
    return {name for node in _own_nodes(body) for name in bound_by(node)}


def parameters_of(arguments: ast.arguments) -> list[str]:
    """Return the names of a function's parameters in order."""
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in (*every, arguments.vararg, arguments.kwarg) if argument is not None]


def _own_nodes(body: list[ast.AST]) -> list[ast.AST]:
    """Return the nodes of a block that execute in its own scope, definitions themselves included."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        found.append(node)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            todo.extend(_outside(node))
        elif isinstance(node, COMPREHENSIONS):
            todo.extend(item for item in ast.walk(node) if isinstance(item, ast.NamedExpr))
        else:
            todo.extend(ast.iter_child_nodes(node))
    return found


def _outside(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a definition that are evaluated where it stands: decorators, defaults, bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    assert isinstance(node, FUNCTIONS)
    defaults = [item for item in (*node.args.defaults, *node.args.kw_defaults) if item is not None]
    return [*defaults, *getattr(node, "decorator_list", ())]
