"""What the stages so far left behind: which snapshot holds a name at this point of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nbprod.store.files import digest_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from nbprod.core.pipeline import Stage
    from nbprod.worker.formats import InputSpec


@dataclass(frozen=True, slots=True)
class Entry:
    """A stage that is done: its snapshot, and the definitions it replayed."""

    stage: str
    path: Path
    manifest: Mapping[str, Any]
    fingerprint: str
    definitions: tuple[Mapping[str, Any], ...] = ()
    index: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        stage: str,
        path: Path,
        manifest: Mapping[str, Any],
        fingerprint: str,
        definitions: Iterable[Mapping[str, Any]] = (),
    ) -> Entry:
        """Return the entry of a manifest, its names indexed."""
        index = {name: at for at, group in enumerate(manifest["groups"]) for name in group["names"]}
        return cls(stage, path, manifest, fingerprint, tuple(definitions), index)

    def outputs(self) -> tuple[str, ...]:
        """Return the names the stage left, sorted."""
        return tuple(sorted(self.index))


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name is at this point: in a group, deleted, or in a process only."""

    kind: Literal["group", "deleted", "unstorable"]
    position: int
    entry: Entry
    group: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Inputs:
    """What a stage gets from those before it.

    `contents` name → canonical digest; `held` name → the stage in whose process alone the value lives; `definitions`
    are replayed steps of earlier stages that the loaded values refer to and the stage has not itself; `carriers` the
    manifests with state outside variables, in order, and `state` a token per kind of it.
    """

    specs: list[InputSpec] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    definitions: list[Mapping[str, Any]] = field(default_factory=list)
    carriers: list[str] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)


class Timeline:
    """The stages done so far, in the order of the pipeline."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Put a stage that is done at the end."""
        self.entries.append(entry)

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` stages."""
        del self.entries[length:]

    def find(self, name: str) -> Found | None:
        """Return where `name` is now: the last stage that has it, deleted it, or could not store it decides."""
        for position in range(len(self.entries) - 1, -1, -1):
            entry = self.entries[position]
            if name in entry.index:
                return Found("group", position, entry, entry.manifest["groups"][entry.index[name]])
            if name in entry.manifest["unstorable"]:
                return Found("unstorable", position, entry)
            if name in entry.manifest["deleted"]:
                return Found("deleted", position, entry)
        return None

    def inputs(self, stage: Stage) -> Inputs:
        """Return what `stage` gets."""
        found = self._closure(stage)
        inputs = Inputs()
        chosen: dict[int, list[str]] = {}
        for name in sorted(found):
            place = found[name]
            inputs.origins[name] = place.entry.stage
            if place.kind == "unstorable":
                inputs.held[name] = place.entry.stage
                inputs.contents[name] = f"held:{place.entry.stage}:{place.entry.fingerprint}"
                continue
            assert place.group is not None
            inputs.contents[name] = place.group["content"]
            chosen.setdefault(place.position, []).append(name)
        for position in sorted(chosen):
            entry = self.entries[position]
            inputs.specs.append({"stage": entry.stage, "manifest": str(entry.path), "names": chosen[position]})
        inputs.definitions = self._definitions(stage, found)
        inputs.carriers, inputs.state = self._state()
        return inputs

    def _closure(self, stage: Stage) -> dict[str, Found]:
        """Return where every name is that the stage reads, the globals its functions read, and what it may mutate."""
        found: dict[str, Found] = {}
        own = set(stage.replays)
        todo = list(stage.reads)
        while todo:
            name = todo.pop()
            if name in found or name in own:
                continue
            place = self.find(name)
            if place is None or place.kind == "deleted":
                continue
            found[name] = place
            if place.group is not None:
                todo.extend(place.group["needs"])
                if name in stage.writes:
                    todo.extend(self._siblings(place))
        return found

    def _siblings(self, place: Found) -> list[str]:
        """Return the other members of an alias group that are still what the group holds."""
        assert place.group is not None
        return [name for name in place.group["names"] if self._still(name, place.position)]

    def _still(self, name: str, position: int) -> bool:
        place = self.find(name)
        return place is not None and place.position == position

    def _definitions(self, stage: Stage, found: Mapping[str, Found]) -> list[Mapping[str, Any]]:
        """Return the replayed steps of producers whose values refer to definitions the stage does not replay."""
        own = set(stage.replays)
        mine = {(step.notebook, step.cell, step.first_line) for step in stage.steps}
        extra: dict[tuple[str, int, int], Mapping[str, Any]] = {}
        for place in found.values():
            if place.group is None or set(place.group["references"]) <= own:
                continue
            for step in place.entry.definitions:
                key = (step["notebook"], step["cell"], step["first_line"])
                if key not in mine:
                    extra[key] = step
        return [extra[key] for key in sorted(extra)]

    def _state(self) -> tuple[list[str], dict[str, str]]:
        """Return the manifests that carry state outside variables, in order, and a token per kind of state now."""
        paths, tokens = [], {}
        for entry in self.entries:
            if entry.manifest["state"]:
                paths.append(str(entry.path))
                tokens.update({kind: digest_json(value) for kind, value in entry.manifest["state"].items()})
        return paths, tokens
