"""What all statements must know of the whole notebook before any is looked at closely."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis.expressions import Context
from nbprod.analysis.scopes import bound_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def context_of(nodes: Sequence[ast.stmt]) -> Context:
    """Return the imports, definitions and bound names of a notebook's top-level statements."""
    context = Context()
    imports: dict[str, set[str]] = {}
    defined: dict[str, int] = {}
    others: set[str] = set()
    bound = [bound_names([node]) for node in nodes]
    for node, found_here in zip(nodes, bound, strict=True):
        names = set(found_here)
        context.bound |= names
        found = _imports(node)
        for name, dotted in found.items():
            imports.setdefault(name, set()).add(dotted)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            defined[node.name] = defined.get(node.name, 0) + 1
            names.discard(node.name)
        others |= names - set(found)
        context.global_names |= _inner(node, context)
    others |= context.global_names
    one = {name: next(iter(of)) for name, of in imports.items() if len(of) == 1}
    context.imports = {name: dotted for name, dotted in one.items() if name not in others and name not in defined}
    single = {name for name, count in defined.items() if count == 1}
    context.definitions = dict.fromkeys(single - others - set(imports))
    values = _values(nodes, bound)
    context.immutable = _bound_to(values, context, _cannot_change)
    context.flat = _bound_to(values, context, _flat) - context.immutable
    return context


def _inner(node: ast.stmt, context: Context) -> set[str]:
    """Note methods of classes; return the names that functions bind by `global`."""
    found: set[str] = set()
    for inner in ast.walk(node) if hasattr(node, "body") or hasattr(node, "cases") else ():
        if isinstance(inner, ast.Global):
            found.update(inner.names)
        elif isinstance(inner, ast.ClassDef):
            for item in inner.body:
                if isinstance(item, FUNCTIONS):
                    context.methods.setdefault(item.name, []).append(None)
    return found


def _imports(node: ast.stmt) -> dict[str, str]:
    """Return the names imported anywhere in a top-level statement outside functions, with their full names."""
    if isinstance(node, ast.Import):
        return {
            item.asname or item.name.split(".")[0]: item.name if item.asname else item.name.split(".")[0]
            for item in node.names
        }
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        return {item.asname or item.name: f"{module}.{item.name}" for item in node.names if item.name != "*"}
    if isinstance(node, (ast.Try, ast.If, ast.With)):
        inner = [item for item in ast.iter_child_nodes(node) if isinstance(item, ast.stmt)]
        inner += [item for handler in getattr(node, "handlers", ()) for item in handler.body]
        return {name: dotted for item in inner for name, dotted in _imports(item).items()}
    return {}


def _values(nodes: Sequence[ast.stmt], bound: Sequence[set[str]]) -> dict[str, list[ast.expr | None]]:
    """Return what each name is bound to, None where it is not by a plain assignment."""
    values: dict[str, list[ast.expr | None]] = {}
    for node, names in zip(nodes, bound, strict=True):
        plain: set[str] = set()
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            plain = {target.id for target in targets if isinstance(target, ast.Name)}
            for name in plain:
                values.setdefault(name, []).append(node.value)
        for name in names - plain:
            values.setdefault(name, []).append(None)
    return values


def _bound_to(
    values: dict[str, list[ast.expr | None]], context: Context, fits: Callable[[ast.expr, set[str]], bool]
) -> set[str]:
    """Return the names all of whose bindings are of a kind, those by way of each other included."""
    known = {name for name, found in values.items() if name not in context.definitions and all(found)}
    known -= context.global_names
    while True:
        left = {name for name in known if all(value is not None and fits(value, known) for value in values[name])}
        if left == known:
            return known
        known = left


def _flat(node: ast.expr, known: set[str]) -> bool:
    """Whether an expression is a literal list, tuple, set or dict of values that cannot change."""
    if isinstance(node, ast.Dict):
        return all(key is not None and _cannot_change(key, set()) for key in node.keys) and all(
            _cannot_change(value, set()) for value in node.values
        )
    if isinstance(node, ast.BinOp):
        return _flat(node.left, known) and _flat(node.right, known)
    if isinstance(node, ast.Name):
        return False
    return isinstance(node, (ast.List, ast.Tuple, ast.Set)) and all(_cannot_change(item, set()) for item in node.elts)


def _cannot_change(node: ast.expr, known: set[str]) -> bool:
    if isinstance(node, (ast.Constant, ast.JoinedStr, ast.Compare)):
        return not isinstance(node, ast.Compare) or all(
            _cannot_change(item, known) for item in (node.left, *node.comparators)
        )
    if isinstance(node, ast.Name):
        return node.id in known
    if isinstance(node, ast.BinOp):
        return _cannot_change(node.left, known) and _cannot_change(node.right, known)
    if isinstance(node, ast.UnaryOp):
        return _cannot_change(node.operand, known)
    if isinstance(node, ast.Tuple):
        return all(_cannot_change(item, known) for item in node.elts)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("int", "float", "str", "bool", "len", "round", "abs")
    )
