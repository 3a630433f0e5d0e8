"""What one process remembers of the stages it has run, which share its namespace."""

from __future__ import annotations

import ast
import itertools
import re
from typing import TYPE_CHECKING, Any

from .naming import visible

if TYPE_CHECKING:
    from .formats import StageSpec, StepSpec


_MAGIC = re.compile(r"^[%!].*$|^[\w, ]+= *[%!].*$|^.*\?$", re.MULTILINE)


class Memory:
    """Keeps a fused stage from being given again what it has.

    A name that an earlier stage left in this process is not loaded again: it may share objects with values that
    cannot be stored. A definition that was executed is not replayed again: classes keep their identity. `files` are
    those written so far, as they were then: a handle that is still open goes on writing to one in a later stage.
    `restored` are the manifests whose state outside variables is part of what there is here by now.
    `aside` has what a stage that is fused only to save time shall not see and a later one reads, by manifest.
    """

    def __init__(self) -> None:
        self.left: dict[str, dict[str, int]] = {}
        self.aside: dict[str, dict[str, Any]] = {}
        self.restored: set[str] = set()
        self._defined: dict[str, int] = {}
        self.files: dict[str, str | None] = {}
        self.parameters: dict[str, str] = {}
        self._executed: set[tuple[str, int, int, str]] = set()

    def holds(self, manifest: str, name: str, namespace: dict[str, Any]) -> bool:
        """Say whether `name` is still what the stage of that manifest left in this process."""
        return _is(self.left.get(manifest, {}), name, namespace) or self.recall(manifest, name, namespace)

    def defined(self, namespace: dict[str, Any]) -> None:
        """Remember what the replayed steps have bound, before anything else is."""
        self._defined = {name: id(namespace[name]) for name in visible(namespace)}

    def tidy(self, namespace: dict[str, Any], spec: StageSpec) -> None:
        """Leave in the namespace only what the next stage would find in a process of its own."""
        wanted = {name for entry in spec["inputs"] for name in entry["names"]}
        wanted |= {*spec["references"], *spec.get("literals", ()), *spec["parameters"]}
        wanted |= {name for name in self._defined if _is(self._defined, name, namespace)}
        later = set(spec.get("later", ())) - wanted  # what the stage has is referred to once, as in its own process
        for manifest, names in self.left.items():
            kept = self.aside.setdefault(manifest, {})
            for name in kept.keys() - later - wanted:
                del kept[name]
            kept.update((name, namespace[name]) for name in names if name in later and _is(names, name, namespace))
        for name in visible(namespace) - wanted:
            del namespace[name]
        # nobody knows which names a star import binds, so it is done again
        self._executed = {key for key in self._executed if not key[-1].rstrip().endswith("import *")}

    def recall(self, manifest: str, name: str, namespace: dict[str, Any]) -> bool:
        """Bind again what was put aside; says whether it was there."""
        kept = self.aside.get(manifest, {})
        if name not in kept:
            return False
        namespace[name] = kept.pop(name)
        return True

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


def _is(left: dict[str, int], name: str, namespace: dict[str, Any]) -> bool:
    return name in namespace and left.get(name) == id(namespace[name])


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
