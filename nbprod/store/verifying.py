"""Hashes all that the store holds, and removes what is not what it should be."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from nbprod.store import contents
from nbprod.store.ledger import Ledger, load_manifest
from nbprod.store.upkeep import Upkeep
from nbprod.worker.buffers import BufferDamaged, Buffers

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.store.ledger import Snapshot


class Check:
    """What a check found.

    Attributes
    ----------
    checked, bytes
        How many manifests and buffers were hashed, and how big they are.
    damaged, missing
        `kind`, `name` and the `snapshots` that need it. What was damaged is removed: it is computed again when it is
        needed.
    """

    def __init__(self) -> None:
        self.checked = 0
        self.bytes = 0
        self.damaged: list[dict[str, Any]] = []
        self.missing: list[dict[str, Any]] = []

    @property
    def whole(self) -> bool:
        """Whether nothing was damaged or missing."""
        return not self.damaged and not self.missing


def verify(home: Path) -> Check:
    """Hash every manifest that the ledger trusts, and every buffer that one of them refers to."""
    found = Check()
    with Ledger(home) as ledger:
        upkeep = Upkeep(home, ledger)
        for snapshot in upkeep.lost:
            _lost(snapshot, found)
        ledger.forget(upkeep.lost)
    found.checked += len(upkeep.held)
    found.bytes += sum(item.file.size for item in upkeep.held)
    users: dict[str, set[str]] = {}
    needed: set[str] = set()
    for item in upkeep.held:
        manifest = load_manifest(item.snapshot)
        if manifest is not None:
            needed |= set() if item.snapshot.facts.get("store") else contents.values(manifest)
            for digest in contents.references(manifest):
                users.setdefault(digest, set()).add(_named(item.snapshot))
    buffers = Buffers(str(home / "buffers"))
    for digest in sorted(users):
        _buffer(buffers, digest, found, {"kind": "buffer", "name": digest, "snapshots": sorted(users[digest])})
    # a file that a stage wrote may have been too big to keep, and what another machine left may not have been fetched
    found.missing = [item for item in found.missing if item["kind"] == "manifest" or item["name"] in needed]
    return found


def _lost(snapshot: Snapshot, found: Check) -> None:
    there = snapshot.manifest.exists()
    found.checked += there
    about = {"kind": "manifest", "name": snapshot.manifest.name, "snapshots": [_named(snapshot)]}
    (found.damaged if there else found.missing).append(about)
    with contextlib.suppress(OSError):
        snapshot.manifest.unlink(missing_ok=True)


def _buffer(buffers: Buffers, digest: str, found: Check, about: dict[str, Any]) -> None:
    if not buffers.path(digest).exists():
        found.missing.append(about)
        return
    found.checked += 1
    try:
        found.bytes += len(buffers.get(digest, writable=False, again=True))
    except BufferDamaged:
        found.damaged.append(about)


def _named(snapshot: Snapshot) -> str:
    return f"{snapshot.notebook} {snapshot.stage} of run {snapshot.run[:4]}"
