"""Statements: what each top-level statement of a notebook reads, binds, changes and does besides."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbprod.analysis.definitions import Definitions
from nbprod.analysis.facts import NOTHING, Facts, Flow
from nbprod.analysis.scopes import bound_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbprod.analysis.context import Context


PYTHONS = {"version_info", "platform", "PY2", "PY3"}


def facts_of(node: ast.stmt, context: Context, offset: int = 0) -> Facts:
    """Return what a top-level statement does; definitions it makes are noted in `context`."""
    walk = Statements(context, Facts())
    walk.offset = offset
    walk.statement(node)
    walk.settle()
    return walk.facts


class Statements(Definitions):
    """Walks statements."""

    raised = NOTHING

    def statement(self, node: ast.stmt) -> None:
        """Execute one statement in mind."""
        handler: Callable[[Any], None] | None = getattr(self, f"_{type(node).__name__.lower()}_statement", None)
        if handler is not None:
            handler(node)
        else:
            self.several(self.parts(node))

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Execute statements one after another."""
        for node in body:
            self.statement(node)

    # binding

    def _assign_statement(self, node: ast.Assign) -> None:
        flow = self.flow(node.value)
        if isinstance(node.value, ast.Name) and self.key(node.value.id) in self.context.definitions:
            flow = Flow(frozenset((node.value.id,)), flow.carries)  # `C = Cfg`: a change of C is one of Cfg
        for target in node.targets:
            self.target(target, flow)

    def _annassign_statement(self, node: ast.AnnAssign) -> None:
        self.guards += self.context.lazy
        self.flow(node.annotation)
        self.guards -= self.context.lazy
        if node.value is not None:
            self.target(node.target, self.flow(node.value))

    def _augassign_statement(self, node: ast.AugAssign) -> None:
        value = self.flow(node.value)
        if isinstance(node.target, ast.Name):
            own = self._name(ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target))
            self.mutate(own)
            self.join(own, value)
            self.bind(node.target.id, own | value)
        else:
            self.change(node.target, value)

    def change(self, node: ast.Attribute | ast.Subscript, flow: Flow) -> None:
        """Assign to, or delete, an attribute or item."""
        dotted = self.dotted(node.value if isinstance(node, ast.Subscript) else node)
        if isinstance(node, ast.Subscript):
            self.flow(node.slice)
        base = self.flow(node.value)
        if dotted is not None:
            self.patch(dotted, node)
            return
        self.mutate(self.changed(node, base))
        self.join(base, flow)

    def _delete_statement(self, node: ast.Delete) -> None:
        for target in node.targets:
            if not isinstance(target, ast.Name):
                self.delete_part(target)
                continue
            key = self.read(target.id, target.lineno)
            if "@" in key:
                continue
            self.facts.maybe.add(key)
            if not (self.deferred or self.conditional):
                self.facts.deletes.add(key)
                self.facts.binds.discard(key)
                self.known.discard(key)

    def delete_part(self, target: ast.expr) -> None:
        """Delete an attribute, an item, or several."""
        if isinstance(target, (ast.Attribute, ast.Subscript)):
            self.change(target, NOTHING)
        else:
            for item in getattr(target, "elts", ()):
                self._delete_statement(ast.copy_location(ast.Delete([item]), item))

    def _import_statement(self, node: ast.Import) -> None:
        for alias in node.names:
            self.facts.modules.add(alias.name.split(".")[0])
            name = alias.asname or alias.name.split(".")[0]
            self.imported(name, alias.name if alias.asname else name)

    def _importfrom_statement(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.facts.modules.add(module.split(".")[0] or module)
        for alias in node.names:
            if alias.name == "*":
                self.facts.star = True
            else:
                self.imported(alias.asname or alias.name, f"{module}.{alias.name}")

    def imported(self, name: str, dotted: str) -> None:
        """Bind a name to what is imported."""
        key = self.key(name)
        if "@" in key:
            self.local_imports[key] = dotted
        else:
            self.bind(name, NOTHING)

    # control flow

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """Execute what may not be executed."""
        known = set(self.known)
        self.conditional += 1
        yield
        self.conditional -= 1
        self.known = known

    def either(self, blocks: Sequence[Callable[[], None]]) -> None:
        """Execute one of several blocks: what all of them bind is surely bound."""
        before, known = set(self.facts.maybe), set(self.known)
        each = []
        for block in blocks:
            self.known = set(known)
            self.conditional += 1
            block()
            self.conditional -= 1
            each.append(self.known - known)
        common = set.intersection(*each) if each else set()
        self.known = known | common
        if not (self.conditional or self.deferred):
            self.facts.binds |= common
            self.facts.maybe -= common - before

    def _if_statement(self, node: ast.If) -> None:
        self.flow(node.test)
        elsewhere = _asks_for_python(node.test)  # `unicode` where Python is older than 3
        never = _is_false(node.test)

        def body() -> None:
            self.guards += never
            self.block(node.body)
            self.guards -= never

        self.guards += elsewhere
        self.either([body, lambda: self.block(node.orelse)])
        self.guards -= elsewhere

    def _while_statement(self, node: ast.While) -> None:
        self.flow(node.test)
        with self.perhaps():
            self.block(node.body)
        with self.perhaps():
            self.block(node.orelse)

    def _for_statement(self, node: ast.For | ast.AsyncFor) -> None:
        flow = self.members(node.iter)
        with self.perhaps():
            self.target(node.target, flow)
            self.block(node.body)
        with self.perhaps():
            self.block(node.orelse)

    _asyncfor_statement = _for_statement

    def _with_statement(self, node: ast.With | ast.AsyncWith) -> None:
        swallows = False
        for item in node.items:
            flow = self.flow(item.context_expr)
            self.mutate(flow)
            self.facts.committed |= flow.shares
            if item.optional_vars is not None:
                self.target(item.optional_vars, flow)
            called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
            swallows |= (self.dotted(called) or "") in (
                "contextlib.suppress",
                "unittest.TestCase.assertRaises",
                "pytest.raises",
            )
        if swallows:
            with self.perhaps():
                self.block(node.body)
        else:
            self.block(node.body)

    _asyncwith_statement = _with_statement

    def _try_statement(self, node: ast.Try) -> None:
        def body() -> None:
            self.guards += any(_catches_names(handler) for handler in node.handlers)
            self.block(node.body)
            self.guards -= any(_catches_names(handler) for handler in node.handlers)
            self.block(node.orelse)

        going_on = [handler for handler in node.handlers if not _ends(handler.body)]
        ending = [handler for handler in node.handlers if _ends(handler.body)]
        self.either([body, *(lambda handler=handler: self.handler(handler) for handler in going_on)])
        for handler in ending:
            with self.perhaps():
                self.handler(handler)
        self.block(node.finalbody)

    _trystar_statement = _try_statement

    def handler(self, node: ast.ExceptHandler) -> None:
        """Execute an `except` clause; its name is gone afterwards."""
        self.flow(node.type)
        if node.name:
            self.bind(node.name, self.raised)
        self.guards += 1  # where nothing fails, nobody misses a name
        self.block(node.body)
        self.guards -= 1
        if node.name:
            self.known.discard(self.key(node.name))

    def _raise_statement(self, node: ast.Raise) -> None:
        given = node.exc.args if isinstance(node.exc, ast.Call) else []
        self.raised = self.raised | self.several([node.exc, *given])  # the exception holds what it was made with
        self.flow(node.cause)

    def _match_statement(self, node: ast.Match) -> None:
        flow = self.flow(node.subject)
        for case in node.cases:
            with self.perhaps():
                for name in sorted(bound_names([case.pattern])):
                    self.bind(name, flow)
                self.several(self.parts(case.pattern))
                self.flow(case.guard)
                self.block(case.body)

    def _expr_statement(self, node: ast.Expr) -> None:
        self.shown = node.value
        self.flow(node.value)


def _asks_for_python(test: ast.expr) -> bool:
    """Whether a condition asks which Python this is, or which system."""
    names = (getattr(node, "attr", None) or getattr(node, "id", None) for node in ast.walk(test))
    return any(name in PYTHONS for name in names)


def _is_false(test: ast.expr) -> bool:
    """Whether a condition never holds: `if False:`, `if TYPE_CHECKING:`."""
    name = getattr(test, "attr", None) or getattr(test, "id", None)
    return (isinstance(test, ast.Constant) and not test.value) or name == "TYPE_CHECKING"


def _catches_names(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.dump(handler.type)
    return not caught or any(f"'{name}'" in caught for name in ("NameError", "Exception", "BaseException"))


def _ends(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise)
