"""What one process remembers of the stages it has run, which share its namespace."""

from __future__ import annotations

import ast
import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .formats import StepSpec


_MAGIC = re.compile(r"^[%!].*$|^[\w, ]+= *[%!].*$|^.*\?$", re.MULTILINE)


class Memory:
    """Keeps a fused stage from being given again what it has.

    A name that an earlier stage left in this process is not loaded again: it may share objects with values that
    cannot be stored. A definition that was executed is not replayed again: classes keep their identity. `files` are
    those written so far, as they were then: a handle that is still open goes on writing to one in a later stage.
    """

    def __init__(self) -> None:
        self.left: dict[str, dict[str, int]] = {}
        self.files: dict[str, str | None] = {}
        self.parameters: dict[str, str] = {}
        self._executed: set[tuple[str, int, int, str]] = set()

    def holds(self, manifest: str, name: str, namespace: dict[str, Any]) -> bool:
        """Say whether `name` is still what the stage of that manifest left in this process."""
        return name in namespace and self.left.get(manifest, {}).get(name) == id(namespace[name])

    def remaining(self, step: StepSpec) -> StepSpec | None:
        """Return what of a replayed step has not been executed here, on its own lines; None when all has."""
        lines = step["source"].splitlines()
        spans = _spans(step["source"]) or [(1, len(lines))]
        known = [_key(step, lines, span) in self._executed for span in spans]
        if all(known):
            return None
        for (first, last), done in zip(spans, known, strict=True):
            if done:
                lines[first - 1 : last] = [""] * (last - first + 1)
        return {**step, "source": "\n".join(lines)}

    def executed(self, step: StepSpec) -> None:
        """Remember a step, statement by statement."""
        lines = step["source"].splitlines()
        self._executed |= {_key(step, lines, span) for span in _spans(step["source"]) or [(1, len(lines))]}


def _key(step: StepSpec, lines: list[str], span: tuple[int, int]) -> tuple[str, int, int, str]:
    first, last = span
    place = step.get("notebook", ""), step.get("order", step["cell"])
    return *place, step["first_line"] + first, "\n".join(lines[first - 1 : last])


def _spans(source: str) -> list[tuple[int, int]]:
    """Return first and last line of each statement; nothing when they cannot be told apart by lines."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        try:
            tree = ast.parse(_MAGIC.sub("", source))
        except SyntaxError:  # a cell magic, or the author's own mistake: IPython will say
            return []
    spans = [(_first_line(node), node.end_lineno or node.lineno) for node in tree.body]
    apart = all(before[1] < after[0] for before, after in itertools.pairwise(spans))
    return spans if apart else []


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
