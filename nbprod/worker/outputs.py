"""What a stage leaves: which names are new or changed, and how they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import hashing, plain, snapshot
from .naming import visible

if TYPE_CHECKING:
    from .buffers import Buffers
    from .formats import Group, StageSpec, Unstorable
    from .inputs import Inputs

Saved = tuple["list[Group]", "dict[str, Unstorable]", "list[str]", "list[str]"]


class Outputs:
    """Decides at a stage's end what to store; made before its own cells run.

    Parameters
    ----------
    spec
        The stage.
    namespace
        Its names.
    inputs
        What was loaded into them.
    """

    def __init__(self, spec: StageSpec, namespace: dict[str, Any], inputs: Inputs) -> None:
        self._namespace = namespace
        self._inputs = inputs
        self._references = set(spec["references"])
        self._literals = spec.get("literals", ())
        expected = set(spec["outputs"])
        self._before = visible(namespace, expected)
        self._everything = spec.get("everything", False)
        self._written = self._before | expected if self._everything else expected
        # A name that nothing is expected to write is kept hold of, so that being bound anew is seen for sure; the
        # others are not, so that what they held can be freed.
        self._held = {name: namespace[name] for name in self._before - self._written}

    def save(self, buffers: Buffers) -> Saved:
        """Store what is new or changed; returns groups, unstorable, deleted and unchanged names."""
        now = visible(self._namespace, self._written)
        chosen = self._with_groups(self._changed(now), now)
        chosen |= self._unforeseen(chosen, now)
        # What was only loaded is stored again where something new shares objects with it.
        beside = (self._inputs.names & now) - chosen
        groups, unstorable = snapshot.save(
            self._namespace, sorted(chosen), self._references, buffers, beside, self._literals
        )
        fresh = [group for group in groups if not self._same(group)]
        stored = {name for group in fresh for name in group["names"]}
        unchanged = (self._inputs.names & now) - stored - set(unstorable)
        return fresh, unstorable, sorted(self._before - now), sorted(unchanged)

    def _changed(self, now: set[str]) -> set[str]:
        if self._everything:
            return now - self._references
        rebound = {name for name in self._held if name in now and self._namespace[name] is not self._held[name]}
        new = now - self._before
        return (new | rebound | (self._written & now)) - self._references

    def _unforeseen(self, chosen: set[str], now: set[str]) -> set[str]:
        """Return loaded names that nothing is expected to change and that changed all the same.

        What a call does to its arguments cannot always be told from a text; what it did is seen by content.
        """
        found: set[str] = set()
        for group in self._inputs.groups:
            names = set(group["names"])
            if names & chosen or not names & now:
                continue
            if not names <= now or self._content(names) != group["content"]:
                found |= names & now
        return found

    def _content(self, names: set[str]) -> str | None:
        values = {name: self._namespace[name] for name in names}
        try:
            return hashing.group_content(values, {id(value): plain.scan(value) for value in values.values()})
        except Exception:  # noqa: BLE001 - a value's own code may raise; then it is stored again to be sure
            return None

    def _with_groups(self, chosen: set[str], now: set[str]) -> set[str]:
        """Add the loaded names that share objects with a chosen one: it may have been changed through that."""
        grown = set(chosen)
        for group in self._inputs.groups:
            if grown & set(group["names"]):
                grown |= set(group["names"]) & now & self._inputs.names
        return grown

    def _same(self, group: Group) -> bool:
        """Say whether a group is what was loaded, by content."""
        return any(
            set(group["names"]) == set(loaded["names"]) and group["content"] == loaded["content"]
            for loaded in self._inputs.groups
        )
