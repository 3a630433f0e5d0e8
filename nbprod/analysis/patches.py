"""Changes of libraries, and of the process, that nothing carries to another one."""

from __future__ import annotations

import ast

from nbprod.analysis import knowledge
from nbprod.analysis.expressions import Expressions
from nbprod.analysis.facts import NOTHING, Flow

MAIN = "__main__"

_CONTAINER = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "pop", "popitem", "remove", "clear", "add"}
)


def _changes_part(dotted: str) -> bool:
    """Whether a method of something in a library changes it: `Sized.register(C)`, `keyword.kwlist.append("x")`."""
    *inner, method = dotted.split(".")[1:] or [""]
    if not inner or method not in _CONTAINER:
        return bool(inner) and method.startswith("register")
    known = knowledge.function(dotted)
    return not (known.known or known.state)


class Patches(Expressions):
    """Expressions that may change a library."""

    def patching(self, node: ast.Call, dotted: str) -> None:
        """Note changes of the process; `setattr(x, "name", value)` changes a library, or a class named directly."""
        if knowledge.listed(dotted, "whole_notebook"):
            self.everything(node.lineno)
        if knowledge.listed(dotted, "process") or _changes_part(dotted):
            self.facts.patches.setdefault(dotted, node.lineno + self.offset)
        if dotted not in ("builtins.setattr", "builtins.delattr"):
            return
        target = node.args[0] if node.args else None
        name = ast.unparse(node.args[1]).strip("'\"") if len(node.args) > 1 else ""
        owner = self.dotted(target) if target is not None else None
        if owner is not None:
            self.patch(f"{owner}.{name}", node)
        elif isinstance(target, ast.Name) and self.key(target.id) in self.context.definitions:
            self.mutate(Flow(frozenset((self.key(target.id),)), frozenset()))

    def patch(self, dotted: str, node: ast.expr) -> None:
        """Note that an attribute of a library is set: an option where known, else a patch."""
        token = knowledge.option(dotted)
        if token is not None:
            self.touch(token, dotted)
        else:
            self.facts.patches.setdefault(dotted, node.lineno + self.offset)

    def touch(self, token: str, cause: str) -> None:
        """Note that state outside variables is read or changed."""
        self.facts.state.setdefault(token, cause)

    def everything(self, line: int) -> Flow:
        """Reach the notebook's module as a whole: any of its names may be read, and its object changed."""
        flow = NOTHING
        for name in self.context.every_name():
            if self.context.imports.get(name) != MAIN:
                flow = flow | self.ask(name, line)
        self.mutate(flow)
        return flow

    def _name(self, node: ast.Name) -> Flow:
        flow = super()._name(node)
        return flow | self.everything(node.lineno) if self.context.imports.get(self.key(node.id)) == MAIN else flow

    def _subscript(self, node: ast.Subscript) -> Flow:
        flow = super()._subscript(node)
        which = node.slice.value if isinstance(node.slice, ast.Constant) else getattr(node.slice, "id", None)
        if which in (MAIN, "__name__") and self.dotted(node.value) == "sys.modules":
            return flow | self.everything(node.lineno)
        return flow

    def _attribute(self, node: ast.Attribute) -> Flow:
        flow = super()._attribute(node)
        if "__get__" in self.context.methods:  # a descriptor of the notebook may note that it was asked
            self.mutate(self.changed(node, flow))
        return flow

    def changed(self, node: ast.Attribute | ast.Subscript, base: Flow) -> Flow:
        """Return whose objects change when a part is set: a class or function named directly counts as well."""
        return self.directly(node.value, base)

    def directly(self, root: ast.expr, flow: Flow) -> Flow:
        """Add the class or function of the notebook that an expression begins with."""
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if isinstance(root, ast.Name) and self.key(root.id) in self.context.definitions:
            return Flow(flow.shares | {self.key(root.id)}, flow.carries)
        if isinstance(root, ast.Call) and isinstance(root.func, ast.Name) and root.func.id == "type" and root.args:
            return Flow(flow.shares | self.flow(root.args[0]).shares, flow.carries)  # through it, its class
        return flow
