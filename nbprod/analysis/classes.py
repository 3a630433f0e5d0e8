"""Classes whose methods set attributes of the class itself: `type(self).made += 1`, `cls.made = []`."""

from __future__ import annotations

import ast
import re

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OF_CLASSES = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
RETYPES = re.compile(r"\b(type\([^()\n]*\)|__class__)\s*(\.\s*\w+\s*([^\w\s=!<>]{0,2}=[^=]|\.)|,)")
"""Where a text may change a class by way of an instance: `type(x).made = 1`, `setattr(x.__class__, "made", 1)`."""
SETTERS = frozenset({"setattr", "delattr"})


def changes_class(node: ast.ClassDef) -> bool:
    """Whether a method of a class sets or deletes an attribute of the class, or of a subclass."""
    names = {"cls"}
    for item in node.body:
        if isinstance(item, FUNCTIONS) and item.args.args and (item.name in OF_CLASSES or _classmethod(item)):
            names.add(item.args.args[0].arg)
    return any(_is_class(target, names) for item in node.body for target in _changed(item))


def _classmethod(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(item, ast.Name) and item.id == "classmethod" for item in node.decorator_list)


def _changed(node: ast.AST) -> list[ast.expr]:
    """Return the objects whose attributes or items are set below a node."""
    found: list[ast.expr] = []
    for item in ast.walk(node):
        if isinstance(item, (ast.Attribute, ast.Subscript)) and not isinstance(item.ctx, ast.Load):
            found.append(item.value)
        elif isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id in SETTERS and item.args:
            found.append(item.args[0])
    return found


def _is_class(node: ast.expr, names: set[str]) -> bool:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and node.attr == "__class__":
            return True
        node = node.value
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("type", "super")
    return isinstance(node, ast.Name) and node.id in names
