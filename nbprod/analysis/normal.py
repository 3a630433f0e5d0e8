"""Code without its layout: what of a tree decides what it does, as a digest."""

from __future__ import annotations

import ast
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def digest(node: ast.AST) -> bytes:
    """Return the digest of a tree; comments and layout do not change it."""
    return hashlib.sha256(text_of(node).encode("utf-8", "surrogatepass")).digest()


def text_of(node: ast.AST) -> str:
    """Return what a digest is taken of."""
    words: list[str] = []
    _write(node, words.append)
    return "\0".join(words)


def _write(node: ast.AST, say: Callable[[str], None]) -> None:
    kind = type(node)
    say(kind.__name__)
    for name in kind._fields:
        value: Any = getattr(node, name, None)
        if isinstance(value, ast.AST):
            _write(value, say)
        elif type(value) is list:
            say(f"[{len(value)}")
            for item in value:
                if isinstance(item, ast.AST):
                    _write(item, say)
                else:
                    say(repr(item))
        else:
            say(repr(value))
