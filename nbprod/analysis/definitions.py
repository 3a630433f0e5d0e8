"""Functions and classes of the notebook: what calling one changes, returns and brings along."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis.calls import Calls
from nbprod.analysis.classes import FUNCTIONS, changes_class
from nbprod.analysis.facts import NOTHING, Definition, Facts, Flow
from nbprod.analysis.scopes import parameters_of
from nbprod.analysis.ties import Tie

if TYPE_CHECKING:
    from nbprod.analysis.context import Context


class Definitions(Calls):
    """Expressions, and statements that define functions and classes."""

    def __init__(self, context: Context, facts: Facts) -> None:
        super().__init__(context, facts)
        self.shared: dict[str, str] = {}

    def _attribute(self, node: ast.Attribute) -> Flow:
        flow = super()._attribute(node)
        if node.attr in self.shared and self.deferred:  # `self.seen` is the class's
            return flow | Flow(frozenset((self.shared[node.attr],)), frozenset())
        return flow

    def settle(self) -> None:
        """Hand changes of local names on to the notebook's names that share their objects."""
        for group in _groups(self.links):
            if group & self.local_mutated:
                self.facts.mutates.update(key for key in group if "@" not in key and key not in self.context.imports)

    def _functiondef_statement(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.decorators(node)
        defaults = self.defaults(node.args)
        self.annotations(node)
        names = parameters_of(node.args)
        scope = self.scope("function", [*node.body], names)
        start, begin = len(self.links), self.ties.mark()
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
        self.tie(definition, scope.number, begin)
        kept = {name for name, (_, lasting) in defaults.items() if lasting}
        leaves = kept & (definition.mutated | definition.returned_parameters)
        if (leaves or self.remembers(node)) and "@" not in self.key(node.name):
            definition.facts.mutates.add(node.name)  # `def f(x, seen=[])`: what a call leaves in the default
        del self.links[start:]
        self.local_mutated = outer
        self.defined(node.name, definition, decorated=bool(node.decorator_list))

    _asyncfunctiondef_statement = _functiondef_statement

    def decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """Apply decorators: `@f.register` and `@app.get("/")` change what they belong to."""
        for decorator in node.decorator_list:
            flow = self.flow(decorator)
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not isinstance(function, ast.Attribute) or self.dotted(function) is not None:
                continue
            self.mutate(flow | self.changed(function, self.flow(function.value)))

    def remembers(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function keeps what it returned: calling it changes it."""
        plain = [item.func if isinstance(item, ast.Call) else item for item in node.decorator_list]
        return any(self.dotted(item) in ("functools.lru_cache", "functools.cache") for item in plain)

    def annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Evaluate the annotations of a signature; names in them may be missing without harm to the analysis."""
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        self.guards += self.context.lazy
        self.several(item.annotation for item in every if item is not None)
        self.flow(node.returns)
        self.guards -= self.context.lazy

    def summarize(self, definition: Definition, node: ast.AST, number: int, links: list[frozenset[str]]) -> None:
        """Fill in which parameters a function changes or returns, and the names of the notebook it does that to."""
        arguments = getattr(node, "args", None)
        names = parameters_of(arguments) if arguments is not None else []
        facts = definition.facts
        mutated, returned = self.local_mutated | (facts.mutates & facts.maybe), frozenset({"return@"})
        result: set[str] = set()
        bound = [flow.shares | {name} for name, flow in facts.flows.items() if name in facts.maybe]
        for group in _groups(links + bound):
            if group & mutated:
                mutated |= group
                facts.mutates.update(key for key in group if "@" not in key and key not in self.context.imports)
            if group & returned:
                result |= group
        definition.parameters = tuple(names)
        definition.mutated = frozenset(name for name in names if f"{name}@{number}" in mutated)
        waits = any(isinstance(item, (ast.Yield, ast.YieldFrom)) for item in ast.walk(node))
        definition.returned_parameters = frozenset(name for name in names if waits or f"{name}@{number}" in result)
        outside = frozenset(key for key in result if "@" not in key)
        definition.returned = Flow(outside, outside)
        definition.code = _returns_code(node, self.context)

    def tie(self, definition: Definition, number: int, begin: tuple[int, int]) -> None:
        """Note which parameters and names of the notebook hold each other when the function has run."""
        keys = {f"{name}@{number}": name for name in definition.parameters}
        found = []
        for roots in self.ties.since(begin, keys.keys()):
            tie = Tie(
                frozenset(keys[key] for key in roots if key in keys),
                frozenset(key for key in roots if key not in keys and key not in self.context.imports),
            )
            if tie.parameters and len(tie.parameters) + len(tie.names) > 1:
                found.append(tie)
            if len(tie.names) > 1:
                definition.facts.joins.append(tie.names)
        definition.ties = tuple(found)

    def defined(self, name: str, definition: Definition, *, decorated: bool) -> None:
        """Bind a name to a function or class; one without decorators does nothing where it stands."""
        key = self.key(name)
        if "@" not in key and not decorated:
            self.facts.definitions.remove(definition)
        elif "@" in key and name in self.context.methods:
            known = self.context.methods[name]
            if not decorated and None in known:
                known[known.index(None)] = definition
        self.bind(name, Flow(frozenset(), frozenset((definition,))))
        if key in self.context.definitions:
            self.context.definitions[name] = definition if not decorated else None

    def _return_statement(self, node: ast.Return) -> None:
        self.links.append(self.flow(node.value).shares | {"return@"})

    def _classdef_statement(self, node: ast.ClassDef) -> None:
        self.decorators(node)
        self.several([*node.bases, *(keyword.value for keyword in node.keywords)])
        for keyword in node.keywords:
            if keyword.arg == "metaclass":  # making a class may change it
                self.mutate(self.directly(keyword.value, self.flow(keyword.value)))
        scope = self.scope("class", [*node.body])
        outermost = not self.deferred
        before = len(self.facts.definitions)
        self.scopes.append(scope)
        known, outer, read, begin = set(self.known), self.shared, set(self.facts.reads), len(self.ties.origins)
        self.shared = self.shared_by(node)
        self.block(node.body)
        shared, self.shared = self.shared, outer
        self.scopes.pop()
        self.known = known
        if not outermost:
            self.bind(node.name, NOTHING)
            return
        definition = Definition(node.name, _merged(self.facts.definitions[before:]), code=True)
        definition.shared = shared
        # descriptors: what is assigned to an attribute runs the code of what the body made
        made = (self.facts.reads.keys() - read) & self.context.definitions.keys()
        definition.facts.reads |= {name: self.facts.reads[name] for name in made}
        keeps = any(isinstance(item, FUNCTIONS) and self.remembers(item) for item in node.body)
        definition.itself = keeps or changes_class(node) or any(base.itself for base in self.bases(node))
        definition.lasting = node.name in shared.values() or definition.itself or self.context.retypes
        if definition.itself:
            definition.facts.mutates.add(node.name)
        self.methods_of(definition, self.facts.definitions[before:], self.bases(node))
        del self.facts.definitions[before:]
        if any(_changes_its_class(item) for item in node.body):
            definition.facts.mutates.add(node.name)
        self.constructor(definition, node)
        self.facts.definitions.append(definition)
        self.defined(node.name, definition, decorated=bool(node.decorator_list) and not _dataclass(node))
        held = frozenset(key for _, shares in self.ties.origins[begin:] for key in shares if "@" not in key)
        self.bind(node.name, Flow(held, held))

    @staticmethod
    def methods_of(definition: Definition, methods: list[Definition], bases: list[Definition]) -> None:
        """Note what methods, and functions beside them, hold and give back: who has an instance may come by that."""
        definition.facts.joins = [names for item in methods for names in item.facts.joins]
        definition.ties = tuple(tie for item in methods if item.name == "__init__" for tie in item.ties)
        definition.hidden = any(
            item.ties and item.name.startswith("__") and item.name != "__init__" for item in methods
        )
        given = frozenset().union(*(item.returned.shares for item in (*methods, *bases)))
        definition.returned = Flow(given, given)

    def bases(self, node: ast.ClassDef) -> list[Definition]:
        """Return the notebook's own classes among the bases."""
        names = [base.id for base in node.bases if isinstance(base, ast.Name)]
        return [known for name in names if (known := self.context.definitions.get(name)) is not None]

    def shared_by(self, node: ast.ClassDef) -> dict[str, str]:
        """Return the attributes that instances share with the class, `seen = []`, and whose they are."""
        found: dict[str, str] = {}
        for base in self.bases(node):
            found |= base.shared
        fields = bool(node.decorator_list) and _dataclass(node)  # of which each instance has its own
        kinds = ast.Assign if fields else (ast.Assign, ast.AnnAssign)
        for item in node.body:
            if isinstance(item, kinds) and not isinstance(item.value, (ast.Constant, type(None))):
                targets = item.targets if isinstance(item, ast.Assign) else [item.target]
                found |= {target.id: node.name for target in targets if isinstance(target, ast.Name)}
        return found

    def constructor(self, definition: Definition, node: ast.ClassDef) -> None:
        """Note what becomes of the arguments of a class: kept, and where `__init__` does more, perhaps changed."""
        init = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
        names = parameters_of(init.args)[1:] if init is not None else []
        definition.parameters = tuple(names)
        own = {f"{parameters_of(init.args)[0]}"} if init is not None and parameters_of(init.args) else set()
        definition.mutated = frozenset(names) if init is not None and _changes_more_than(init, own) else frozenset()
        definition.returned_parameters = frozenset(names)


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
            "handled",
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


def _changes_its_class(item: ast.stmt) -> bool:
    """Whether `__new__` sets something of the class it is given, `cls.made += 1`."""
    if not isinstance(item, ast.FunctionDef) or item.name != "__new__" or not parameters_of(item.args):
        return False
    given = parameters_of(item.args)[0]
    set_there = (part for part in ast.walk(item) if not isinstance(getattr(part, "ctx", ast.Load()), ast.Load))
    return any(_root(part) == given for part in set_there if isinstance(part, (ast.Attribute, ast.Subscript)))


def _root(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


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
