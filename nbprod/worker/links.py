"""Which earlier snapshot holds a name: the one rule, for the driver that knows them all and for a job on its own.

The last stage that has a name, deleted it, or could not store it decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .formats import InputSpec


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name is: in a group of the manifest at `position`, deleted, or in a process only."""

    kind: Literal["group", "deleted", "unstorable"]
    position: int
    group: Mapping[str, Any] | None = None


def find(manifests: Sequence[Mapping[str, Any]], name: str) -> Found | None:
    """Return where `name` is after the stages of `manifests`; None when no stage had it."""
    for position in range(len(manifests) - 1, -1, -1):
        manifest = manifests[position]
        for group in manifest["groups"]:
            if name in group["names"]:
                return Found("group", position, group)
        if name in manifest["unstorable"]:
            return Found("unstorable", position)
        if name in manifest["deleted"]:
            return Found("deleted", position)
    return None


def is_state(name: str) -> bool:
    """Say whether an unstorable entry of a manifest is no name but a text: state outside variables."""
    return not name.isidentifier()


def closure(manifests: Sequence[Mapping[str, Any]], reads: Collection[str], own: Collection[str]) -> dict[str, Found]:
    """Return where every name is that a stage needs.

    These are the names it `reads`, the globals which functions among them read, and all that share objects with them:
    what the stage does to one, or binds to a part of one, is seen in the others. What it replays itself (`own`) comes
    from nowhere.
    """
    found: dict[str, Found] = {}
    todo = list(reads)
    while todo:
        name = todo.pop()
        place = find(manifests, name) if name not in found and name not in own else None
        if place is None or place.kind == "deleted":
            continue
        found[name] = place
        if place.group is not None:
            todo.extend(place.group["needs"])
            todo.extend(other for other in place.group["names"] if _still(manifests, other, place.position))
    return found


def inputs(found: Mapping[str, Found], stages: Sequence[str], paths: Sequence[str]) -> list[InputSpec]:
    """Return what a stage loads, manifest by manifest in their order."""
    chosen: dict[int, list[str]] = {}
    for name in sorted(found):
        if found[name].kind == "group":
            chosen.setdefault(found[name].position, []).append(name)
    return [{"stage": stages[at], "manifest": paths[at], "names": chosen[at]} for at in sorted(chosen)]


def _still(manifests: Sequence[Mapping[str, Any]], name: str, position: int) -> bool:
    place = find(manifests, name)
    return place is not None and place.position == position
