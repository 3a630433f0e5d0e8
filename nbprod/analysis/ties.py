"""What a function leaves holding each other: names of the notebook, and what it was called with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Tie(NamedTuple):
    """Parameters and names of the notebook whose objects hold each other once a function was called."""

    parameters: frozenset[str]
    names: frozenset[str]


@dataclass(slots=True)
class Ties:
    """What was noted inside functions.

    Attributes
    ----------
    origins
        Local names with what their values share.
    events
        Names, local ones and the notebook's, whose objects were put into each other.
    """

    origins: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    events: list[frozenset[str]] = field(default_factory=list)

    def mark(self) -> tuple[int, int]:
        """Return where a function begins."""
        return len(self.origins), len(self.events)

    def since(self, mark: tuple[int, int], given: AbstractSet[str]) -> list[frozenset[str]]:
        """Return the sets of names of the notebook, and of those `given`, that hold each other; forget all since."""
        origins, events = self.origins[mark[0] :], self.events[mark[1] :]
        del self.origins[mark[0] :], self.events[mark[1] :]
        sources: dict[str, set[str]] = {}
        for key, shares in origins if events else ():
            sources.setdefault(key, set()).update(shares)
        for event in events:
            for key in event:
                sources.setdefault(key, set()).update(event if "@" in key else ())
        found = (_roots(event, sources, given) for event in events)
        return [roots for roots in dict.fromkeys(found) if len(roots) > 1]


def _roots(keys: frozenset[str], sources: dict[str, set[str]], given: AbstractSet[str]) -> frozenset[str]:
    """Return those names that come from outside the function, of all that the values of some may share."""
    seen: set[str] = set()
    todo = list(keys)
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo.extend(sources.get(key, ()))
    return frozenset(key for key in seen if "@" not in key or key in given)
