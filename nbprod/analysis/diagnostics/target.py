"""NB319: the column to predict is among the features."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis.diagnostics.base import Rule
from nbprod.analysis.diagnostics.edits import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic

Features = tuple[str, frozenset[str], bool]
"""A table, names of its columns, and whether these are what was taken (else what was left out)."""


def _check(findings: Findings) -> Iterator[Diagnostic]:
    if not any(statement.facts.fits for statement in findings.statements):
        return
    features: dict[str, tuple[Features, Statement]] = {}
    targets: dict[str, tuple[str, str]] = {}
    for statement in findings.statements:
        for call in _learning(findings, statement):
            given = [item.id for item in call.args if isinstance(item, ast.Name)]
            yield from _together(given, features, targets)
        changed = statement.writes
        features = {name: found for name, found in features.items() if not changed & {name, found[0][0]}}
        targets = {name: found for name, found in targets.items() if not changed & {name, found[0]}}
        node = statement.node
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, column, taken = node.targets[0].id, _column(node.value), _features(node.value)
            if column is not None and column[0] != name:
                targets[name] = column
            if taken is not None and taken[0] != name:
                features[name] = (taken, statement)


def _learning(findings: Findings, statement: Statement) -> Iterator[ast.Call]:
    """Yield calls that are given features and target."""
    if not isinstance(statement.node, (ast.Assign, ast.Expr)):
        return
    for call in ast.walk(statement.node):
        if isinstance(call, ast.Call) and len(call.args) > 1:
            method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if method == "fit" or dotted(findings.context, call.func).startswith("sklearn.model_selection."):
                yield call


def _together(
    given: list[str], features: dict[str, tuple[Features, Statement]], targets: dict[str, tuple[str, str]]
) -> Iterator[Diagnostic]:
    for name in given:
        for other in given:
            if name not in features or other not in targets:
                continue
            (table, columns, taken), where = features[name]
            base, column = targets[other]
            if base == table and (column in columns) == taken:
                message = (
                    f"`{name}` still holds the column {column!r}, which `{other}` is: the model is told the answer"
                )
                yield _RULE.at(where, message, f"{table}.drop(columns={column!r})")


def _column(node: ast.expr) -> tuple[str, str] | None:
    """Return table and column of `df["price"]`."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
        return (node.value.id, node.slice.value) if isinstance(node.slice.value, str) else None
    return None


def _features(node: ast.expr) -> Features | None:
    """Return what `df[["a", "b"]]`, `df.drop(columns=["c"])` and `df.copy()` hold."""
    if isinstance(node, ast.Name):
        return node.id, frozenset(), False
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.slice, ast.List):
        columns = _texts(node.slice)
        return (node.value.id, columns, True) if columns is not None else None
    if not (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    ):
        return None
    if node.func.attr == "copy":
        return node.func.value.id, frozenset(), False
    if node.func.attr != "drop":
        return None
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    dropped = keywords.get("columns") or (node.args[0] if node.args else keywords.get("labels"))
    columns = _texts(dropped) if dropped is not None else None
    by_column = "columns" in keywords or len(node.args) > 1 or "axis" in keywords
    return (
        (node.func.value.id, columns, False) if columns is not None and by_column and "index" not in keywords else None
    )


def _texts(node: ast.expr) -> frozenset[str] | None:
    """Return the texts of a literal; None where something else is among them."""
    items = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    found = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return frozenset(found) if len(found) == len(items) else None


_RULE = Rule(
    "NB319",
    "warning",
    "the answer among the features",
    "A model that is given the column it is to predict scores perfectly, and has nothing to go by in production, where "
    "that column is what is asked for.",
    'y = df["churned"]\nX = df.drop(columns=["id"])\nmodel.fit(X, y)',
    'y = df["churned"]\nX = df.drop(columns=["id", "churned"])\nmodel.fit(X, y)',
    check=_check,
)
RULES = (_RULE,)
