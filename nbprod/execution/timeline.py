"""What the stages so far left behind: which snapshot holds a name at this point of the run."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import TYPE_CHECKING, Any

from nbprod.core.frozen import dataclass
from nbprod.store.files import digest_json
from nbprod.worker import links

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

    def outputs(self) -> tuple[str, ...]:
        """Return the names the stage left, sorted."""
        return tuple(sorted(name for group in self.manifest["groups"] for name in group["names"]))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name is now: how it is held, and by which stage."""

    kind: str
    entry: Entry
    group: Mapping[str, Any] | None


@dataclasses.dataclass(slots=True)
class Inputs:
    """What a stage gets from those before it.

    `contents` name → canonical digest; `origins` name → the stage it comes from; `held` name → the stage in whose
    process alone the value lives; `definitions` are replayed steps of earlier stages that the loaded values refer to
    and the stage has not itself; `carriers` the manifests with state outside variables, in order, and `state` a token
    per kind of it; `variables` are those of the environment that it sets or removes.
    """

    specs: list[InputSpec] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    definitions: list[Mapping[str, Any]] = field(default_factory=list)
    carriers: list[str] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()


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

    def find(self, name: str) -> Place | None:
        """Return where `name` is now; None when no stage had it."""
        found = links.find(self._manifests(), name)
        return Place(found.kind, self.entries[found.position], found.group) if found else None

    def inputs(self, stage: Stage) -> Inputs:
        """Return what `stage` gets."""
        manifests = self._manifests()
        found = links.closure(manifests, stage.reads, stage.replays)
        inputs = Inputs()
        for name in sorted(found):
            place, entry = found[name], self.entries[found[name].position]
            inputs.origins[name] = entry.stage
            if place.group is None:
                inputs.held[name] = entry.stage
                inputs.contents[name] = f"held:{entry.stage}:{entry.fingerprint}"
            else:
                inputs.contents[name] = place.group["content"]
        stages, paths = [entry.stage for entry in self.entries], [str(entry.path) for entry in self.entries]
        inputs.specs = links.inputs(found, stages, paths)
        inputs.definitions = self._definitions(stage, found)
        for entry in self.entries:
            for name in filter(links.is_state, entry.manifest["unstorable"]):
                inputs.held[name] = entry.stage
                inputs.contents[name] = f"held:{entry.stage}:{entry.fingerprint}"
            if entry.manifest["state"]:
                inputs.carriers.append(str(entry.path))
                inputs.state.update({kind: _token(value) for kind, value in entry.manifest["state"].items()})
                environ = entry.manifest["state"].get("environ", {})
                inputs.variables |= {name for names in environ.values() for name in names}
        return inputs

    def _manifests(self) -> list[Mapping[str, Any]]:
        return [entry.manifest for entry in self.entries]

    def _definitions(self, stage: Stage, found: Mapping[str, links.Found]) -> list[Mapping[str, Any]]:
        """Return the replayed steps of producers whose values refer to definitions the stage does not replay."""
        own = set(stage.replays)
        mine = {(step.notebook, step.cell, step.first_line, step.source) for step in stage.steps}
        extra: dict[tuple[str, int, int, str], Mapping[str, Any]] = {}
        for place in found.values():
            if place.group is None or set(place.group["references"]) <= own:
                continue
            for step in self.entries[place.position].definitions:
                key = (step["notebook"], step["cell"], step["first_line"], step["source"])
                if key not in mine:
                    extra[key] = step
        return sorted(extra.values(), key=lambda step: (step.get("order", step["cell"]), step["first_line"]))


def _token(record: Any) -> str:
    content = record.get("content") if isinstance(record, dict) else None
    return str(content or digest_json(record))


def names(entries: Iterable[Entry]) -> set[str]:
    """Return every name that some stage stored."""
    return {name for entry in entries for name in entry.outputs()}
