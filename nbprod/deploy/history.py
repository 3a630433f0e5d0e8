"""What was deployed under a name before: a line a deployment in `endpoints/NAME.history` of the project's home."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nbprod.core.model import Endpoint, Image


@dataclass(frozen=True, slots=True)
class Deployed:
    """A model that was put on a target.

    Attributes
    ----------
    model, version, model_path
        The model; `version` as far as it was registered then.
    time
        When it was deployed first.
    image
        What the target runs, when it runs images: a digest, since names move on.
    python
        The interpreter that serves, where the target uses one.
    """

    target: str
    model: str
    version: str | None
    model_path: str
    time: str
    image: str | None = None
    python: str | None = None

    @property
    def run(self) -> str:
        """The run that made the model: its directory's name."""
        return self.model_path.rstrip("/").rpartition("/")[2]

    def same(self, other: Deployed | None) -> bool:
        """Whether both are the same model, served alike."""
        return other is not None and (self.model_path, self.image) == (other.model_path, other.image)


@dataclass(frozen=True, slots=True)
class Past:
    """All that was deployed under a name on one target, oldest first; what served before each; which serves now."""

    entries: tuple[Deployed, ...] = ()
    before: tuple[int | None, ...] = ()
    now: int | None = None

    @property
    def previous(self) -> int | None:
        """The place of what served before that which serves now."""
        return None if self.now is None else self.before[self.now]

    def of(self, found: Deployed) -> Past:
        """Return the past once `found` has been deployed."""
        if self.now is not None and found.same(self.entries[self.now]):
            kept = replace(self.entries[self.now], version=found.version, python=found.python)
            return replace(self, entries=(*self.entries[: self.now], kept, *self.entries[self.now + 1 :]))
        return Past((*self.entries, found), (*self.before, self.now), len(self.entries))

    def find(self, wanted: Callable[[Deployed], bool]) -> int | None:
        """Return the place of the newest that is `wanted`."""
        return next((at for at in reversed(range(len(self.entries))) if wanted(self.entries[at])), None)


def deployed(endpoint: Endpoint, image: Image | None = None, python: str | None = None) -> Deployed:
    """Return what an endpoint that has just come up serves."""
    runs = (image.digest or image.image) if image else None
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    path = str(endpoint.detail.get("model_path", ""))
    return Deployed(endpoint.target, endpoint.model, endpoint.version, path, moment, runs, python)


def append(home: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Note what was deployed, or with `to` the place of what was put back."""
    file = _file(home, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    with file.open("ab", buffering=0) as stream:
        stream.write(line.encode())  # one write, so that two deployments at once leave two lines


def past(home: Path, name: str, target: str) -> Past:
    """Return what was deployed under a name on a target."""
    found = Past()
    for entry in _entries(_file(home, name)):
        if entry["target"] == target:
            to = entry.get("to")
            found = found.of(Deployed(**entry)) if to is None else replace(found, now=to)
    return found


def forget(home: Path, name: str, target: str) -> None:
    """Forget what was deployed under a name on a target."""
    file = _file(home, name)
    others = [json.dumps(entry, ensure_ascii=False) for entry in _entries(file) if entry["target"] != target]
    if not others:
        file.unlink(missing_ok=True)
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text("".join(f"{line}\n" for line in others), encoding="utf-8")
    draft.replace(file)


def _file(home: Path, name: str) -> Path:
    return home / "endpoints" / f"{name}.history"


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # cut short by a full disk or a power cut
        yield entry
