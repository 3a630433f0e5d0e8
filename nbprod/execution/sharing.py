"""A store elsewhere (`--store URL`) as a run uses it; without one nothing of this does anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.store import contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbprod.execution.observed import World
    from nbprod.execution.timeline import Inputs
    from nbprod.store import Ledger, Snapshot
    from nbprod.store.shared import Shared


class Sharing:
    """What a run takes from the store elsewhere, and gives to it.

    Parameters
    ----------
    url
        Of that store, None without one.
    home, ledger
        The project's.
    """

    def __init__(self, url: str | None, home: Path, ledger: Ledger) -> None:
        self._shared: Shared | None = None
        if url:
            from nbprod.store.shared import Shared

            self._shared = Shared(url, home, ledger)

    def candidates(self, fingerprint: str) -> Iterable[Snapshot]:
        """Return snapshots that are there and not here; raises `StoreError`."""
        return self._shared.adopt(fingerprint) if self._shared else ()

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether what is missing of a snapshot can be fetched."""
        return self._shared is not None and self._shared.holds(snapshot)

    def fetch(self, inputs: Inputs) -> None:
        """Fetch what a stage that is about to run reads, and no more.

        Raises
        ------
        StoreError
            The store cannot be reached, or has not got it any more: then the next run makes it again.
        """
        if self._shared is None:
            return
        wanted: dict[Path, set[str]] = {}
        for given in inputs.specs:
            names = set(given["names"])
            groups = [group for group in _read(given["manifest"])["groups"] if names.intersection(group["names"])]
            wanted.setdefault(Path(given["manifest"]), set()).update(contents.values({"groups": groups, "state": {}}))
        for path in inputs.carriers:
            found = contents.values({**_read(path), "groups": []})
            wanted.setdefault(Path(path), set()).update(found)
        lost = self._shared.fetch(set().union(*wanted.values()))
        self._shared.forget([path for path, digests in wanted.items() if digests & lost])

    def fetch_files(self, world: World) -> None:
        """Fetch the files that reused stages wrote and that are not as they left them; raises as `fetch` does."""
        if self._shared is None:
            return
        changed = {path: digest for path, digest in world.overlay.items() if digest is not None}
        changed = {path: digest for path, digest in changed.items() if world.ledger.file_digest(path) != digest}
        names = {path: contents.of_file(digest) for path, digest in changed.items()}
        lost = self._shared.fetch(set(names.values()))
        gone = [str(path) for path, name in names.items() if name in lost]
        if gone:
            raise self._shared.gone(f"the file {gone[0]}", "run it again with --force")

    def share(self, snapshot: Snapshot) -> None:
        """Begin to push what a stage left."""
        if self._shared is not None:
            self._shared.share(snapshot)

    def finish(self, *, at_once: bool = False) -> list[str]:
        """Wait until all is pushed, or give up; returns notes about what could not be."""
        return self._shared.finish(at_once=at_once) if self._shared is not None else []


def _read(path: str) -> Mapping[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return loaded
