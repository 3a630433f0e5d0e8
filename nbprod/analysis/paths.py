"""Which files code may mean: paths as far as they are written out, with `*` for what is not."""

from __future__ import annotations

import ast
import posixpath
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nbprod.analysis import knowledge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANY = "*"
_WILD = re.compile(r"[*?\[\]]+")
_STARS = re.compile(r"\*+")
_FIELDS = {"format": re.compile(r"\{[^{}]*\}"), "%": re.compile(r"%(?:\([^()]*\))?[-+ #0-9.]*[a-zA-Z]")}
_NAME = re.compile(r"[^\s*?<>|\"']+\.(\w+)")


def written_by(node: ast.Call, name: str) -> set[str]:
    """Return the paths a call writes that `open` was not given."""
    return set() if name in knowledge.sets("files")["opened"] else paths_of(node, name)


def paths_of(node: ast.Call, name: str) -> set[str]:
    """Return the paths a call reads or writes, `name` being its full name or that of its method: `.read_text`."""
    lists = knowledge.sets("files")
    listing = name in lists["lists"]
    if name in lists["receiver"] and isinstance(node.func, ast.Attribute):
        folder = node.func.value
        return {_listed(folder, node.args) if listing else path_of(folder)}
    if knowledge.listed(name, "paths", "files"):
        given = [*node.args, *(item.value for item in node.keywords if item.arg in lists["keywords"])]
        return {path_of(item) for item in given if not isinstance(item, ast.Constant) or isinstance(item.value, str)}
    place = 1 if name in lists["second"] else 0
    named = next((item.value for item in node.keywords if item.arg in lists["keywords"]), None)
    argument = node.args[place] if len(node.args) > place else named
    if not listing:
        return {path_of(argument)}
    return {path_of(argument) if name.startswith("glob.") else _listed(argument or ast.Constant("."), ())}


def named_in(node: ast.Call) -> Iterator[str]:
    """Yield the arguments that are names of files by what they look like."""
    for item in (*node.args, *(keyword.value for keyword in node.keywords)):
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            found = _NAME.fullmatch(item.value)
            if found and found[1].lower() in knowledge.sets("files")["suffixes"]:
                yield posixpath.normpath(item.value)


def path_of(node: ast.expr | None) -> str:
    """Return a path as far as it is written out: `OUT + "/a/" + f"{name}.csv"` is `*/a/*.csv`."""
    found = _STARS.sub(ANY, _written(node))
    return found.removeprefix("./") or "." if ANY in found else posixpath.normpath(found)


def _listed(folder: ast.expr, given: Sequence[ast.expr]) -> str:
    """Return the paths in a folder, or those of a pattern given."""
    inside = path_of(given[0]) if given else ANY
    where = path_of(folder)
    return inside if where == "." else _STARS.sub(ANY, f"{where}/{inside}")


def _written(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _WILD.sub(ANY, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_written(item) for item in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _written(node.left) + _written(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return posixpath.join(_written(node.left), _written(node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _FIELDS["%"].sub(ANY, _written(node.left))
    return _called(node) if isinstance(node, ast.Call) else ANY


def _called(node: ast.Call) -> str:
    """Return the path that a call makes."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if isinstance(function, ast.Attribute) and name == "format":
        return _FIELDS["format"].sub(ANY, _written(function.value))
    if name not in knowledge.sets("files")["joins"] or node.keywords:
        return ANY
    parts = [_written(item) for item in node.args]
    if isinstance(function, ast.Attribute) and name == "joinpath":
        parts.insert(0, _written(function.value))
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Constant):
        return ANY  # `", ".join(…)`
    return posixpath.join(*parts) if parts else "."


class Known:
    """Paths that were met, by those that may mean the same file, or a folder that it is in."""

    def __init__(self) -> None:
        self.patterns: dict[str, None] = {}
        self.inside: dict[str, dict[str, None]] = {}  # the written out, by all folders around them
        self.named: dict[str, dict[str, None]] = {}  # the same by their last part

    def add(self, path: str) -> None:
        """Note a path."""
        if ANY in path:
            self.patterns[path] = None
            return
        self.named.setdefault(posixpath.basename(path), {})[path] = None
        for folder in _folders(path):
            self.inside.setdefault(folder, {})[path] = None

    def like(self, path: str) -> list[str]:
        """Return the other paths met that may mean the same."""
        found = {item: None for item in self.patterns if _meet(path, item)}
        if ANY in path:
            found |= {item: None for names in self.named.values() for item in names if _meet(item, path)}
        else:
            found |= self.inside.get(path, {})
            found |= {item: None for item in self.named.get(posixpath.basename(path), ()) if _ends(path, item)}
            for folder in _folders(path):
                if folder in self.named.get(posixpath.basename(folder), ()):
                    found[folder] = None
        found.pop(path, None)
        return list(found)


def _folders(path: str) -> Iterator[str]:
    while (folder := posixpath.dirname(path)) not in ("", path):
        yield folder
        path = folder


def _ends(one: str, two: str) -> bool:
    """Whether one path, from the root, may be the other, from the folder code runs in."""
    return one.endswith(f"/{two}") or two.endswith(f"/{one}")


def _meet(one: str, pattern: str) -> bool:
    """Whether a path, or another pattern, may be one of a pattern, or a folder around it."""
    head, tail = pattern.split(ANY, 1)[0], pattern.rsplit(ANY, 1)[1]
    rooted = one.startswith("/") != head.startswith("/") and ANY not in (one[:1], pattern[:1])
    if ANY not in one:
        path = posixpath.basename(one) if rooted else one
        wanted = posixpath.basename(pattern) if rooted else pattern
        return fnmatchcase(path, wanted) or head.startswith(f"{one}/")
    first, last = one.split(ANY, 1)[0], one.rsplit(ANY, 1)[1]
    starts = rooted or first.startswith(head) or head.startswith(first)
    return starts and (last.endswith(tail) or tail.endswith(last))
