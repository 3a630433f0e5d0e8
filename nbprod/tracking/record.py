"""A run as its journal tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STATUS = {"succeeded": "FINISHED", "cached": "FINISHED", "failed": "FAILED"}


@dataclass
class StageRecord:
    """One stage: times in milliseconds, `data` what its `stage-finished` event said, empty when it never ended."""

    name: str
    started: int
    ended: int
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The status in MLflow's words: a stage that never ended was killed."""
        return STATUS.get(str(self.data.get("status")), "KILLED")

    @property
    def observed(self) -> Mapping[str, Any]:
        """Files, distributions and more that the stage was seen to depend on."""
        return self.data.get("observed") or {}

    @property
    def cached_from(self) -> str | None:
        """The run whose snapshot was reused, None for a stage that ran."""
        if self.data.get("status") != "cached":
            return None
        named = re.search(r"\brun ([0-9a-f]{4,})", str(self.data.get("reason", "")))
        return str(self.data.get("cached_from") or (named and named[1]) or "unknown")


@dataclass
class RunRecord:
    """One run.

    `context` is what `nbprod.tracking.context` gathered, `final` the run as `Run.as_json()`, empty when its process was
    killed; `stages` those that ran or were reused, in order.
    """

    run: str
    context: Mapping[str, Any]
    started: int
    ended: int
    python: str
    stages: list[StageRecord]
    final: Mapping[str, Any]

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, Any]]) -> RunRecord:
        """Return the run that these journal entries tell of."""
        first, last = entries[0], entries[-1]
        stages: dict[str, StageRecord] = {}
        for entry in entries:
            name, at = entry.get("stage"), entry["at"]
            if name is None or entry["kind"] not in ("stage-started", "stage-finished"):
                continue
            stage = stages.setdefault(name, StageRecord(name, at, at))
            if entry["kind"] == "stage-finished":
                stage.ended, stage.data = at, entry["data"]
        shown = [item for item in stages.values() if item.data.get("status") != "skipped"]
        final = last["data"] if last["kind"] == "run-finished" else {}
        python = str(first["data"].get("python", ""))
        return cls(first["run"], first["context"], first["at"], last["at"], python, shown, final)

    @property
    def status(self) -> str:
        """The status in MLflow's words: a run that was interrupted or whose process died was killed."""
        return STATUS.get(str(self.final.get("status")), "KILLED")

    @property
    def distributions(self) -> dict[str, str]:
        """The distributions that the stages imported, with their versions."""
        found: dict[str, str] = {}
        for stage in self.stages:
            found.update(stage.observed.get("distributions") or {})
        return dict(sorted(found.items()))

    @property
    def files_read(self) -> dict[str, str]:
        """The files that the stages read, with their digests."""
        found: dict[str, str] = {}
        for stage in self.stages:
            found.update(read_files(stage))
        return found


def read_files(stage: StageRecord) -> dict[str, str]:
    """Return the files a stage read, with their digests; files that were not there are left out."""
    return {path: digest for path, digest in (stage.observed.get("files_read") or {}).items() if digest}
