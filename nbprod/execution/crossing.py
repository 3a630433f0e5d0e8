"""What does not cross from a stage to those after it: told as notes, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.core.errors import BoundaryError
from nbprod.execution import specs
from nbprod.worker import links

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.execution.runner import Runner
    from nbprod.execution.timeline import Entry, Timeline


def losses(stage: str, manifest: Mapping[str, Any], read_after: Collection[str]) -> Iterator[str]:
    """Yield what a stage did not keep, and which sets come to later stages in another order."""
    for group in manifest["groups"]:
        large, names = group.get("disordered", 0), sorted(set(group["names"]) & set(read_after))
        if large and names:
            text = f"{', '.join(names)} of stage {stage} holds a set of {large:,} elements"
            yield f"{text}: one so large comes back in another order; use sorted() where it matters"
    for name, why in manifest["unstorable"].items():
        if name not in read_after and not links.is_state(name):
            yield f"{name} of stage {stage} was not kept: a {why['type']} cannot be stored ({why['reason']})"


def read_after(later: Sequence[Stage], timeline: Timeline) -> set[str]:
    """Return the names that later stages read, and the state outside variables that they all may."""
    state = {name for entry in timeline.entries for name in entry.manifest["unstorable"] if later}
    return {name for stage in later for name in stage.reads} | set(filter(links.is_state, state))


def needed_later(runner: Runner, timeline: Timeline, read: Collection[str], entry: Entry) -> bool:
    """Whether a stage's process must live on: it, or one it was fused with, holds what a later stage reads."""
    fused = runner.alive()
    held = set(entry.manifest["unstorable"])
    for known in timeline.entries:
        held |= set(known.manifest["unstorable"]) if known.stage in fused else set()
    return any(runner.joins(name) for name in held & set(read))


def refusal(pipeline: Pipeline, timeline: Timeline, stage: Stage, gone: Mapping[str, str]) -> BoundaryError:
    """Return the error for a stage that needs a value which is in no living process; `gone` is name → its stage."""
    name, origin = next(iter(gone.items()))
    found = timeline.find(name)
    why = found.entry.manifest["unstorable"][name] if found else {"type": "value", "reason": "unknown"}
    made = "left" if links.is_state(name) else f"a {why['type']} made"
    text = f"{name}, {made} in stage {origin}, cannot cross to stage {stage.name}: {why['reason']}"
    hint = f"make {name} in stage {stage.name}, or put both cells into one stage"
    return BoundaryError("NB410", text, hint, specs.where_bound(pipeline, origin, name))
