"""Expressions: what evaluating one reads and changes, and where its value comes from."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any

from nbprod.analysis import dynamics
from nbprod.analysis.facts import NOTHING, Definition, Facts, Flow
from nbprod.analysis.scopes import Scope, parameters_of, scope_of
from nbprod.analysis.ties import Ties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nbprod.analysis.context import Context

GLOBALS_OF_IPYTHON = frozenset({"In", "Out", "_", "__", "___"})
BUILTINS = frozenset(dir(builtins)) | GLOBALS_OF_IPYTHON | {"get_ipython", "display", "__builtins__", "exit", "quit"}


class Expressions:
    """Walks expressions; `facts` is where findings go: those of the statement, or of the definition it is inside."""

    def __init__(self, context: Context, facts: Facts) -> None:
        self.context = context
        self.facts = facts
        self.scopes: list[Scope] = []
        self.counter = 0
        self.deferred = False
        self.conditional = 0
        self.known: set[str] = set()
        self.guards = 0
        self.shows = 0
        self.links: list[frozenset[str]] = []
        self.ties = Ties()
        self.local_imports: dict[str, str] = {}
        self.local_mutated: set[str] = set()
        self.changing: set[int] = set()  # lambdas that change what they are called with, by `id()`
        self.offset = 0

    # names

    def key(self, name: str) -> str:
        """Return the notebook's name, or for a local one a key of its own (`x@3`)."""
        for depth, scope in enumerate(reversed(self.scopes)):
            if name in scope.globals:
                return name
            if name in scope.names and (scope.kind != "class" or depth == 0):
                return f"{name}@{scope.number}"
        return name

    def read(self, name: str, line: int) -> str:
        """Note that a name is read; return its key."""
        key = self.key(name)
        if "@" in key:
            return key
        if self.deferred or key not in self.known:
            self.facts.reads.setdefault(key, line + self.offset)
            if self.guards:
                self.facts.guarded.add(key)
        elif key in self.facts.flows:  # bound by this very statement: its code may run at once
            codes = (item for item in self.facts.flows[key].carries if not isinstance(item, str))
            self.facts.definitions += [item for item in codes if item not in self.facts.definitions]
        return key

    def ask(self, name: str, line: int) -> Flow:
        """Note that a name is read if it is there; return where its value comes from."""
        self.guards += 1
        flow = self._name(ast.Name(name, ast.Load(), lineno=line, col_offset=0))
        self.guards -= 1
        return flow

    def bind(self, name: str, flow: Flow) -> None:
        """Note that a name is bound to a value of that origin."""
        key = self.key(name)
        if "@" in key:
            self.links.append(flow.shares | {key})
            self.ties.origins.append((key, flow.shares))
            return
        if self.deferred:
            self.ties.events.append(flow.shares | {key})
        (self.facts.maybe if self.deferred or self.conditional else self.facts.binds).add(key)
        self.known.add(key)
        self.facts.flows[key] = self.facts.flows.get(key, NOTHING) | flow

    def mutate(self, flow: Flow) -> None:
        """Note that the objects a value shares may be changed."""
        self.facts.handled |= {item for item in flow.carries if isinstance(item, str)}
        for key in flow.shares:
            if "@" in key:
                self.local_mutated.add(key)
            elif key not in self.context.imports:
                self.facts.mutates.add(key)

    def join(self, *flows: Flow) -> None:
        """Note that the objects of these values may hold each other from now on."""
        shares = frozenset().union(*(flow.shares for flow in flows))
        if len(shares) > 1:
            self.links.append(shares)
            self.ties.events.append(shares)
            shared = frozenset(key for key in shares if "@" not in key)
            if len(shared) > 1:
                self.facts.joins.append(shared)
        carried = frozenset().union(*(flow.carries for flow in flows))
        flow = Flow(frozenset(), carried)
        for key in shares if carried else ():
            if "@" not in key:
                self.facts.flows[key] = self.facts.flows.get(key, NOTHING) | flow

    # expressions

    def flow(self, node: ast.expr | None) -> Flow:
        """Evaluate an expression: note what it does, return where its value comes from."""
        if node is None:
            return NOTHING
        handler: Callable[[Any], Flow] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        return handler(node) if handler else self.several(self.parts(node))

    def parts(self, node: ast.AST) -> Iterator[ast.expr]:
        """Yield the expressions right below a node."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield child
            elif not isinstance(child, (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)):
                yield from self.parts(child)

    def several(self, nodes: Iterable[ast.expr | None]) -> Flow:
        """Evaluate expressions in order; return the union of their origins."""
        total = NOTHING
        for node in nodes:
            total = total | self.flow(node)
        return total

    def _constant(self, node: ast.Constant) -> Flow:  # noqa: ARG002  one signature for all handlers
        return NOTHING

    def _name(self, node: ast.Name) -> Flow:
        key = self.read(node.id, node.lineno)
        if key in self.context.imports or key in self.context.immutable:
            return NOTHING
        if key in self.context.definitions:
            return Flow(frozenset(), frozenset((key,)))
        if key in BUILTINS and key not in self.context.bound:
            return NOTHING
        return Flow(frozenset((key,)), frozenset() if "@" in key else frozenset((key,)))

    def _joinedstr(self, node: ast.JoinedStr) -> Flow:
        self.shows += 1
        self.several(self.parts(node))
        self.shows -= 1
        return NOTHING

    def _compare(self, node: ast.Compare) -> Flow:
        name = dynamics.asked(node)
        if name is not None:
            self.ask(name, node.lineno)
            return NOTHING
        sides = [node.left, *node.comparators]
        numbered = all(map(dynamics.identity, sides))  # `id(a) == id(b)` asks what `a is b` does
        flows = [self.flow(item.args[0] if numbered else item) for item in sides]  # type: ignore[attr-defined]  # calls
        which = numbered or any(isinstance(sign, (ast.Is, ast.IsNot)) for sign in node.ops)
        if which and all(flow.shares for flow in flows):
            for flow in flows:  # which object it is counts, so none may be made anew
                self.mutate(flow)
        return NOTHING

    def _binop(self, node: ast.BinOp) -> Flow:
        # Operators of user classes may do anything; those of every type in the data files make a new object, but a
        # list of a and b still holds the members of both.
        return self.members(node.left) | self.members(node.right)

    def members(self, node: ast.expr) -> Flow:
        """Evaluate an expression of which only the members are kept: those of a literal list of texts share nothing."""
        flow = self.flow(node)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return flow | self.itself(*node.elts)
        return Flow(flow.shares - self.context.flat, flow.carries) if isinstance(node, ast.Name) else flow

    def itself(self, *nodes: ast.expr) -> Flow:
        """Return those of some values that are functions or classes of the notebook, to be changed by another name."""
        keys = (self.key(node.id) for node in nodes if isinstance(node, ast.Name))
        return Flow(frozenset(key for key in keys if key in self.context.definitions), frozenset())

    def _unaryop(self, node: ast.UnaryOp) -> Flow:
        return self.flow(node.operand)

    def _boolop(self, node: ast.BoolOp) -> Flow:
        first = self.flow(node.values[0])
        self.conditional += 1
        rest = self.several(node.values[1:])
        self.conditional -= 1
        return first | rest

    def _ifexp(self, node: ast.IfExp) -> Flow:
        self.flow(node.test)
        self.conditional += 1
        either = self.several((node.body, node.orelse))
        self.conditional -= 1
        return either

    def _namedexpr(self, node: ast.NamedExpr) -> Flow:
        value = self.flow(node.value)
        inside = [scope for scope in self.scopes if scope.kind == "comprehension"]
        if not inside:
            self.bind(node.target.id, value)
            return value
        kept, self.scopes = self.scopes, [scope for scope in self.scopes if scope.kind != "comprehension"]
        self.conditional += 1
        self.bind(node.target.id, value)
        self.conditional -= 1
        self.scopes = kept
        return value

    def _lambda(self, node: ast.Lambda) -> Flow:
        defaults = self.defaults(node.args)
        scope = self.scope("function", [node.body], parameters_of(node.args))
        (definition, undo), begin = self.enter(scope, "<lambda>"), len(self.ties.events)
        result = self.flow(node.body)
        for name, (flow, _) in defaults.items():
            if self.key(name) in self.local_mutated:
                self.mutate(flow)
        undo()
        if any(key.endswith(f"@{scope.number}") for key in self.local_mutated.union(*self.ties.events[begin:])):
            self.changing.add(id(node))
        if definition is not None:
            kept = [flow.shares for name, (flow, _) in defaults.items() if f"{name}@{scope.number}" in result.shares]
            given = frozenset(key for key in result.shares if "@" not in key).union(*kept)
            definition.returned = Flow(given, given)
        return Flow(frozenset(), frozenset((definition,) if definition else ()))

    def defaults(self, arguments: ast.arguments) -> dict[str, tuple[Flow, bool]]:
        """Evaluate default values; return, by parameter, where each comes from and whether a call could change it."""
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
        pairs += [
            (item, value) for item, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value
        ]
        return {
            item.arg: (self.flow(value) | self.itself(value), not isinstance(value, (ast.Constant, ast.Name)))
            for item, value in pairs
        }

    def _await(self, node: ast.Await) -> Flow:
        return self.flow(node.value)

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Flow:
        self.links.append(self.flow(node.value).shares | {"return@"})
        return NOTHING

    _yieldfrom = _yield

    def _listcomp(self, node: ast.ListComp) -> Flow:
        return self.comprehension(node.generators, (node.elt,))

    _setcomp = _listcomp

    def _generatorexp(self, node: ast.GeneratorExp) -> Flow:
        before = set(self.facts.reads)
        flow = self.comprehension(node.generators, (node.elt,))
        later = Definition(
            "<genexpr>", Facts(reads={name: self.facts.reads[name] for name in self.facts.reads if name not in before})
        )
        return flow | Flow(frozenset(), frozenset((later,)))

    def _dictcomp(self, node: ast.DictComp) -> Flow:
        return self.comprehension(node.generators, (node.key, node.value))

    def comprehension(self, generators: list[ast.comprehension], elements: tuple[ast.expr, ...]) -> Flow:
        """Evaluate a comprehension in a scope of its own."""
        first = self.members(generators[0].iter)
        targets: list[ast.AST] = [item.target for item in generators]
        scope = scope_of("comprehension", self.number(), targets)
        self.scopes.append(scope)
        self.conditional += 1
        total = first
        for index, item in enumerate(generators):
            source = first if index == 0 else self.members(item.iter)
            self.target(item.target, source)
            self.several(item.ifs)
        total = total | self.several(elements)
        self.conditional -= 1
        self.scopes.pop()
        own = f"@{scope.number}"
        return Flow(frozenset(key for key in total.shares if not key.endswith(own)), total.carries)

    def _attribute(self, node: ast.Attribute) -> Flow:
        dotted = self.dotted(node)
        flow = self.flow(node.value)
        if dotted == "os.environ":
            self.facts.state.setdefault(dotted, dotted)
        return flow

    def _subscript(self, node: ast.Subscript) -> Flow:
        if self.dotted(node.value) == "os.environ" and isinstance(node.slice, ast.Constant):
            self.facts.environment.add(str(node.slice.value))
        flow = self.members(node.value)
        self.flow(node.slice)
        return flow

    def _call(self, node: ast.Call) -> Flow:
        raise NotImplementedError

    # targets

    def target(self, node: ast.expr, flow: Flow) -> None:
        """Bind, or change, the target of an assignment."""
        if isinstance(node, ast.Name):
            self.bind(node.id, flow)
        elif isinstance(node, (ast.Tuple, ast.List)):
            for item in node.elts:
                self.target(item, flow)
        elif isinstance(node, ast.Starred):
            self.target(node.value, flow)
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            self.change(node, flow)

    def change(self, node: ast.Attribute | ast.Subscript, flow: Flow) -> None:
        """Assign to, or delete, an attribute or item."""
        raise NotImplementedError

    # scopes and full names

    def number(self) -> int:
        """Return a number no other scope of this statement has."""
        self.counter += 1
        return self.counter

    def scope(self, kind: Any, body: list[Any], parameters: Iterable[str] = ()) -> Scope:
        """Return a new scope that holds `parameters` besides what `body` binds."""
        scope = scope_of(kind, self.number(), body)
        scope.names.update(parameters)
        return scope

    def enter(self, scope: Scope, name: str) -> tuple[Definition | None, Callable[[], None]]:
        """Go inside a function; the outermost one gets facts of its own. Return it, and how to come out again."""
        before = (self.facts, self.deferred, self.conditional, self.known)
        definition = None if self.deferred else Definition(name)
        if definition is not None:
            self.facts = definition.facts
            before[0].definitions.append(definition)
        self.deferred, self.conditional, self.known = True, 0, set()
        self.scopes.append(scope)

        def undo() -> None:
            self.scopes.pop()
            self.facts, self.deferred, self.conditional, self.known = before

        return definition, undo

    def dotted(self, node: ast.expr) -> str | None:
        """Return the full name of a library's function or attribute, None for what is not one."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        key = self.key(node.id)
        root = self.context.imports.get(key) or self.local_imports.get(key)
        if root is None and key in BUILTINS and key not in self.context.bound and not parts:
            root = "builtins." + key
        return None if root is None else ".".join((root, *reversed(parts)))
