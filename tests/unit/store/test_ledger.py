"""The ledger: trust, intent before effect, and file systems that are not as they should be."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbprod.core.errors import MissingValue, StoreError
from nbprod.store import Ledger, Snapshot, load_manifest
from nbprod.store import files as files_module
from nbprod.store import ledger as ledger_module
from nbprod.store.files import digest_file, file_system, refusal, write_json

RECORD = {"run": "aa00", "notebook": "nb.ipynb", "status": "running", "stages": []}


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as opened:
        yield opened


def snapshot(home: Path, run: str = "aa00", text: str = "{}") -> Snapshot:
    manifest = home / "manifests" / f"{run}.json"
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_text(text)
    return Snapshot("nb.ipynb", "load", "key", manifest, digest_file(manifest), run, facts={"parts": {}})


def test_runs_are_found_by_prefix_and_kept_in_order(ledger):
    for run in ("aa00", "aa11", "bb22"):
        ledger.begin_run(run, "nb.ipynb", {**RECORD, "run": run})
    ledger.save_run("bb22", "succeeded", {**RECORD, "run": "bb22", "status": "succeeded"})
    assert [record["run"] for record in ledger.runs()] == ["bb22", "aa11", "aa00"]
    assert [record["run"] for record in ledger.find_runs("aa")] == ["aa11", "aa00"]
    assert ledger.find_runs("%") == []
    assert ledger.runs("other.ipynb") == []
    assert ledger.runs(limit=1)[0]["status"] == "succeeded"
    with pytest.raises(StoreError, match="exists already"):
        ledger.begin_run("aa00", "nb.ipynb", RECORD)


def test_only_manifests_of_the_ledger_are_trusted(ledger, tmp_path):
    known = snapshot(tmp_path, text=json.dumps({"groups": []}))
    ledger.begin_stage("aa00", "load", known.manifest)
    assert ledger.candidates("key") == [], "an intent is no snapshot"
    ledger.add_snapshot(known)
    found = ledger.candidates("key")[0]
    assert (found.manifest, found.run, found.facts) == (known.manifest, "aa00", {"parts": {}})
    assert load_manifest(found) == {"groups": []}
    assert ledger.snapshot(known.manifest) == found
    assert ledger.snapshot(tmp_path / "manifests" / "foreign.json") is None
    known.manifest.write_text('{"groups": [1]}')
    assert load_manifest(found) is None
    known.manifest.unlink()
    assert load_manifest(found) is None


def test_files_are_hashed_again_only_when_they_changed(ledger, tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_text("1")
    os.utime(path, (1, 1))
    counted = []
    monkeypatch.setattr(ledger_module, "digest_file", lambda path: counted.append(path) or digest_file(path))
    one = ledger.file_digest(path)
    assert one == hashlib.sha256(b"1").hexdigest()
    assert ledger.file_digest(path) == one
    assert len(counted) == 1
    path.write_text("2")
    os.utime(path, (1, 2))
    assert ledger.file_digest(path) != one
    assert ledger.file_digest(tmp_path / "absent") is None
    ledger.begin_run("aa00", "nb.ipynb", RECORD)
    ledger.save_run("aa00", "succeeded", RECORD)
    with Ledger(tmp_path) as other:
        other.file_digest(path)
    assert len(counted) == 2, "remembered across processes"


def test_a_file_written_this_instant_is_not_remembered(ledger, tmp_path):
    path = tmp_path / "fresh"
    path.write_text("1")
    now = time.time_ns()
    os.utime(path, ns=(now, now))
    ledger.file_digest(path)
    path.write_text("2")
    os.utime(path, ns=(now, now))
    assert ledger.file_digest(path) == hashlib.sha256(b"2").hexdigest()


def test_facts_hold_while_their_stamp_does(ledger):
    ledger.remember("python", "v1", {"version": "3.11"})
    assert ledger.fact("python", "v1") == {"version": "3.11"}
    assert ledger.fact("python", "v2") is None


def test_the_first_notebook_of_a_stem_has_its_name(ledger):
    ledger.begin_run("aa00", "a/churn.ipynb", RECORD)
    ledger.begin_run("aa01", "b/churn.ipynb", RECORD)
    assert ledger.first_notebook("churn") == "a/churn.ipynb"
    assert ledger.first_notebook("urn") is None


def test_without_working_locks_a_lock_file_serves(tmp_path, monkeypatch):
    import fcntl

    def refuse(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    assert not files_module.locks_work(tmp_path)
    with Ledger(tmp_path) as one:
        one.begin_run("aa00", "nb.ipynb", RECORD)
        mode = one._link.execute("PRAGMA journal_mode").fetchone()[0]
        assert mode == "delete"
        with Ledger(tmp_path) as two:
            assert [record["run"] for record in two.runs()] == ["aa00"]


def test_a_lock_left_by_a_killed_process_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "locks_work", lambda _home: False)
    with Ledger(tmp_path) as one:
        one.begin_run("aa00", "nb.ipynb", RECORD)
    lock = tmp_path / "ledger.sqlite.lock"
    lock.mkdir()
    os.utime(lock, (1, 1))
    with Ledger(tmp_path) as two:
        two.begin_run("bb00", "nb.ipynb", RECORD)


def test_on_a_network_file_system_there_is_no_wal(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "on_network", lambda _home: True)
    with Ledger(tmp_path) as opened:
        assert opened._link.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_a_damaged_a_newer_and_an_unwritable_ledger(tmp_path):
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="is damaged") as damaged:
        Ledger(tmp_path)
    assert "delete" in damaged.value.hint
    file.unlink()
    with sqlite3.connect(file) as link:
        link.execute("PRAGMA user_version = 99")
    link.close()
    with pytest.raises(StoreError, match="newer nbprod"):
        Ledger(tmp_path)
    with pytest.raises(StoreError, match="cannot be"):
        Ledger(tmp_path / "absent")


def test_many_writers_at_once(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom nbprod.store import Ledger\n"
        "with Ledger(Path(sys.argv[1])) as ledger:\n"
        "    for i in range(20):\n        ledger.begin_run(f'{sys.argv[2]}{i:03d}', 'nb.ipynb', {'run': 'x'})\n"
    )
    made = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "abc"]
    assert [process.wait() for process in made] == [0, 0, 0]
    with Ledger(tmp_path) as ledger:
        assert len(ledger.runs(limit=100)) == 60


def test_a_full_disk_says_what_to_do(tmp_path):
    full = refusal(tmp_path, OSError(errno.ENOSPC, "No space left on device"))
    assert (full.code, "NBPROD_HOME" in full.hint) == ("NB601", True)
    assert refusal(tmp_path, OSError(errno.EROFS, "Read-only file system")).code == "NB602"


def test_files_are_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "run.json"
    write_json(target, {"a": 1})
    with pytest.raises(UnicodeEncodeError):
        write_json(target, {"a": "\ud800"})
    assert json.loads(target.read_text()) == {"a": 1}
    assert [path.name for path in target.parent.iterdir()] == ["run.json"]


def test_the_file_system_is_known_on_linux(tmp_path):
    if not Path("/proc/mounts").exists():
        pytest.skip("needs /proc")
    assert file_system(tmp_path)
    assert file_system(Path("/proc")) == "proc"


def test_an_unknown_run_lists_those_there_are(project):
    from nbprod.config import Project
    from nbprod.store import load_run

    found = Project.find(project)
    with Ledger(found.home) as ledger:
        for run in ("aa00", "aa11"):
            ledger.begin_run(run, "nb.ipynb", {**RECORD, "run": run})
    with pytest.raises(MissingValue, match="several runs begin with aa"):
        load_run(found, "aa")
    with pytest.raises(MissingValue, match="no run ff") as missing:
        load_run(found, "ff")
    assert "aa11" in missing.value.hint


def test_the_log_stays_and_is_read(tmp_path: Path) -> None:
    with Ledger(tmp_path) as first:
        first.remember("key", "stamp", 1)
    assert (tmp_path / "ledger.sqlite-wal").stat().st_size > 0, "closing the last connection would have synced it away"
    with Ledger(tmp_path) as second:
        assert second.fact("key", "stamp") == 1
    other = tmp_path / "other"
    other.mkdir()
    with Ledger(other) as third:
        third.remember("key", "stamp", 2)
    assert not (tmp_path / "ledger.sqlite-wal").exists(), "one connection is left open, no more"
