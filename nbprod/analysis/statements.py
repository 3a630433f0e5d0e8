"""Statements: what each top-level statement of a notebook reads, binds, changes and does besides."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbprod.analysis.calls import Calls
from nbprod.analysis.facts import NOTHING, Definition, Facts, Flow
from nbprod.analysis.scopes import bound_names, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbprod.analysis.expressions import Context

PATCHED_OPTIONS = {
    "os.environ": "os.environ",
    "sys.path": "sys.path",
    "pandas.options": "pandas.options",
    "matplotlib.rcParams": "matplotlib.options",
    "matplotlib.pyplot.rcParams": "matplotlib.options",
    "numpy.random": "numpy.random",
}


def facts_of(node: ast.stmt, context: Context, offset: int = 0) -> Facts:
    """Return what a top-level statement does; definitions it makes are noted in `context`."""
    walk = Statements(context, Facts())
    walk.offset = offset
    walk.statement(node)
    walk.settle()
    return walk.facts


class Statements(Calls):
    """Walks statements."""

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

    def settle(self) -> None:
        """Hand changes of local names on to the notebook's names that share their objects."""
        for group in _groups(self.links):
            if group & self.local_mutated:
                self.facts.mutates.update(key for key in group if "@" not in key and key not in self.context.imports)

    # binding

    def _assign_statement(self, node: ast.Assign) -> None:
        flow = self.flow(node.value)
        if isinstance(node.value, ast.Name) and self.key(node.value.id) in self.context.definitions:
            flow = Flow(frozenset((node.value.id,)), flow.carries)  # `C = Cfg`: a change of C is one of Cfg
        for target in node.targets:
            self.target(target, flow)

    def _annassign_statement(self, node: ast.AnnAssign) -> None:
        self.flow(node.annotation)
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

    def changed(self, node: ast.Attribute | ast.Subscript, base: Flow) -> Flow:
        """Return whose objects change: a class or function named directly counts as well."""
        root: ast.expr = node.value
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if isinstance(root, ast.Name) and self.key(root.id) in self.context.definitions:
            return Flow(base.shares | {self.key(root.id)}, base.carries)
        return base

    def patch(self, dotted: str, node: ast.Attribute | ast.Subscript) -> None:
        """Note that an attribute of a library is set: an option where known, else a patch."""
        for prefix, token in PATCHED_OPTIONS.items():
            if dotted == prefix or dotted.startswith(prefix + "."):
                self.touch(token, dotted)
                return
        self.facts.patches.setdefault(dotted, node.lineno + self.offset)

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

    # definitions

    def _functiondef_statement(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.several(node.decorator_list)
        defaults = self.defaults(node.args)
        self.annotations(node)
        names = parameters_of(node.args)
        scope = self.scope("function", [*node.body], names)
        start = len(self.links)
        definition, undo = self.enter(scope, node.name)
        outer, self.local_mutated = self.local_mutated, set()
        for name, (flow, _) in defaults.items():
            self.links.append(flow.shares | {self.key(name)})
        self.block(node.body)
        undo()
        if definition is None:
            outer |= self.local_mutated
            self.local_mutated = outer
            self.bind(node.name, NOTHING)
            return
        self.summarize(definition, node, scope.number, self.links[start:])
        kept = {name for name, (_, lasting) in defaults.items() if lasting}
        if kept & (definition.mutated | definition.returned_parameters) and "@" not in self.key(node.name):
            definition.facts.mutates.add(node.name)  # `def f(x, seen=[])`: what a call leaves in the default
        del self.links[start:]
        self.local_mutated = outer
        self.defined(node.name, definition, decorated=bool(node.decorator_list))

    _asyncfunctiondef_statement = _functiondef_statement

    def defaults(self, arguments: ast.arguments) -> dict[str, tuple[Flow, bool]]:
        """Evaluate default values; return, by parameter, where each comes from and whether a call could change it."""
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
        pairs += [(item, value) for item, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
        return {item.arg: (self.flow(value), not isinstance(value, (ast.Constant, ast.Name))) for item, value in pairs}

    def annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Evaluate the annotations of a signature; names in them may be missing without harm to the analysis."""
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        self.several(item.annotation for item in every if item is not None)
        self.flow(node.returns)

    def summarize(self, definition: Definition, node: ast.AST, number: int, links: list[frozenset[str]]) -> None:
        """Fill in which parameters a function changes or returns, and the names of the notebook it does that to."""
        arguments = getattr(node, "args", None)
        names = parameters_of(arguments) if arguments is not None else []
        mutated, returned = set(self.local_mutated), frozenset({"return@"})
        result: set[str] = set()
        for group in _groups(links):
            if group & mutated:
                mutated |= group
                definition.facts.mutates.update(
                    key for key in group if "@" not in key and key not in self.context.imports
                )
            if group & returned:
                result |= group
        definition.parameters = tuple(names)
        definition.mutated = frozenset(name for name in names if f"{name}@{number}" in mutated)
        definition.returned_parameters = frozenset(name for name in names if f"{name}@{number}" in result)
        outside = frozenset(key for key in result if "@" not in key)
        definition.returned = Flow(outside, outside)
        definition.code = _returns_code(node, self.context)

    def defined(self, name: str, definition: Definition, *, decorated: bool) -> None:
        """Bind a name to a function or class; one without decorators does nothing where it stands."""
        key = self.key(name)
        if "@" not in key and not decorated:
            self.facts.definitions.remove(definition)
        self.bind(name, Flow(frozenset(), frozenset((definition,))))
        if key in self.context.definitions:
            self.context.definitions[name] = definition if not decorated else None

    def _return_statement(self, node: ast.Return) -> None:
        self.links.append(self.flow(node.value).shares | {"return@"})

    def _classdef_statement(self, node: ast.ClassDef) -> None:
        self.several([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
        scope = self.scope("class", [*node.body])
        outermost = not self.deferred
        before = len(self.facts.definitions)
        self.scopes.append(scope)
        known = set(self.known)
        self.block(node.body)
        self.scopes.pop()
        self.known = known
        if not outermost:
            self.bind(node.name, NOTHING)
            return
        definition = Definition(node.name, _merged(self.facts.definitions[before:]), code=True)
        del self.facts.definitions[before:]
        self.constructor(definition, node)
        self.facts.definitions.append(definition)
        self.defined(node.name, definition, decorated=bool(node.decorator_list) and not _dataclass(node))

    def constructor(self, definition: Definition, node: ast.ClassDef) -> None:
        """Note what becomes of the arguments of a class: kept, and where `__init__` does more, perhaps changed."""
        init = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
        names = parameters_of(init.args)[1:] if init is not None else []
        definition.parameters = tuple(names)
        own = {f"{parameters_of(init.args)[0]}"} if init is not None and parameters_of(init.args) else set()
        definition.mutated = frozenset(names) if init is not None and _changes_more_than(init, own) else frozenset()
        definition.returned_parameters = frozenset(names)

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
        self.either([lambda: self.block(node.body), lambda: self.block(node.orelse)])

    def _while_statement(self, node: ast.While) -> None:
        self.flow(node.test)
        with self.perhaps():
            self.block(node.body)
        with self.perhaps():
            self.block(node.orelse)

    def _for_statement(self, node: ast.For | ast.AsyncFor) -> None:
        flow = self.flow(node.iter)
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
            self.bind(node.name, NOTHING)
        self.block(node.body)
        if node.name:
            self.known.discard(self.key(node.name))

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
        self.flow(node.value)


def _groups(links: list[frozenset[str]]) -> list[frozenset[str]]:
    """Return the connected groups of names."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for link in links:
        first, *others = link
        for other in others:
            parent[root(other)] = root(first)
    groups: dict[str, set[str]] = {}
    for name in list(parent):
        groups.setdefault(root(name), set()).add(name)
    return [frozenset(group) for group in groups.values()]


def _merged(definitions: list[Definition]) -> Facts:
    total = Facts()
    for definition in definitions:
        facts = definition.facts
        for name, line in facts.reads.items():
            total.reads.setdefault(name, line)
        for field in (
            "guarded",
            "binds",
            "maybe",
            "deletes",
            "mutates",
            "seeds",
            "modules",
            "files_read",
            "files_written",
            "environment",
        ):
            getattr(total, field).update(getattr(facts, field))
        for field in ("effects", "state", "called", "patches"):
            for key, value in getattr(facts, field).items():
                getattr(total, field).setdefault(key, value)
    return total


def _dataclass(node: ast.ClassDef) -> bool:
    return all("dataclass" in ast.dump(item) for item in node.decorator_list)


def _returns_code(node: ast.AST, context: Context) -> bool:
    """Whether what a function returns may bring along code of the notebook."""
    for item in ast.walk(node):
        if item is not node and isinstance(
            item,
            (
                ast.Lambda,
                ast.FunctionDef,
                ast.AsyncFunctionDef,
                ast.ClassDef,
                ast.Yield,
                ast.YieldFrom,
                ast.GeneratorExp,
            ),
        ):
            return True
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load) and item.id in context.definitions:
            definition = context.definitions[item.id]
            if definition is None or definition.code:
                return True
    return isinstance(node, ast.AsyncFunctionDef)


def _changes_more_than(init: ast.FunctionDef, own: set[str]) -> bool:
    """Whether a constructor does more than setting attributes of the new object."""
    for item in ast.walk(init):
        if isinstance(item, (ast.Call, ast.AugAssign, ast.Delete)):
            return True
        if isinstance(item, (ast.Attribute, ast.Subscript)) and isinstance(item.ctx, ast.Store):
            direct = isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name) and item.value.id in own
            if not direct:
                return True
    return False


def _catches_names(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.dump(handler.type)
    return not caught or any(f"'{name}'" in caught for name in ("NameError", "Exception", "BaseException"))


def _ends(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise)
