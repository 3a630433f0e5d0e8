"""What the text of one top-level statement tells by itself, whatever else the notebook holds; found out once."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.analysis import normal
from nbprod.analysis.scopes import COMPREHENSIONS, bound_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.analysis.shapes import Instance

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
PLAIN = (ast.Assign, ast.AnnAssign, ast.AugAssign)
SCOPES = frozenset((ast.Lambda, *COMPREHENSIONS))
MAKES_CLASSES = frozenset({"namedtuple", "NamedTuple", "Enum", "IntEnum", "StrEnum", "Flag", "make_dataclass", "type"})
SIMPLE_CALLS = frozenset({"int", "float", "str", "bool", "len", "round", "abs"})


@dataclass(slots=True)
class Value:
    """What a name is bound to by a plain assignment.

    Attributes
    ----------
    needs
        The names that must stand for numbers, texts and the like for this to be one; None where it is none anyway.
    flat
        Whether it is a literal list, tuple, set or dict of values that cannot change.
    nested
        Whether it is one of other values.
    """

    needs: frozenset[str] | None
    flat: bool
    nested: bool = False


@dataclass(slots=True)
class Sketch:
    """One top-level statement.

    Attributes
    ----------
    first, last
        Its lines, decorators included.
    bound
        The names it may bind at the top level.
    values
        What it binds names to, None where it is not by a plain assignment.
    imports
        The names imported outside functions, with their full names.
    definition
        The name of the function or class it is.
    methods
        Names of methods of the classes in it, once for each.
    global_names
        Names that functions bind by `global`.
    named
        The functions and classes in it that a pickle may tell by their name.
    alias
        The name and what stands for the same: `m = np`, `r = np.random`.
    type
        The class of its tree.
    instance, at
        The cell it is part of, where one of that shape was met before, and its place there.
    kind
        Why it may be replayed, as far as that shows in the text; empty while nobody asked.
    """

    type: type[ast.stmt]
    first: int
    last: int
    bound: set[str]
    values: dict[str, Value | None]
    imports: dict[str, str]
    definition: str | None
    methods: list[str] = field(default_factory=list)
    global_names: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    alias: tuple[str, str] | None = None
    kind: str | None = ""
    instance: Instance | None = None
    at: int = 0
    tree: ast.stmt | None = None
    _digest: bytes = b""

    @property
    def node(self) -> ast.stmt:
        """The tree; that of a cell of a known shape is made when somebody asks."""
        if self.tree is None:
            assert self.instance is not None
            self.tree = self.instance[self.at]
        return self.tree

    @property
    def digest(self) -> bytes:
        """The digest of the code; comments and layout do not change it."""
        if not self._digest:
            self._digest = self.instance.digest(self.at) if self.instance else normal.digest(self.node)
        return self._digest


def sketch_of(node: ast.stmt) -> Sketch:
    """Return what a statement tells by itself; it is kept with the tree, which cells of the same text share."""
    known: Sketch | None = getattr(node, "sketch", None)
    if known is None:
        known = node.sketch = _sketch(node)  # type: ignore[attr-defined]  # trees may be written on
    return known


def _sketch(node: ast.stmt) -> Sketch:
    definition = node.name if isinstance(node, DEFINITIONS) else None
    first = (
        min([node.lineno, *(item.lineno for item in node.decorator_list)])
        if isinstance(node, DEFINITIONS)
        else node.lineno
    )
    bound = _plainly_bound(node) if isinstance(node, (*PLAIN, ast.Expr)) else bound_names([node])
    values: dict[str, Value | None] = dict.fromkeys(bound)
    if isinstance(node, PLAIN) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = None
        for target in targets:
            if isinstance(target, ast.Name):
                flat = _flat(node.value)
                nested = isinstance(node.value, (ast.List, ast.Tuple, ast.Set, ast.Dict)) and not flat
                value = value or Value(_needs(node.value), flat, nested)
                values[target.id] = value
    sketch = Sketch(type(node), first, node.end_lineno or node.lineno, bound, values, _imports(node), definition)
    sketch.tree = node
    if isinstance(node, PLAIN) and isinstance(node.value, ast.Call) and _last(node.value.func) in MAKES_CLASSES:
        sketch.named = bound
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and len(node.targets) == 1:
        sketch.alias = (node.targets[0].id, ast.unparse(node.value)) if _path(node.value) else None
    if hasattr(node, "body") or hasattr(node, "cases"):
        _look_inside(node, sketch)
    return sketch


def _plainly_bound(node: ast.stmt) -> set[str]:
    """Return the names bound by a statement without statements inside."""
    found: set[str] = set()
    todo: list[ast.AST] = [node]
    for item in todo:
        kind = type(item)
        if kind in SCOPES:
            return bound_names([node])
        if isinstance(item, ast.Name):
            if not isinstance(item.ctx, ast.Load):
                found.add(item.id)
        elif kind is not ast.Constant:
            todo += _children(item)
    return found


def _children(node: ast.AST) -> list[ast.AST]:
    """Return the expressions right below a node, and what holds expressions."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name)
        if type(value) is list:
            found += [part for part in value if isinstance(part, ast.AST)]
        elif isinstance(value, ast.expr):
            found.append(value)
    return found


def _path(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _look_inside(node: ast.stmt, sketch: Sketch) -> None:
    for inner in ast.walk(node):
        if isinstance(inner, DEFINITIONS) and inner.name in sketch.bound:
            sketch.named.add(inner.name)
        if isinstance(inner, ast.Global):
            sketch.global_names.update(inner.names)
        elif isinstance(inner, ast.ClassDef):
            sketch.methods += [item.name for item in inner.body if isinstance(item, FUNCTIONS)]


def _imports(node: ast.stmt) -> dict[str, str]:
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


def _needs(node: ast.expr) -> frozenset[str] | None:
    """Return the names that must be of values that cannot change for this to be one, None if it is none."""
    if isinstance(node, (ast.Constant, ast.JoinedStr)):
        return frozenset()
    if isinstance(node, ast.Name):
        return frozenset((node.id,))
    if isinstance(node, ast.Call):
        return frozenset() if isinstance(node.func, ast.Name) and node.func.id in SIMPLE_CALLS else None
    total: frozenset[str] = frozenset()
    for part in _operands(node):
        needed = None if part is None else _needs(part)
        if needed is None:
            return None
        total |= needed
    return total


def _operands(node: ast.expr) -> Sequence[ast.expr | None]:
    """Return what an operator is applied to; None stands for what no operator makes."""
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    return node.elts if isinstance(node, ast.Tuple) else [None]


def _flat(node: ast.expr) -> bool:
    if isinstance(node, ast.Dict):
        return all(key is not None and _needs(key) == frozenset() for key in node.keys) and all(
            _needs(value) == frozenset() for value in node.values
        )
    if isinstance(node, ast.BinOp):
        return _flat(node.left) and _flat(node.right)
    return isinstance(node, (ast.List, ast.Tuple, ast.Set)) and all(_needs(item) == frozenset() for item in node.elts)
