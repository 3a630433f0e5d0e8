"""Upkeep of the store: what is in it, whether it is whole, and removing what is not needed any more.

Runs may go on meanwhile. What any of them has written or referred to since it began is left alone, and so is whatever
somebody touched within the last hour; a file that is touched while it is being removed is put back.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.core.run import RunStatus
from nbprod.store import contents
from nbprod.store.files import storing
from nbprod.store.ledger import Ledger, Snapshot, load_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nbprod.store.contents import Kept

GRACE_SECONDS = 3600.0
DRAFT_SECONDS = 3600.0
"""Nothing takes so long to write; a run that begins writes before the ledger knows it."""
MARGIN_SECONDS = 60.0
LOST_SECONDS = 7 * 86400.0
"""A run of another machine that began so long ago is not waited for any more."""
KEEP_LAST = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """Which snapshots may go: not used by the last runs of a notebook, unused for so long, or over a size."""

    keep_last: int | None = None
    older_than: float | None = None
    max_size: int | None = None


@dataclass(slots=True)
class Removed:
    """What `gc` removed, or would have; `left` is the size of buffers and manifests afterwards."""

    snapshots: list[dict[str, Any]] = field(default_factory=list)
    buffers: int = 0
    bytes: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Held:
    """A snapshot that can be read: the names of its buffers' files, and the file of its manifest."""

    snapshot: Snapshot
    names: frozenset[str]
    file: Kept

    @property
    def used(self) -> float:
        return max(self.file.used, self.snapshot.created)


class Upkeep:
    """The store of one project as it is now.

    Parameters
    ----------
    home
        The project's home.
    ledger
        Its ledger.
    """

    def __init__(self, home: Path, ledger: Ledger) -> None:
        self.home = home
        self.ledger = ledger
        self.buffers = contents.buffers(home)
        self.manifests = contents.manifests(home)
        runs = ledger.runs(limit=-1)
        self.runs = [record for record in runs if record["status"] != RunStatus.RUNNING]
        self.horizon = _horizon([record for record in runs if record["status"] == RunStatus.RUNNING])
        self.held: list[_Held] = []
        self.lost: list[Snapshot] = []
        for snapshot in ledger.snapshots():
            manifest = load_manifest(snapshot)
            file = self.manifests.get(snapshot.manifest)
            if manifest is None or file is None:
                self.lost.append(snapshot)
            else:
                names = frozenset(map(contents.file_name, contents.references(manifest)))
                self.held.append(_Held(snapshot, names & self.buffers.keys(), file))

    def referenced(self, but: Iterable[_Held] = ()) -> set[str]:
        """Return the names of the buffers' files that some snapshot refers to, and those that a run may be about to."""
        left = {item.snapshot.manifest for item in but}
        found = {name for item in self.held if item.snapshot.manifest not in left for name in item.names}
        return found | {name for name, kept in self.buffers.items() if kept.used >= self.horizon}

    # which may go

    def chosen(self, rules: Rules) -> list[_Held]:
        """Return the snapshots to remove, least recently used first."""
        free = sorted((item for item in self.held if item.used < self.horizon), key=lambda item: item.used)
        gone: list[_Held] = []
        if rules.keep_last is not None or rules.older_than is not None:
            last = self._used_by(self._last(rules.keep_last or 0))
            before = time.time() - (rules.older_than or 0.0)
            gone = [item for item in free if item.used <= before and item.file.path.name not in last]
        if rules.max_size is not None:
            newest = self._used_by(self.runs[:1])
            more = [item for item in free if item not in gone and item.file.path.name not in newest]
            gone += self._over(rules.max_size, gone, more)
        return gone

    def _last(self, count: int) -> list[Mapping[str, Any]]:
        """Return the last runs of each notebook."""
        seen: Counter[str] = Counter()
        found: list[Mapping[str, Any]] = []
        for record in self.runs:
            seen[record["notebook"]] += 1
            if seen[record["notebook"]] <= count:
                found.append(record)
        return found

    def _used_by(self, records: Sequence[Mapping[str, Any]]) -> set[str]:
        """Return what the manifests are called that these runs made or reused: the project may have been moved."""
        ids = {record["run"] for record in records}
        paths = (stage["snapshot"] for record in records for stage in record["stages"] if stage.get("snapshot"))
        found = {path.replace("\\", "/").rpartition("/")[2] for path in paths}
        return found | {item.file.path.name for item in self.held if item.snapshot.run in ids}

    def _over(self, limit: int, gone: Sequence[_Held], more: Sequence[_Held]) -> list[_Held]:
        """Return which of `more` have to go besides for the rest to stay within the limit."""
        left = {item.snapshot.manifest for item in gone}
        users = Counter(name for item in self.held if item.snapshot.manifest not in left for name in item.names)
        young = {name for name, kept in self.buffers.items() if kept.used >= self.horizon}
        size = sum(self.buffers[name].size for name in {*users, *young})
        size += sum(item.file.size for item in self.held if item.snapshot.manifest not in left)
        found = []
        for item in more:
            if size <= limit:
                break
            found.append(item)
            size -= item.file.size
            users.subtract(item.names)
            size -= sum(self.buffers[name].size for name in item.names if not users[name] and name not in young)
        return found

    # removing

    def remove(self, gone: Sequence[_Held], *, dry_run: bool) -> Removed:
        """Remove snapshots, then what nothing refers to."""
        before = sum(kept.size for kept in (*self.buffers.values(), *self.manifests.values()))
        gone = gone if dry_run else self._forget(gone)
        files = [item.file for item in gone]
        files += [kept for kept in self._strays() if dry_run or _drop(kept)]
        needed = self.referenced(gone)
        freed = [kept for name, kept in self.buffers.items() if name not in needed]
        freed = [kept for kept in freed if dry_run or _drop(kept)]
        size = sum(kept.size for kept in (*files, *freed))
        about = [
            {"notebook": item.snapshot.notebook, "stage": item.snapshot.stage, "run": item.snapshot.run}
            for item in gone
        ]
        return Removed(about, len(freed), size, max(before - size, 0))

    def _forget(self, gone: Sequence[_Held]) -> list[_Held]:
        """Remove snapshots; those that a run has just taken stay."""
        self.ledger.forget([*(item.snapshot for item in gone), *self.lost])
        removed = []
        for item in gone:
            if _drop(item.file):
                removed.append(item)
            else:
                self.ledger.add_snapshot(item.snapshot)
        return removed

    def _strays(self) -> list[Kept]:
        """Return manifests that the ledger does not know, and what killed processes left."""
        known = {item.snapshot.manifest for item in self.held}
        every = [kept for path, kept in self.manifests.items() if path not in known and kept.used < self.horizon]
        before = min(self.horizon, time.time() - DRAFT_SECONDS)
        return every + [kept for kept in contents.leftovers(self.home) if kept.used < before]


def _horizon(running: Sequence[Mapping[str, Any]]) -> float:
    """Return the time since when nothing that was used is removed."""
    now = time.time()
    begun = [float(record["time"]) for record in running if now - record["time"] < LOST_SECONDS]
    return min([now - GRACE_SECONDS, *(moment - MARGIN_SECONDS for moment in begun)])


def _drop(kept: Kept) -> bool:
    """Remove a file unless it was used since it was looked at; whether it was removed."""
    aside = kept.path.with_name(f".gone-{kept.path.name}")
    try:
        if contents.used(kept.path) > kept.used:
            return False
        kept.path.rename(aside)
        if contents.used(aside) > kept.used:  # within the last microseconds
            aside.rename(kept.path)
            return False
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
    except FileNotFoundError:  # somebody else removed it
        return False
    return True


def gc(home: Path, rules: Rules, *, dry_run: bool = False) -> Removed:
    """Remove the snapshots that `rules` name, their manifests, and the buffers that nothing refers to."""
    with _alone(home), Ledger(home) as ledger:
        upkeep = Upkeep(home, ledger)
        return upkeep.remove(upkeep.chosen(rules), dry_run=dry_run)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Wait until nobody else removes things here: what one has taken away for a moment, another would not see."""
    try:
        import fcntl
    except ImportError:  # Windows, where files in use cannot be removed
        yield
        return
    with (home / "gc.lock").open("a") as file, storing(home):
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def within(home: Path, limit: int) -> Removed | None:
    """Remove what was least recently used when the store is bigger than `limit`; None when it is not."""
    if contents.size(home) <= limit:
        return None
    return gc(home, Rules(max_size=limit))


def stats(home: Path) -> dict[str, Any]:
    """Return for each kind of what the store holds how many there are, their bytes, and what nothing refers to."""
    with Ledger(home) as ledger:
        upkeep = Upkeep(home, ledger)
    needed = {name for item in upkeep.held for name in item.names}
    known = {item.snapshot.manifest for item in upkeep.held}
    kinds = [
        _kind("buffers", upkeep.buffers.values(), [k for name, k in upkeep.buffers.items() if name not in needed]),
        _kind("manifests", upkeep.manifests.values(), [k for path, k in upkeep.manifests.items() if path not in known]),
        _folders("models", home / "models", 2),
        _folders("runs", home / "runs", 1),
    ]
    return {"kinds": kinds, "bytes": sum(kind["bytes"] for kind in kinds), "home": str(home)}


def _kind(name: str, every: Iterable[Kept], loose: Sequence[Kept]) -> dict[str, Any]:
    sizes = [kept.size for kept in every]
    unreferenced = {"count": len(loose), "bytes": sum(kept.size for kept in loose)}
    return {"kind": name, "count": len(sizes), "bytes": sum(sizes), "unreferenced": unreferenced}


def _folders(name: str, root: Path, depth: int) -> dict[str, Any]:
    found = [path for path in root.glob("/".join("*" * depth)) if path.is_dir()]
    unreferenced = {"count": 0, "bytes": 0}
    size = sum(map(contents.folder_size, found))
    return {"kind": name, "count": len(found), "bytes": size, "unreferenced": unreferenced}
