"""Functions given to functions: what is known of the one that is called says nothing of those it calls."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge
from nbprod.analysis.facts import NOTHING, Definition, Facts, Flow
from nbprod.analysis.patches import Patches

if TYPE_CHECKING:
    from nbprod.analysis.knowledge import Call


class Callbacks(Patches):
    """Expressions that hand over functions."""

    def callbacks(self, node: ast.Call, name: str, given: Flow) -> Flow:
        """Note that what a call is given may be changed by a function given with it; `map` may do so later."""
        if not any(self.changes(item, calls_back=called) for item, called in _arguments(node, name)):
            return NOTHING
        self.mutate(given)
        self.join(given)
        later = Definition("<later>", Facts(mutates={key for key in given.shares if "@" not in key}))
        return given | Flow(frozenset(), frozenset((later,)))

    def changes(self, node: ast.expr, *, calls_back: bool) -> bool:
        """Whether a value is, or may be, a function that changes what it is called with."""
        if isinstance(node, ast.Lambda):
            return id(node) in self.changing
        if isinstance(node, ast.Name):
            return self.named(self.key(node.id), calls_back=calls_back)
        if isinstance(node, ast.Attribute):
            return calls_back and self.attribute(node)
        return calls_back and isinstance(node, (ast.Call, ast.Subscript, ast.IfExp, ast.BoolOp))

    def named(self, key: str, *, calls_back: bool) -> bool:
        """Whether a name stands for such a function; of a variable nothing is known."""
        if key in self.context.definitions:
            definition = self.context.definitions[key]
            return definition is None or bool(definition.mutated or definition.ties)
        dotted = self.context.imports.get(key) or self.local_imports.get(key)
        if dotted is not None:
            return calls_back and _may_change(knowledge.function(dotted))
        if key in self.context.immutable or key in self.context.flat:
            return False
        return calls_back and (key in self.context.bound or "@" in key)

    def attribute(self, node: ast.Attribute) -> bool:
        """Whether a method, or a library's function, may change something."""
        dotted = self.dotted(node)
        if dotted is not None:
            return _may_change(knowledge.function(dotted))
        if node.attr in self.context.methods:
            return True
        fitted = node.attr.endswith("_") and not node.attr.startswith("_")  # what `fit` learned is data, by convention
        return not fitted and _may_change(knowledge.method(node.attr))


def _arguments(node: ast.Call, name: str) -> list[tuple[ast.expr, bool]]:
    """Return the arguments, each with whether it is surely there to be called."""
    called = knowledge.listed_name(name, "call_back")
    found = [(item, called and index == 0) for index, item in enumerate(node.args)]
    return found + [(keyword.value, keyword.arg in ("key", "func", "function")) for keyword in node.keywords]


def _may_change(call: Call) -> bool:
    return bool(call.mutates) or not (call.pure or call.display)
