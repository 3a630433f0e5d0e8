"""The ledger: which runs there were, and which snapshots may be trusted.

SQLite, so that two runs at once are safe. Intent is written before the effect: a stage is on record as running before
its process starts, and a manifest counts only once its digest is here. What was half-written when a run was killed is
therefore never seen again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nbprod.core.errors import StoreError
from nbprod.core.frozen import dataclass
from nbprod.store.files import digest_file, locks_work, on_network, refusal
from nbprod.store.opening import BUSY_SECONDS, break_stale_lock, close_later, explained, locks_are_broken, patiently

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

SCHEMA = 1
CLOCK_TICK_NS = 50_000_000  # a file younger than this may change again without a change of its time

_TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, notebook TEXT NOT NULL, status TEXT NOT NULL, started REAL NOT NULL,
    pid INTEGER NOT NULL, host TEXT NOT NULL, record TEXT NOT NULL
);
CREATE INDEX runs_by_time ON runs (started);
CREATE INDEX runs_by_notebook ON runs (notebook, started);
CREATE TABLE stages (
    run TEXT NOT NULL, stage TEXT NOT NULL, status TEXT NOT NULL, manifest TEXT NOT NULL, started REAL NOT NULL,
    PRIMARY KEY (run, stage)
);
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY, notebook TEXT NOT NULL, stage TEXT NOT NULL, fingerprint TEXT NOT NULL,
    manifest TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, run TEXT NOT NULL, created REAL NOT NULL, facts TEXT NOT NULL
);
CREATE INDEX snapshots_by_fingerprint ON snapshots (fingerprint, id);
CREATE INDEX snapshots_by_stage ON snapshots (notebook, stage, id);
CREATE TABLE models (
    fingerprint TEXT PRIMARY KEY, path TEXT NOT NULL, run TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE files (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE facts (key TEXT PRIMARY KEY, stamp TEXT NOT NULL, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A trusted manifest and what its stage depended on.

    `manifest` is an absolute path. `facts` are JSON values of the execution step: the components of the fingerprint,
    what was observed, the replayed definitions.
    """

    notebook: str
    stage: str
    fingerprint: str
    manifest: Path
    digest: str
    run: str
    created: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)


class Ledger:
    """The SQLite file of a project's home.

    Parameters
    ----------
    home
        The project's home; the ledger is `home/ledger.sqlite`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "ledger.sqlite"
        self._pending: dict[str, tuple[str, str]] = {}
        self._wal = False
        with self._guard():
            self._link = self._open(dotfile=not locks_work(home))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is pending and close the file."""
        with contextlib.suppress(StoreError):
            self._flush()
        close_later(self._link, wal=self._wal)

    # runs

    def begin_run(self, run: str, notebook: str, record: Mapping[str, Any]) -> None:
        """Put a run on record before anything of it happens; raises `StoreError` when the id is taken."""
        row = (run, notebook, "running", time.time(), os.getpid(), _host(), _dump(record))
        with self._guard(), self._transaction() as link:
            if link.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone():
                raise StoreError("NB608", f"run {run} exists already", "leave the id to nbprod")
            link.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def save_run(self, run: str, status: str, record: Mapping[str, Any]) -> None:
        """Replace the record of a run."""
        with self._guard(), self._transaction() as link:
            link.execute("UPDATE runs SET status = ?, record = ? WHERE id = ?", (status, _dump(record), run))
            self._write_files(link)

    def begin_stage(self, run: str, stage: str, manifest: Path) -> None:
        """Put on record that a stage is about to write `manifest`."""
        row = (run, stage, "running", self._relative(manifest), time.time())
        with self._guard(), self._transaction() as link:
            link.execute("INSERT OR REPLACE INTO stages VALUES (?, ?, ?, ?, ?)", row)

    def end_stage(self, run: str, stage: str, status: str) -> None:
        """Put on record how a stage ended that left no snapshot."""
        with self._guard(), self._transaction() as link:
            link.execute("UPDATE stages SET status = ? WHERE run = ? AND stage = ?", (status, run, stage))

    def runs(self, notebook: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
        """Return the records of the newest runs."""
        where, values = ("WHERE notebook = ?", [notebook]) if notebook is not None else ("", [])
        query = f"SELECT * FROM runs {where} ORDER BY started DESC, rowid DESC LIMIT ?"  # noqa: S608 - two constants
        with self._guard():
            rows = self._link.execute(query, [*values, limit]).fetchall()
        return [_record(row) for row in rows]

    def find_runs(self, prefix: str) -> list[dict[str, Any]]:
        """Return the records of runs whose id begins with `prefix`, newest first."""
        with self._guard():
            rows = self._link.execute(
                "SELECT * FROM runs WHERE substr(id, 1, ?) = ? ORDER BY started DESC", (len(prefix), prefix)
            ).fetchall()
        return [_record(row) for row in rows]

    def first_notebook(self, stem: str) -> str | None:
        """Return the notebook of that stem which ran first, so that two of one stem get different model names."""
        query = (
            "SELECT notebook FROM runs WHERE notebook = ? OR substr(notebook, -length(?)) = ? ORDER BY started LIMIT 1"
        )
        file = f"{stem}.ipynb"
        with self._guard():
            row = self._link.execute(query, (file, f"/{file}", f"/{file}")).fetchone()
        return str(row[0]) if row else None

    # snapshots

    def add_snapshot(self, snapshot: Snapshot) -> None:
        """Trust a manifest from now on."""
        row = (
            snapshot.notebook,
            snapshot.stage,
            snapshot.fingerprint,
            self._relative(snapshot.manifest),
            snapshot.digest,
            snapshot.run,
            snapshot.created or time.time(),
            _dump(snapshot.facts),
        )
        columns = "notebook, stage, fingerprint, manifest, digest, run, created, facts"
        with self._guard(), self._transaction() as link:
            link.execute(f"INSERT OR REPLACE INTO snapshots ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - a constant
            link.execute(
                "UPDATE stages SET status = 'succeeded' WHERE run = ? AND stage = ?", (snapshot.run, snapshot.stage)
            )
            self._write_files(link)

    def candidates(self, fingerprint: str, limit: int = 50) -> list[Snapshot]:
        """Return the snapshots made under a fingerprint, newest first; see `load` for whether one can be read."""
        return self._snapshots("fingerprint = ?", (fingerprint,), limit)

    def latest(self, notebook: str, stage: str) -> Snapshot | None:
        """Return the newest snapshot of a stage, whatever it depended on."""
        found = self._snapshots("notebook = ? AND stage = ?", (notebook, stage), 1)
        return found[0] if found else None

    def snapshot(self, manifest: Path) -> Snapshot | None:
        """Return the snapshot of a manifest, or None when this ledger does not know it."""
        found = self._snapshots("manifest = ?", (self._relative(manifest),), 1)
        return found[0] if found else None

    def snapshots(self) -> list[Snapshot]:
        """Return all snapshots, newest first."""
        return self._snapshots("1", (), -1)

    def forget(self, snapshots: Sequence[Snapshot]) -> None:
        """Trust manifests no longer."""
        with self._guard(), self._transaction() as link:
            rows = [(self._relative(snapshot.manifest), f"pushed:{snapshot.manifest.name}") for snapshot in snapshots]
            link.executemany("DELETE FROM snapshots WHERE manifest = ?", [row[:1] for row in rows])
            link.executemany("DELETE FROM facts WHERE key = ?", [row[1:] for row in rows])

    def codes(self, notebook: str, runs: int = 20) -> dict[str, str]:
        """Return for each stage the digest of its code in the newest run that made or reused a snapshot of it."""
        newest = self.runs(notebook, runs)
        held = {entry["snapshot"] for record in newest for entry in record["stages"] if entry.get("snapshot")}
        manifests = [self._relative(Path(path)) for path in held]
        ids = [record["run"] for record in newest]
        marks, others = (",".join("?" * len(values)) for values in (manifests, ids))
        # the record of a run that goes on, or was killed, tells of no snapshots
        made = f"SELECT manifest FROM stages WHERE status = 'succeeded' AND run IN ({others})"  # noqa: S608 - marks
        query = f"SELECT stage, run, manifest, facts FROM snapshots WHERE manifest IN ({marks}) OR manifest IN ({made})"  # noqa: S608 - marks
        with self._guard():
            rows = self._link.execute(query, (*manifests, *ids)).fetchall()
        known: dict[Any, str] = {}
        for stage, run, manifest, facts in rows:
            known[manifest] = known[run, stage] = json.loads(facts).get("parts", {}).get("code", "")
        found: dict[str, str] = {}
        for record in newest:
            for entry in record["stages"]:
                kept = self._relative(Path(entry["snapshot"])) if entry.get("snapshot") else None
                code = known.get(kept) or known.get((record["run"], entry["name"]))
                if code:
                    found.setdefault(entry["name"], code)
        return found

    def _snapshots(self, where: str, values: Sequence[Any], limit: int) -> list[Snapshot]:
        columns = "notebook, stage, fingerprint, manifest, digest, run, created, facts"
        query = f"SELECT {columns} FROM snapshots WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
        with self._guard():
            rows = self._link.execute(query, (*values, limit)).fetchall()
        return [
            Snapshot(row[0], row[1], row[2], self.home / row[3], row[4], row[5], row[6], json.loads(row[7]))
            for row in rows
        ]

    # models

    def add_model(self, fingerprint: str, path: Path, run: str) -> None:
        """Remember the model directory made from what `fingerprint` stands for."""
        with self._guard(), self._transaction() as link:
            row = (fingerprint, self._relative(path), run, time.time())
            link.execute("INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?)", row)

    def model(self, fingerprint: str) -> tuple[Path, str] | None:
        """Return the directory of a model and the run that made it, or None."""
        with self._guard():
            row = self._link.execute("SELECT path, run FROM models WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return (self.home / row[0], row[1]) if row else None

    # facts and files

    def fact(self, key: str, stamp: str) -> Any:
        """Return what was remembered under `key` while its `stamp` is the same, else None."""
        with self._guard():
            row = self._link.execute("SELECT stamp, value FROM facts WHERE key = ?", (key,)).fetchone()
        return json.loads(row[1]) if row and row[0] == stamp else None

    def remember(self, key: str, stamp: str, value: Any) -> None:
        """Keep a JSON value under `key` for as long as its `stamp` is the same."""
        with self._guard(), self._transaction() as link:
            link.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (key, stamp, _dump(value)))

    def file_digest(self, path: Path) -> str | None:
        """Return the SHA-256 of a file, None when there is none; hashed again only when size, time or inode changed."""
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp = f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}"
        known = self._known(str(path))
        if known and known[0] == stamp:
            return known[1]
        try:
            digest = digest_file(path)
        except OSError:
            return None
        if time.time_ns() - stat.st_mtime_ns > CLOCK_TICK_NS:
            self._pending[str(path)] = (stamp, digest)
        return digest

    def _known(self, path: str) -> tuple[str, str] | None:
        if path in self._pending:
            return self._pending[path]
        with self._guard():
            row = self._link.execute("SELECT stamp, digest FROM files WHERE path = ?", (path,)).fetchone()
        return (row[0], row[1]) if row else None

    def _flush(self) -> None:
        if self._pending:
            with self._guard(), self._transaction() as link:
                self._write_files(link)

    def _write_files(self, link: sqlite3.Connection) -> None:
        rows = [(path, stamp, digest) for path, (stamp, digest) in self._pending.items()]
        link.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)
        self._pending.clear()

    # the file itself

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.home)).as_posix()

    def _open(self, *, dotfile: bool) -> sqlite3.Connection:
        if dotfile:
            break_stale_lock(self.path)
        source = f"{self.path.absolute().as_uri()}?{'vfs=unix-dotfile' if dotfile else 'mode=rwc'}"
        # closed by whoever comes next, on whatever thread
        link = sqlite3.connect(source, timeout=BUSY_SECONDS, isolation_level=None, uri=True, check_same_thread=False)
        try:
            self._wal = not dotfile and not on_network(self.home)
            self._prepare(link, wal=self._wal)
        except sqlite3.OperationalError as error:
            link.close()
            if dotfile or not locks_are_broken(error):
                raise
            return self._open(dotfile=True)
        return link

    def _prepare(self, link: sqlite3.Connection, *, wal: bool) -> None:
        version = link.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            hint = "update nbprod, or set NBPROD_HOME to another folder"
            raise StoreError("NB605", f"{self.path} was written by a newer nbprod", hint)
        link.execute("PRAGMA synchronous = NORMAL")
        if version == SCHEMA:
            return
        patiently(link, f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
        link.execute("BEGIN IMMEDIATE")
        if link.execute("PRAGMA user_version").fetchone()[0] == 0:  # nobody was faster
            for statement in _TABLES.split(";"):
                link.execute(statement)
            link.execute(f"PRAGMA user_version = {SCHEMA}")
        link.execute("COMMIT")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._link.execute("BEGIN IMMEDIATE")
        try:
            yield self._link
            self._link.execute("COMMIT")
        except BaseException:
            if self._link.in_transaction:
                self._link.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self.path, error) from error
        except OSError as error:
            raise refusal(self.path, error) from error


def load_manifest(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return the manifest of a snapshot, or None when it is gone, damaged, or not the one the ledger knows."""
    try:
        data = snapshot.manifest.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest() != snapshot.digest:
        return None
    loaded: dict[str, Any] = json.loads(data)
    return loaded


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def _record(row: Sequence[Any]) -> dict[str, Any]:
    """Return a run's record; one whose process is gone while it says `running` was killed."""
    record: dict[str, Any] = json.loads(row[6])
    status = row[2]
    if status == "running" and row[5] == _host() and not _alive(row[4]):
        status = "interrupted"
    return {**record, "status": status, "pid": row[4], "time": row[3]}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


__all__ = ["Ledger", "Snapshot", "digest_file", "load_manifest"]
