"""The modules a pipeline surely imports, as its import statements name them."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAGIC = re.compile(r"^[ \t]*[%!].*$|^.*\?$", re.MULTILINE)


def imported(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the dotted names that import statements outside functions and conditions name, sorted.

    For `from sklearn import tree` that is `sklearn` and `sklearn.tree`, which may be a module or not.
    """
    found = {name for source in sources if "import" in source for name in _names(source)}
    return tuple(sorted(found))


@lru_cache(maxsize=1024)
def _names(source: str) -> tuple[str, ...]:
    """Return the names of one cell, which every stage of a run asks for."""
    return tuple(_named(source))


def _named(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        try:
            tree = ast.parse(_MAGIC.sub("", source))
        except SyntaxError:  # a cell in another language, or the author's mistake: its own import tells
            return
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name.islower())
