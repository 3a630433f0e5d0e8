"""NB317 and NB318: rows that are held out for judging, and yet were learned from."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.diagnostics.base import Rule, hinting
from nbprod.analysis.diagnostics.edits import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.analysis.context import Context
    from nbprod.analysis.findings import Findings
    from nbprod.analysis.notes import Statement
    from nbprod.core.pipeline import Diagnostic

HINTS = ("fit", "fillna(", "split(", "transform(", "cross_val", "learning_curve")
FITS = frozenset({"fit", "fit_transform", "fit_resample", "partial_fit"})
WATCHED = frozenset({"eval_set", "eval_sets", "valid_sets", "validation_data", "evals"})


@dataclass(slots=True)
class Rows:
    """What is known of names so far.

    Attributes
    ----------
    learners
        Names of objects that learn from rows, and their class.
    fitted
        Those that were fitted on rows not split yet, and where.
    touched
        Names of data that such an object was applied to, and where it was fitted, on which words.
    parts
        Names of the parts of a split: `train`, `test`, or `both` where they were put together again.
    """

    context: Context
    learners: dict[str, str] = field(default_factory=dict)
    fitted: dict[str, tuple[Statement, str]] = field(default_factory=dict)
    touched: dict[str, tuple[Statement, str]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)

    def forget(self, name: str) -> None:
        """Forget what was known of a name that is bound anew."""
        for known in (self.learners, self.fitted, self.touched, self.parts):
            known.pop(name, None)

    def class_of(self, node: ast.expr) -> str:
        """Return the learning class that an expression makes or names."""
        if isinstance(node, ast.Name):
            return self.learners.get(node.id, "")
        full = dotted(self.context, node.func) if isinstance(node, ast.Call) else ""
        return full.rsplit(".", 1)[-1] if full and knows(full, "learning") else ""

    def part(self, node: ast.AST) -> str:
        """Return the part of a split that an expression is made of."""
        found = {self.parts[name] for name in names(node) if name in self.parts}
        return found.pop() if len(found) == 1 else "both" if found else ""


def knows(full: str, name: str) -> bool:
    """Whether a list of `leakage.toml` holds a full name, `package.*` standing for all of a package."""
    listed = knowledge.sets("leakage")[name]
    parts = full.split(".")
    return full in listed or any(".".join([*parts[:size], "*"]) in listed for size in range(1, len(parts)))


def names(node: ast.AST) -> set[str]:
    """Return the names an expression reads."""
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _relevant(findings: Findings) -> bool:
    wanted = knowledge.sets("leakage")
    used = {full for full in findings.context.imports.values() if full.startswith("sklearn")}
    return any(full in wanted["splits"] | wanted["judges"] for full in used) or "sklearn.model_selection" in used


def _names_of_learners(context: Context) -> list[str]:
    """Return how a cell that makes an object that learns may look."""
    classes = [f"{name.lower()}(" for name, full in context.imports.items() if knows(full, "learning")]
    modules = [
        name for name, full in context.imports.items() if full.startswith(("sklearn", "imblearn", "category_enc"))
    ]
    return [*classes, *(f"{name}." for name in modules if name.islower())]


def _check(findings: Findings) -> Iterator[Diagnostic]:
    if not _relevant(findings):
        return
    rows = Rows(findings.context)
    stops = any("early_stopping" in item.cell.body for item in findings.parsed)
    told: set[int] = set()
    near = {id(statement) for statement in hinting(findings, (*HINTS, *_names_of_learners(findings.context)))}
    for statement in findings.statements:
        if id(statement) not in near:
            _passed_on(rows, statement)
            continue
        if statement.owner is None or isinstance(
            statement.node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
        ):
            continue
        for place, item in _calls(rows, statement, stops=stops):
            if place not in told:
                told.add(place)
                yield item
        for node in _assignments(statement.node):
            _bound(rows, statement, node)


def _passed_on(rows: Rows, statement: Statement) -> None:
    """Note what a statement that fits and splits nothing makes of what is known."""
    bound = statement.facts.binds
    if not (bound and (rows.touched or rows.parts or rows.learners)):
        return
    read = statement.facts.reads.keys()
    parts = {rows.parts[name] for name in read & rows.parts.keys()}
    cause = next((rows.touched[name] for name in sorted(read & rows.touched.keys())), None)
    for name in bound:
        rows.forget(name)
        if parts:
            rows.parts[name] = parts.copy().pop() if len(parts) == 1 else "both"
        elif cause is not None:
            rows.touched[name] = cause


def _calls(rows: Rows, statement: Statement, *, stops: bool) -> Iterator[tuple[int, Diagnostic]]:
    for call in [item for item in ast.walk(statement.node) if isinstance(item, ast.Call)]:
        yield from _called(rows, statement, call, stops=stops)


def _called(rows: Rows, statement: Statement, call: ast.Call, *, stops: bool) -> Iterator[tuple[int, Diagnostic]]:
    """Look at one call: a fit, an application of what was fitted, a split."""
    full = dotted(rows.context, call.func)
    if knows(full, "splits") or knows(full, "judges"):
        given = [name for argument in call.args for name in sorted(names(argument)) if name in rows.touched]
        for name in given[:1]:
            where, what = rows.touched[name]
            message = f"{what} learns from all rows; cell {statement.cell.number} splits them afterwards"
            yield where.index, _BEFORE.at(where, message, "split first, then fit on the training rows only")
    if not isinstance(call.func, ast.Attribute) or not call.args:
        return
    method, part = call.func.attr, rows.part(call.args[0])
    if method in FITS and part == "test":
        name = next(name for name in sorted(names(call.args[0])) if name in rows.parts)
        message = f"`{name}` is what the split held out, and .{method}() learns from it"
        yield statement.index, _TEST.at(statement, message, "fit on the training rows, and only apply it to these")
    if method in FITS and stops:
        for keyword in call.keywords:
            if keyword.arg in WATCHED and "test" in {rows.parts.get(name) for name in names(keyword.value)}:
                message = f"{keyword.arg} decides when to stop by rows that judge the model later"
                yield statement.index, _TEST.at(statement, message, "split the training rows once more for that")


def _assignments(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield what a statement consists of, blocks looked into."""
    if not hasattr(node, "body"):
        yield node
    else:
        yield from (item for item in ast.walk(node) if isinstance(item, (ast.Assign, ast.Expr)))


def _bound(rows: Rows, statement: Statement, node: ast.stmt) -> None:
    """Note what a statement makes of what is known."""
    value = getattr(node, "value", None)
    call = value if isinstance(value, ast.Call) else None
    split = call is not None and knows(dotted(rows.context, call.func), "splits")
    cause = _learned(rows, statement, value) if isinstance(value, ast.expr) else None
    part = rows.part(value) if isinstance(value, ast.expr) else ""
    learner = rows.class_of(call) if call is not None else ""
    for index, (name, whole) in enumerate(_targets(node)):
        if whole:
            rows.forget(name)
        if split:
            rows.parts[name] = "test" if index % 2 else "train"
        elif part:
            rows.parts.setdefault(name, part)
        elif cause is not None:
            rows.touched[name] = cause
        if learner and whole:
            rows.learners[name] = learner


def _targets(node: ast.stmt) -> list[tuple[str, bool]]:
    """Return the names an assignment changes, and whether they are bound anew."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    found = [
        item for target in targets for item in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])
    ]
    return [(_root(item) or "", isinstance(item, ast.Name)) for item in found]


def _learned(rows: Rows, statement: Statement, value: ast.expr) -> tuple[Statement, str] | None:
    """Return where what an expression holds was learned from rows that are not split yet; note what is fitted."""
    for call in [item for item in ast.walk(value) if isinstance(item, ast.Call)]:
        if not isinstance(call.func, ast.Attribute):
            continue
        kind, receiver = rows.class_of(call.func.value), _root(call.func.value)
        whole = bool(call.args) and not rows.part(call.args[0])
        if kind and call.func.attr in FITS and whole:
            if receiver:
                rows.fitted[receiver] = (statement, kind)
            return statement, kind
        if call.func.attr == "fillna" and not rows.part(call) and _statistic(call):
            return statement, f"fillna by the {_statistic(call)}"
        if call.func.attr == "transform" and receiver in rows.fitted and not rows.part(call):
            return rows.fitted[receiver]
    return next((rows.touched[name] for name in sorted(names(value)) if name in rows.touched), None)


def _statistic(call: ast.Call) -> str:
    wanted = knowledge.sets("leakage")["statistics"]
    inner = [item for argument in call.args for item in ast.walk(argument) if isinstance(item, ast.Call)]
    return next(
        (item.func.attr for item in inner if isinstance(item.func, ast.Attribute) and item.func.attr in wanted), ""
    )


def _root(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


_BEFORE = Rule(
    "NB317",
    "warning",
    "fitted before the split",
    "What scales, imputes, selects or resamples learns from the rows it sees. Fitted on all of them, it tells the "
    "model about the rows that are to judge it: the score is better than what production will give.",
    "X = StandardScaler().fit_transform(X)\nX_train, X_test, y_train, y_test = train_test_split(X, y)",
    "X_train, X_test, y_train, y_test = train_test_split(X, y)\nscaler = StandardScaler().fit(X_train)\n"
    "X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)",
    check=_check,
)
_TEST = Rule(
    "NB318",
    "warning",
    "test rows that were learned from",
    "Rows held out by a split judge a model only as long as nothing was fitted, chosen or stopped by them.",
    "X_test = scaler.fit_transform(X_test)",
    "X_test = scaler.transform(X_test)",
)
RULES = (_BEFORE, _TEST)
