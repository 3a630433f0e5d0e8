"""Parameters: the assignments of the `parameters` cell, by AST, with types, defaults and comments as help."""

from __future__ import annotations

import ast
import copy
import io
import tokenize
from typing import TYPE_CHECKING, Any

from nbprod.core.pipeline import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.analysis.cells import Parsed

SIMPLE = {"int", "float", "str", "bool", "list", "dict", "tuple", "set", "date", "datetime", "bytes", "complex"}
NOT_LITERAL = object()


def parameters_of(parsed: Sequence[Parsed]) -> tuple[Parameter, ...]:
    """Return the parameters of the first `parameters` cell; the last assignment of a name counts."""
    item = next((item for item in parsed if item.cell.tag and item.cell.tag.role == "parameters"), None)
    if item is None:
        return ()
    comments = _comments(item.cell.body)
    found: dict[str, Parameter] = {}
    for name, value, annotation, node in assignments(item.statements):
        parameter = _parameter(name, value, annotation, found)
        line = node.lineno + item.offset
        help_text = _help(comments, node, item)
        place = {"cell": item.cell.number, "line": line, "notebook": item.notebook}
        found[name] = Parameter(**parameter, help=help_text, **place)  # type: ignore[arg-type]  # a dict of both types
    return tuple(found.values())


def assignments(statements: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr | None, ast.expr | None, ast.stmt]]:
    """Yield name, value, annotation and statement of each unconditional assignment to a name."""
    for node in statements:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value, node.annotation, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from ((name, value, None, node) for name, value in _pairs(target, node.value))


def _pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        values: list[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
            values = list(value.elts)
        for item, part in zip(target.elts, values, strict=True):
            yield from _pairs(item, part)


def _parameter(
    name: str, value: ast.expr | None, annotation: ast.expr | None, found: Mapping[str, Parameter]
) -> dict[str, Any]:
    default = _literal(_filled(value, found))
    declared, optional = _declared(annotation)
    kind = declared or _type(value, default)
    known = None if default is NOT_LITERAL else default
    return {
        "name": name,
        "type": kind,
        "default": known,
        "default_source": ast.unparse(value) if value is not None else "",
        "optional": optional or (default is None),
        "derived_from": _derived(value, found),
    }


def _filled(value: ast.expr | None, found: Mapping[str, Parameter]) -> ast.expr | None:
    """Return an expression with the defaults of other parameters put in."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            parameter = found.get(node.id)
            if parameter is None or type(parameter.default) not in (int, float, str, bool):
                return node
            return ast.copy_location(ast.Constant(parameter.default), node)

    if value is None or not any(isinstance(node, ast.Name) for node in ast.walk(value)):
        return value
    filled: ast.expr = Fill().visit(copy.deepcopy(value))
    return filled


def _derived(value: ast.expr | None, found: Mapping[str, Parameter]) -> tuple[str, ...]:
    read = [node.id for node in ast.walk(value) if isinstance(node, ast.Name)] if value is not None else []
    return tuple(dict.fromkeys(name for name in read if name in found))


def _literal(value: ast.expr | None) -> Any:
    """Return the value of a literal, `dict(a=1)` and the like included, else `NOT_LITERAL`."""
    if value is None:
        return NOT_LITERAL
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass_through = _constructed(value)
    return pass_through


def _constructed(value: ast.expr) -> Any:
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Mult, ast.Pow, ast.Add, ast.Sub, ast.Div)):
        return _arithmetic(value)
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name)):
        return NOT_LITERAL
    keywords = {keyword.arg: _literal(keyword.value) for keyword in value.keywords if keyword.arg}
    arguments = [_literal(argument) for argument in value.args]
    if len(keywords) < len(value.keywords) or any(item is NOT_LITERAL for item in (*keywords.values(), *arguments)):
        return NOT_LITERAL
    if value.func.id == "dict" and not arguments:
        return keywords
    makers: dict[str, Any] = {
        "list": list,
        "tuple": tuple,
        "set": set,
        "int": int,
        "float": float,
        "str": str,
        "bool": bool,
    }
    if value.func.id not in makers or keywords or len(arguments) > 1:
        return NOT_LITERAL
    try:
        return makers[value.func.id](*arguments)
    except (TypeError, ValueError):
        return NOT_LITERAL


def _arithmetic(value: ast.BinOp) -> Any:
    """Return the value of `60 * 60` or `10 ** 6`; large powers are left alone."""
    left, right = _literal(value.left), _literal(value.right)
    if type(left) not in (int, float) or type(right) not in (int, float):
        return NOT_LITERAL
    if isinstance(value.op, ast.Pow) and (abs(right) > 64 or abs(left) > 10**6):
        return NOT_LITERAL
    operations: dict[type[ast.operator], Any] = {
        ast.Mult: lambda: left * right,
        ast.Pow: lambda: left**right,
        ast.Add: lambda: left + right,
        ast.Sub: lambda: left - right,
        ast.Div: lambda: left / right,
    }
    try:
        return operations[type(value.op)]()
    except (ArithmeticError, ValueError):
        return NOT_LITERAL


def _declared(annotation: ast.expr | None) -> tuple[str | None, bool]:
    """Return the type an annotation names, and whether None is allowed: `None | str`, `Optional[int]`."""
    if annotation is None:
        return None, False
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return None, False
    members = _members(annotation)
    names = [name for name in members if name not in ("None", "NoneType")]
    return (names[0] if len(names) == 1 else None), len(names) < len(members)


def _members(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_members(node.left), *_members(node.right)]
    if isinstance(node, ast.Subscript):
        outer = ast.unparse(node.value).rsplit(".", 1)[-1]
        if outer == "Optional":
            return [*_members(node.slice), "None"]
        if outer == "Union":
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return [name for part in parts for name in _members(part)]
        return [outer.lower() if outer.lower() in SIMPLE else outer]
    if isinstance(node, ast.Constant) and node.value is None:
        return ["None"]
    return [ast.unparse(node).rsplit(".", 1)[-1]]


def _type(value: ast.expr | None, default: Any) -> str:
    if default is None:
        return "None"
    if default is not NOT_LITERAL:
        return type(default).__name__
    if isinstance(value, ast.Call):
        name = ast.unparse(value.func).rsplit(".", 1)[-1]
        return (
            {"Timestamp": "datetime", "fromisoformat": "date"}.get(name, name)
            if name in SIMPLE | {"Timestamp", "fromisoformat", "Path"}
            else "any"
        )
    return "str" if isinstance(value, ast.JoinedStr) else "any"


def _comments(text: str) -> dict[int, str]:
    """Return the comment of each line of a cell."""
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):
        return found
    return found


def _help(comments: dict[int, str], node: ast.stmt, item: Parsed) -> str:
    """Return the comment beside a statement, else those right above it."""
    shift = item.offset - (item.cell.source.count("\n") - item.cell.body.count("\n"))
    beside = comments.get((node.end_lineno or node.lineno) + shift)
    if beside:
        return beside
    lines = item.cell.body.splitlines()
    above: list[str] = []
    number = node.lineno + shift - 1
    while (
        number in comments and lines[number - 1].lstrip().startswith("#") and not comments[number].startswith("%%mlops")
    ):
        above.insert(0, comments[number])
        number -= 1
    return " ".join(above)
