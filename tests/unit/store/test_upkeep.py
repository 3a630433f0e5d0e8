"""What the store holds, what may go, and what must stay."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from nbprod.store import Ledger, Snapshot, contents, upkeep, verifying
from nbprod.store.files import digest_file
from nbprod.store.upkeep import Rules
from nbprod.worker.buffers import Buffers

DAY = 86400.0
KB = 1000


class Home:
    """A store filled by hand."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ledger = Ledger(home)
        self.buffers = Buffers(str(home / "buffers"))

    def run(self, run: str, notebook: str = "nb.ipynb", status: str = "succeeded", reused=()) -> None:
        stages = [{"name": path.name, "snapshot": str(path)} for path in reused]
        record = {"run": run, "notebook": notebook, "status": status, "stages": stages}
        self.ledger.begin_run(run, notebook, record)
        if status != "running":
            self.ledger.save_run(run, status, record)

    def stage(self, run: str, *data: bytes, notebook: str = "nb.ipynb", days: float = 0.0, files=()) -> Path:
        """Store a snapshot of some buffers, last used so many days ago."""
        skeleton, *rest = [self.buffers.put(item) for item in data]
        written = dict(files)
        content = {
            "groups": [{"skeleton": skeleton, "buffers": rest}],
            "state": {"random": {"payload": skeleton, "buffers": []}, "cwd": {"path": "x"}},
            "observed": {"files_written": written},
        }
        path = self.home / "manifests" / f"{run}-s{len(list(self.manifests()))}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
        snapshot = Snapshot(notebook, "s", run, path, digest_file(path), run)
        self.ledger.add_snapshot(snapshot)
        if days:
            self.age(days, path, *map(self.buffers.path, [skeleton, *rest]))
        return path

    def age(self, days: float, *paths: Path) -> None:
        then = time.time() - days * DAY
        for path in paths:
            os.utime(path, (then, then))
        link = self.ledger._link
        names = [f"manifests/{path.name}" for path in paths]
        link.executemany("UPDATE snapshots SET created = ? WHERE manifest = ?", [(then, name) for name in names])

    def manifests(self) -> list[Path]:
        return sorted((self.home / "manifests").glob("*.json"))

    def holds(self, data: bytes) -> bool:
        return any(path.read_bytes() == data for path in (self.home / "buffers").rglob("*") if path.is_file())

    def gc(self, **rules):
        dry_run = rules.pop("dry_run", False)
        return upkeep.gc(self.home, Rules(**rules), dry_run=dry_run)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    yield made
    made.ledger.close()


def test_what_the_last_runs_used_stays(home):
    paths = [home.stage(f"r{n}", b"%d" % n, b"shared", days=9 - n) for n in range(4)]
    for n in range(4):
        home.run(f"r{n}", reused=paths[n : n + 1] if n < 3 else [paths[0]])
    removed = home.gc(keep_last=2)
    assert [item["run"] for item in removed.snapshots] == ["r1"], "the last run reused what the first one made"
    assert home.manifests() == [paths[0], paths[2], paths[3]]
    assert (removed.buffers, home.holds(b"1"), home.holds(b"shared")) == (1, False, True)
    assert [snapshot.run for snapshot in home.ledger.snapshots()] == ["r3", "r2", "r0"]


def test_last_runs_are_counted_by_notebook(home):
    for notebook in ("a.ipynb", "b.ipynb"):
        for n in range(3):
            home.stage(f"{notebook}{n}", notebook.encode() + b"%d" % n, notebook=notebook, days=5 - n)
            home.run(f"{notebook}{n}", notebook)
    assert sorted(item["run"] for item in home.gc(keep_last=1).snapshots) == [
        "a.ipynb0", "a.ipynb1", "b.ipynb0", "b.ipynb1",
    ]  # fmt: skip


def test_old_ones_go_unless_a_last_run_used_them(home):
    old, older, young = (home.stage(run, run.encode(), days=days) for run, days in (("a", 40), ("b", 50), ("c", 2)))
    home.run("b")
    home.run("a")
    home.run("c", reused=[old])
    assert home.gc(older_than=30 * DAY, keep_last=1, dry_run=True).snapshots == [
        {"notebook": "nb.ipynb", "stage": "s", "run": "b"}
    ]
    assert home.manifests() == sorted([old, older, young]), "a dry run removes nothing"
    assert len(home.gc(older_than=30 * DAY).snapshots) == 2
    assert home.manifests() == [young]


def test_the_least_recently_used_go_until_the_rest_fits(home):
    data = {run: os.urandom(100 * KB) for run in "abcd"}
    for days, run in enumerate("dcba", 2):
        home.stage(run, data[run], days=days)
        home.run(run)
    assert home.gc(max_size=10**9).snapshots == []
    removed = home.gc(max_size=250 * KB)
    assert [item["run"] for item in removed.snapshots] == ["b", "c"], "a is oldest, but the newest run's"
    assert removed.left <= 250 * KB
    assert [home.holds(data[run]) for run in "abcd"] == [True, False, False, True]
    assert home.gc(max_size=0).left > 0, "what the newest run used stays whatever the limit"


def test_a_limit_is_looked_at_first(home):
    home.stage("a", os.urandom(100 * KB), days=2)
    home.stage("b", os.urandom(100 * KB), days=1)
    home.run("b")
    assert upkeep.within(home.home, 10**9) is None
    assert upkeep.within(home.home, 150 * KB).snapshots == [{"notebook": "nb.ipynb", "stage": "s", "run": "a"}]


def test_what_was_touched_a_moment_ago_stays(home):
    made = home.stage("a", b"new")
    loose = home.buffers.put(b"a stage is about to refer to it")
    stray = home.home / "manifests" / "running.json"
    stray.write_text("{}")
    assert home.gc(keep_last=0, max_size=0) == upkeep.Removed(left=contents.size(home.home))
    assert made.exists()
    assert stray.exists()
    assert home.buffers.path(loose).exists()


def test_what_a_run_going_on_used_stays_however_long_it_takes(home):
    home.run("now", status="running")
    home.ledger._link.execute("UPDATE runs SET started = ?", (time.time() - 3 * DAY,))
    before, after = home.stage("a", b"before", days=4), home.stage("b", b"during", days=2)
    orphan = home.buffers.put(b"during too")
    home.age(2.5, home.buffers.path(orphan))
    assert [item["run"] for item in home.gc(keep_last=0).snapshots] == ["a"]
    assert (before.exists(), after.exists(), home.buffers.path(orphan).exists()) == (False, True, True)
    home.ledger._link.execute("UPDATE runs SET pid = 999999999")  # it was killed
    assert [item["run"] for item in home.gc(keep_last=0).snapshots] == ["b"]
    assert not home.buffers.path(orphan).exists()


def test_a_snapshot_taken_while_it_is_being_removed_is_put_back(home):
    path = home.stage("a", b"data", days=9)
    looked = upkeep.Upkeep(home.home, home.ledger)
    chosen = looked.chosen(Rules(keep_last=0))
    assert contents.take(path)
    assert looked.remove(chosen, dry_run=False).snapshots == []
    assert path.exists()
    assert [snapshot.manifest for snapshot in home.ledger.snapshots()] == [path]
    assert home.holds(b"data")


def test_a_buffer_written_again_while_it_is_being_removed_is_put_back(home):
    name = home.buffers.put(b"data")
    home.age(9, home.buffers.path(name))
    looked = upkeep.Upkeep(home.home, home.ledger)
    assert home.buffers.put(b"data") == name
    assert looked.remove([], dry_run=False).buffers == 0
    assert bytes(home.buffers.get(name)) == b"data"


def test_what_is_gone_cannot_be_taken(home):
    assert not contents.take(home.home / "manifests" / "gone.json")


def test_leftovers_of_killed_processes_go(home):
    home.stage("a", b"data")
    left = [home.buffers.path(home.buffers.put(b"data")).with_name(".new-x"), home.home / "manifests" / ".x.1.part"]
    left += [home.home / "runs" / "a" / ".new-run.json.1", home.home / "models" / "m" / ".a.1.part" / "MLmodel"]
    left += [left[0].with_name(".new-folder") / "packed"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
        home.age(1, path, path.parent)
    removed = home.gc()
    assert (removed.snapshots, removed.buffers, removed.bytes) == ([], 0, 20)
    assert not any(path.exists() for path in left)
    assert not left[-1].parent.exists()


def test_stats(home):
    home.stage("a", b"12345", b"1234567890")
    home.buffers.put(b"123")
    (home.home / "models" / "m" / "a").mkdir(parents=True)
    (home.home / "models" / "m" / "a" / "MLmodel").write_bytes(b"1234")
    found = {kind["kind"]: kind for kind in upkeep.stats(home.home)["kinds"]}
    assert found["buffers"] == {
        "kind": "buffers", "count": 3, "bytes": 18, "unreferenced": {"count": 1, "bytes": 3},
    }  # fmt: skip
    assert (found["manifests"]["count"], found["manifests"]["unreferenced"]["count"]) == (1, 0)
    assert (found["models"]["count"], found["models"]["bytes"]) == (1, 4)
    assert found["runs"] == {"kind": "runs", "count": 0, "bytes": 0, "unreferenced": {"count": 0, "bytes": 0}}


def test_verify_finds_and_removes_what_is_damaged(home):
    home.stage("a", b"skeleton", b"x" * 3_000_000, files=[("out.csv", "0" * 64)])
    home.stage("b", b"skeleton", b"gone")
    assert verifying.verify(home.home).whole, "a written file that was too big to keep is no loss"
    damaged, gone = (home.buffers.path(home.buffers.put(data)) for data in (b"x" * 3_000_000, b"gone"))
    status = damaged.stat()
    with damaged.open("r+b") as file:
        file.write(b"y")
    os.utime(damaged, ns=(status.st_atime_ns, status.st_mtime_ns))  # what only hashing finds
    gone.unlink()
    found = verifying.verify(home.home)
    assert [item["snapshots"] for item in found.damaged] == [["nb.ipynb s of run a"]]
    assert [item["snapshots"] for item in found.missing] == [["nb.ipynb s of run b"]]
    assert not damaged.exists()
    again = verifying.verify(home.home)
    assert (again.damaged, len(again.missing)) == ([], 2)


def test_verify_forgets_manifests_that_are_not_what_was_written(home):
    path = home.stage("a", b"data")
    path.write_text("{}")
    found = verifying.verify(home.home)
    assert [item["kind"] for item in found.damaged] == ["manifest"]
    assert home.ledger.snapshots() == []
    assert verifying.verify(home.home).whole
