"""Which earlier snapshot holds a name: the one rule, for the driver that knows them all and for a job on its own.

The last stage that has a name, deleted it, or could not store it decides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .formats import InputSpec, StageSpec


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


def closure(
    manifests: Sequence[Mapping[str, Any]], reads: Collection[str], writes: Collection[str], own: Collection[str]
) -> dict[str, Found]:
    """Return where every name is that a stage needs.

    These are the names it `reads`, the globals which functions among them read, and for a name it may write all of its
    alias group. What it replays itself (`own`) comes from nowhere.
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
            if name in writes:
                todo.extend(other for other in place.group["names"] if _still(manifests, other, place.position))
    return found


def inputs(found: Mapping[str, Found], stages: Sequence[str], paths: Sequence[str]) -> list[InputSpec]:
    """Return what a stage loads, manifest by manifest in their order."""
    chosen: dict[int, list[str]] = {}
    for name in sorted(found):
        if found[name].kind == "group":
            chosen.setdefault(found[name].position, []).append(name)
    return [{"stage": stages[at], "manifest": paths[at], "names": chosen[at]} for at in sorted(chosen)]


def begin(
    namespace: dict[str, Any], spec: StageSpec, earlier: Sequence[tuple[str, str]], reads: Sequence[str], root: str
) -> None:
    """Begin an extracted job: find its inputs in what the jobs before it left.

    Parameters
    ----------
    namespace
        The kernel's.
    spec
        The stage, without inputs; paths relative to `root`.
    earlier
        Name and manifest of each stage before it, in order.
    reads
        Names whose value must come from those.
    root
        The folder of the jobs.

    Raises
    ------
    JobFailed
        A job before this one has not run, or left a value that cannot be stored.
    """
    from . import job  # late: the driver uses this module without loading what runs stages

    manifests = [_read(Path(root, path), stage) for stage, path in earlier]
    found = closure(manifests, reads, spec["outputs"], spec["references"])
    for name, place in found.items():
        if place.kind == "unstorable":
            why = manifests[place.position]["unstorable"][name]
            text = f"{name}, a {why['type']} made in stage {earlier[place.position][0]}, cannot cross to this stage"
            raise job.JobFailed(f"NB410  {text}: {why['reason']}\n  make {name} in this stage, or join the stages")
    stages, paths = [stage for stage, _ in earlier], [path for _, path in earlier]
    state = [path for path, manifest in zip(paths, manifests, strict=True) if manifest["state"]]
    folder = spec["cwd"] if Path(root, spec["cwd"]).is_dir() else "."
    linked: StageSpec = {**spec, "inputs": inputs(found, stages, paths), "state": state, "cwd": folder}
    job.begin(namespace, linked, root)


def _read(path: Path, stage: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        from . import job

        raise job.JobFailed(f"NB411  the job of stage {stage} has not run yet\n  run the jobs in order") from None
    return manifest


def _still(manifests: Sequence[Mapping[str, Any]], name: str, position: int) -> bool:
    place = find(manifests, name)
    return place is not None and place.position == position
