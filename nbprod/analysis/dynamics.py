"""Names looked up by a text that is written out: `eval("x + y")`, `globals()["x"]`, `"{x}".format(**locals())`.

Only the analysis sees the rewritten tree; what runs is the cell as its author wrote it.
"""

from __future__ import annotations

import ast
import re
import string
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_Tree = TypeVar("_Tree", bound=ast.AST)
MENTIONS = re.compile(r"\b(eval|exec|globals|locals|vars)\s*\(")
_WORD = re.compile(r"[^\W\d]\w*")
_PERCENT = re.compile(r"%\(([^()]*)\)")
_AT_NAME = re.compile(r"@([A-Za-z_]\w*)")
HOOK = "get_ipython().events.register"
"""Has a function called around every cell; a pipeline cuts cells into pieces, and leaves some out."""
NAMESPACES = frozenset({"globals", "locals", "vars"})
SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def seen_through(text: str, statements: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements with names in place of literal texts that name them."""
    if not MENTIONS.search(text):
        return statements
    rewriter = _Rewriter()
    found: list[ast.stmt] = []
    for statement in statements:
        code = _executed(statement)
        found += [rewriter.visit(each) for each in ([statement] if code is None else code)]
    return found


def at_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names after `@` in texts, as in `df.query("x > @limit")`."""
    return {
        name
        for node in nodes
        for item in ast.walk(node)
        if isinstance(item, ast.Constant) and isinstance(item.value, str) and "@" in item.value
        for name in _AT_NAME.findall(item.value)
    }


def words_in(nodes: Iterable[ast.AST], having: str = "") -> set[str]:
    """Return the words of all texts, or only of those that have a certain one."""
    return {
        word
        for node in nodes
        for item in ast.walk(node)
        if isinstance(item, ast.Constant) and isinstance(item.value, str) and having in item.value.lower()
        for word in _WORD.findall(item.value)
    }


def namespace(node: ast.AST) -> bool:
    """Whether an expression is `globals()`, `locals()` or `vars()`."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in NAMESPACES
        and not node.args
        and not node.keywords
    )


class _Rewriter(ast.NodeTransformer):
    """Puts names where texts name them; `inside` counts the scopes around."""

    def __init__(self) -> None:
        self.inside = 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        deeper = isinstance(node, SCOPES)
        self.inside += deeper
        visited = super().generic_visit(node)
        self.inside -= deeper
        return visited

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        name = text_of(node.slice)
        # `locals()` is the notebook's own outside functions only
        if namespace(node.value) and not self.inside and name is not None and name.isidentifier():
            return ast.copy_location(ast.Name(name, node.ctx), node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function = node.func
        if isinstance(function, ast.Name) and function.id == "eval" and len(node.args) == 1 and not node.keywords:
            expression = _expression(text_of(node.args[0]), node)
            return self.generic_visit(node) if expression is None else self.visit(expression)
        if isinstance(function, ast.Attribute) and function.attr == "format":
            self._format(node, text_of(function.value))
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        text = text_of(node.left)
        if isinstance(node.op, ast.Mod) and namespace(node.right) and text is not None and not self.inside:
            names = [ast.Name(name, ast.Load()) for name in sorted(set(_PERCENT.findall(text))) if name.isidentifier()]
            shown = [ast.copy_location(name, node) for name in names]
            node.right = ast.copy_location(ast.Tuple(list(shown), ast.Load()), node.right)
        return self.generic_visit(node)

    def _format(self, node: ast.Call, text: str | None) -> None:
        """Put `x=x` for `**locals()` when the text says which names it shows."""
        spread = [keyword for keyword in node.keywords if keyword.arg is None and namespace(keyword.value)]
        if text is None or len(spread) != 1:
            return
        try:
            fields = [field for _, field, _, _ in string.Formatter().parse(text) if field]
        except ValueError:
            return
        names = dict.fromkeys(re.split(r"[.\[]", field)[0] for field in fields)
        given = {keyword.arg for keyword in node.keywords}
        shown = [
            ast.copy_location(ast.keyword(name, ast.copy_location(ast.Name(name, ast.Load()), node)), spread[0])
            for name in names
            if name.isidentifier() and name not in given
        ]
        node.keywords = [keyword for keyword in node.keywords if keyword is not spread[0]] + shown


def _executed(statement: ast.stmt) -> list[ast.stmt] | None:
    """Return the statements of a top-level `exec("…")`, None for any other statement."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "exec":
        return None
    text = text_of(call.args[0]) if len(call.args) == 1 and not call.keywords else None
    if text is None:
        return None
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    return [_placed(item, statement) for item in body]


def _expression(text: str | None, place: ast.expr) -> ast.expr | None:
    if text is None:
        return None
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if any(isinstance(item, ast.NamedExpr) for item in ast.walk(tree)):
        return None
    return _placed(tree, place)


def _placed(node: _Tree, place: ast.stmt | ast.expr) -> _Tree:
    """Return a tree made from a text, at the place where the text stands."""
    for item in ast.walk(node):
        if isinstance(item, (ast.stmt, ast.expr)):
            item.lineno, item.end_lineno = place.lineno, place.end_lineno
            item.col_offset, item.end_col_offset = place.col_offset, place.end_col_offset
    return node


def text_of(node: ast.AST) -> str | None:
    """Return a text that is written out."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def asked(node: ast.Compare | ast.Call) -> str | None:
    """Return the name that `"x" in globals()` or `globals().get("x")` asks for."""
    if isinstance(node, ast.Compare):
        plain = len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)) and namespace(node.comparators[0])
        return text_of(node.left) if plain else None
    method = node.func
    if isinstance(method, ast.Attribute) and method.attr == "get" and namespace(method.value) and node.args:
        return text_of(node.args[0])
    return None


def reaches(node: ast.Call, dotted: str, *, inside: bool) -> bool:
    """Whether a call looks up names of the notebook by text; `inside` a function, `locals()` does not."""
    given = bool(node.args)
    if dotted in ("builtins.locals", "builtins.vars", "builtins.dir"):
        return not given and not inside
    if dotted in ("builtins.exec", "builtins.eval"):
        return len(node.args) + len(node.keywords) < 2
    return True


def identity(node: ast.expr) -> bool:
    """Whether an expression is `id(x)`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "id" and bool(node.args)
