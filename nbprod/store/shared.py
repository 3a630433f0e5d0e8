"""What machines share by a store elsewhere: snapshots are adopted into the ledger, and what stages leave is pushed.

The manifests of that store are trusted because the user named its URL, and for no other reason.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import NbprodError, StoreError, StoreUnreachable
from nbprod.store import contents
from nbprod.store.files import write_text
from nbprod.store.ledger import Ledger, Snapshot, digest_file, load_manifest
from nbprod.store.remote import Remote, buffer_name, content_digest, without_user
from nbprod.worker import FORMAT
from nbprod.worker.buffers import Buffers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

ENTRY = 1
"""The form of what is written for a snapshot."""
MOST = 5
"""So many snapshots of one fingerprint are looked at, newest first."""
TRANSFERS = 8
_NAME = re.compile(r"(?P<time>[0-9]{13})-(?P<manifest>[A-Za-z0-9_.-]+\.json)-(?P<digest>[0-9a-f]{32})\.zst")


class Shared:
    """A store elsewhere, as one project uses it.

    Parameters
    ----------
    url
        Of the store.
    home
        The project's home.
    ledger
        Its ledger; used only by the thread that calls.
    """

    def __init__(self, url: str, home: Path, ledger: Ledger) -> None:
        self.url = without_user(url)
        self._address = url
        self.home = home
        self.ledger = ledger
        self.buffers = Buffers(str(home / "buffers"))
        self._known: set[str] = set()
        self._down: StoreUnreachable | None = None
        self._pusher: ThreadPoolExecutor | None = None
        self._pushed: list[tuple[Snapshot, Future[None]]] = []

    @cached_property
    def remote(self) -> Remote:
        """The store, connected when something is asked of it: a run that reuses all that is here needs nothing there.

        Raises
        ------
        UnavailableError, StoreError
            It cannot be used here.
        """
        return Remote(self._address)

    # taking

    def adopt(self, fingerprint: str) -> Iterator[Snapshot]:
        """Yield the snapshots that are there under a fingerprint and not known here, trusted from now on."""
        folder = _folder(fingerprint)
        for name in sorted(self.remote.names(folder), reverse=True)[:MOST]:
            match = _NAME.fullmatch(name)
            if match is None:
                continue
            path = self.home / "manifests" / match["manifest"]
            known = self.ledger.snapshot(path)
            if self.ledger.fact(f"gone:{path.name}", self.url):
                continue
            if known is not None and self.holds(known) and load_manifest(known) is not None:
                continue
            snapshot = self._adopted(self.remote.read(f"{folder}/{name}"), match["digest"], fingerprint, path)
            if snapshot is not None and self._in_full(snapshot):
                self.ledger.add_snapshot(snapshot)
                yield snapshot

    def _adopted(self, data: bytes, digest: str, fingerprint: str, path: Path) -> Snapshot | None:
        """Return the snapshot of an entry, its manifest written here; None for one that is damaged or another form."""
        entry = json.loads(data) if content_digest(data) == digest else {}
        if entry.get("format") != [ENTRY, FORMAT] or entry["fingerprint"] != fingerprint:
            return None
        write_text(path, entry["manifest"])
        facts = {**entry["facts"], "store": self.url, "kept": entry["kept"]}
        return Snapshot(
            entry["notebook"], entry["stage"], fingerprint, path, digest_file(path), entry["run"], entry["time"], facts
        )

    def _in_full(self, snapshot: Snapshot) -> bool:
        """Whether all that a snapshot refers to is here or there: somebody may have cleaned up."""
        wanted = contents.values(json.loads(snapshot.manifest.read_bytes())) | set(snapshot.facts["kept"])
        missing = _missing(self.buffers, wanted)
        if not missing:
            return True
        with _pool(min(TRANSFERS, len(missing)), "nbprod-ask") as pool:
            return all(pool.map(lambda digest: self.remote.holds(buffer_name(digest)), missing))

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot came from this store, so that what is missing here can be fetched."""
        return snapshot.facts.get("store") == self.url

    def fetch(self, digests: Collection[str]) -> set[str]:
        """Fetch the buffers that are missing here; returns those that cannot be had. Raises `StoreError`."""
        missing = _missing(self.buffers, digests)
        return _fetched(self.remote, self.buffers, missing) if missing else set()

    def forget(self, manifests: Sequence[Path]) -> None:
        """Trust these snapshots no longer, whose buffers are gone; raises `StoreError` if there are any."""
        found = [snapshot for path in manifests if (snapshot := self.ledger.snapshot(path)) is not None]
        if found:
            self.ledger.forget(found)
            for snapshot in found:
                self.ledger.remember(f"gone:{snapshot.manifest.name}", self.url, value=True)
            raise self.gone(f"what stage {found[0].stage} left", "run it again: that stage is made anew")

    def gone(self, what: str, hint: str) -> StoreError:
        """Return the error for what nobody has any more."""
        return StoreError("NB632", f"{what} is damaged or gone, here and in {self.url}", hint)

    # giving

    def share(self, snapshot: Snapshot) -> None:
        """Begin to push a snapshot that is not there yet; `finish` waits."""
        if self.holds(snapshot) or self.ledger.fact(self._key(snapshot), self.url):
            return
        if all(other.manifest != snapshot.manifest for other, _ in self._pushed):
            self._pusher = self._pusher or _pool(1, "nbprod-push")
            self._pushed.append((snapshot, self._pusher.submit(self._push, snapshot)))

    def finish(self, *, at_once: bool = False) -> list[str]:
        """Wait for what is being pushed, or give up; returns what could not be. Nothing is raised: the run is done."""
        if self._pusher is not None:
            self._pusher.shutdown(cancel_futures=at_once)
        notes: dict[str, None] = {}
        for snapshot, future in self._pushed:
            if future.cancelled():
                continue
            error = future.exception()
            if error is None:
                self.ledger.remember(self._key(snapshot), self.url, value=True)
            else:
                text = error.message if isinstance(error, NbprodError) else f"{type(error).__name__}: {error}"
                notes[f"what stages left was not pushed: {text}; the next run tries again"] = None
        self._pushed.clear()
        return list(notes)

    def _push(self, snapshot: Snapshot) -> None:
        """Push a snapshot; where the store did not answer once, the others do not wait for that again."""
        if self._down is not None:
            raise self._down
        try:
            self._give(snapshot)
        except StoreUnreachable as error:
            self._down = error
            raise

    def _give(self, snapshot: Snapshot) -> None:
        text = snapshot.manifest.read_text(encoding="utf-8")
        manifest = json.loads(text)
        here = sorted(d for d in contents.references(manifest) if self.buffers.path(d).exists())
        with _pool(TRANSFERS, "nbprod-push") as pool:
            list(pool.map(self._upload, here))
        about: dict[str, Any] = {
            "format": [ENTRY, FORMAT],
            "notebook": snapshot.notebook,
            "stage": snapshot.stage,
            "fingerprint": snapshot.fingerprint,
            "run": snapshot.run,
            "time": snapshot.created or snapshot.manifest.stat().st_mtime,
            "facts": {key: value for key, value in snapshot.facts.items() if key not in ("store", "kept")},
            "kept": sorted(set(here) - contents.values(manifest)),
            "manifest": text,
        }
        data = json.dumps(about, ensure_ascii=False, default=str).encode()
        name = f"{int(about['time'] * 1000):013d}-{snapshot.manifest.name}-{content_digest(data)}.zst"
        self.remote.write(f"{_folder(snapshot.fingerprint)}/{name}", data)

    def _upload(self, digest: str) -> None:
        if digest in self._known:
            return
        name = buffer_name(digest)
        if not self.remote.holds(name):
            self.remote.upload(self.buffers.path(digest), name)
        self._known.add(digest)

    @staticmethod
    def _key(snapshot: Snapshot) -> str:
        return f"pushed:{snapshot.manifest.name}"


def fetch(url: str, home: Path, digests: Collection[str]) -> set[str]:
    """Fetch the buffers of a value that are missing here; returns those that cannot be had. Raises `StoreError`."""
    buffers = Buffers(str(home / "buffers"))
    missing = _missing(buffers, digests)
    return _fetched(Remote(url), buffers, missing) if missing else set()


def _missing(buffers: Buffers, digests: Collection[str]) -> list[str]:
    return sorted(digest for digest in set(digests) if not buffers.path(digest).exists())


def _fetched(remote: Remote, buffers: Buffers, missing: Sequence[str]) -> set[str]:
    with _pool(min(TRANSFERS, len(missing)), "nbprod-fetch") as pool:
        done = list(pool.map(lambda digest: remote.download(digest, buffers), missing))
    return {digest for digest, there in zip(missing, done, strict=True) if not there}


def _pool(threads: int, name: str) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # imports more than a run that reuses all

    return ThreadPoolExecutor(threads, name)


def _folder(fingerprint: str) -> str:
    return f"snapshots/{fingerprint[:2]}/{fingerprint}"
