"""A store elsewhere: what is pushed, what is adopted, what is fetched, and what is not trusted."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from nbprod.core.errors import StoreError, UnavailableError
from nbprod.store import Ledger, Snapshot, shared, verifying
from nbprod.store.files import digest_file
from nbprod.store.remote import Remote, buffer_name
from nbprod.store.shared import Shared
from nbprod.worker.buffers import Buffers
from nbprod.worker.formats import FORMAT

KEY = "ab" * 16


class Machine:
    """A project's home that uses a store elsewhere."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        home.mkdir()
        self.ledger = Ledger(home)
        self.buffers = Buffers(str(home / "buffers"))
        self.shared = Shared(url, home, self.ledger)

    def leave(self, *data: bytes, run: str = "r1", key: str = KEY) -> Snapshot:
        """Store a snapshot."""
        skeleton, *rest = map(self.buffers.put, data)
        kept = self.buffers.put(b"a file")
        group = {"names": ["x"], "content": "c", "skeleton": skeleton, "buffers": rest}
        observed = {"files_written": {"out.csv": kept, "big.csv": "0" * 64}}
        path = self.home / "manifests" / f"{run}-s-abc.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"format": FORMAT, "groups": [group], "state": {}, "observed": observed}))
        self.ledger.add_snapshot(Snapshot("nb.ipynb", "s", key, path, digest_file(path), run, 0.0, {"parts": {}}))
        return self.ledger.candidates(key)[0]

    def push(self, snapshot: Snapshot) -> list[str]:
        self.shared.share(snapshot)
        notes = self.shared.finish()
        self.shared = Shared(self.shared.url, self.home, self.ledger)
        return notes

    def adopt(self, key: str = KEY) -> list[Snapshot]:
        return list(self.shared.adopt(key))


@pytest.fixture
def url(tmp_path):
    return f"file://{tmp_path}/elsewhere"


@pytest.fixture
def machine(tmp_path, url):
    made = []

    def make(name: str, url: str = url) -> Machine:
        made.append(Machine(tmp_path / name, url))
        return made[-1]

    yield make
    for each in made:
        each.ledger.close()


def there(url: str) -> list[Path]:
    return sorted(path for path in Path(url.removeprefix("file://")).rglob("*") if path.is_file())


@pytest.fixture(params=["file", "memory", "path"])
def any_url(request, url, tmp_path):
    return {"file": url, "memory": f"memory://{tmp_path.name}", "path": str(tmp_path / "elsewhere")}[request.param]


def test_a_second_machine_takes_what_the_first_one_left(machine, any_url):
    one, two = machine("one", any_url), machine("two", any_url)
    big = os.urandom(1 << 20) + bytes(2 << 20)
    snapshot = one.leave(b"skeleton", big)
    assert one.push(snapshot) == []
    (adopted,) = two.adopt()
    assert (adopted.notebook, adopted.stage, adopted.run, adopted.created) == ("nb.ipynb", "s", "r1", snapshot.created)
    assert adopted.manifest.read_bytes() == snapshot.manifest.read_bytes()
    assert two.ledger.candidates(KEY)[0].digest == snapshot.digest
    assert two.shared.holds(adopted)
    assert adopted.facts["kept"] == [one.buffers.put(b"a file")]
    name = one.buffers.put(big)
    assert not two.buffers.path(name).exists(), "nothing is fetched before it is needed"
    assert two.shared.fetch({name}) == set()
    assert bytes(two.buffers.get(name)) == big
    assert two.adopt() == [], "it is known now"
    assert verifying.verify(two.home).whole, "what was not fetched is not missing"


def test_values_are_fetched_by_url_alone(machine, url):
    one, two = machine("one"), machine("two")
    one.push(one.leave(b"skeleton"))
    name = one.buffers.put(b"skeleton")
    assert shared.fetch(url, two.home, [name]) == set()
    assert bytes(two.buffers.get(name)) == b"skeleton"
    assert shared.fetch("memory://nothing-is-asked", two.home, [name]) == set()


def test_what_is_there_is_not_pushed_again(machine, url):
    one = machine("one")
    snapshot = one.leave(b"skeleton", b"x")
    one.push(snapshot)
    files = there(url)
    assert len(files) == 4
    for file in files:
        file.unlink()
    one.push(snapshot)
    assert there(url) == [], "the ledger knows that it was pushed"
    two = machine("two")
    two.push(two.leave(b"skeleton", b"x", run="r2"))
    assert len(there(url)) == 4


def test_two_machines_push_the_same_at_once(machine, url):
    one, two = machine("one"), machine("two")
    made = [each.leave(b"skeleton", b"x", run=run) for each, run in ((one, "r1"), (two, "r2"))]
    for each, snapshot in zip((one, two), made, strict=True):
        each.shared.share(snapshot)
    assert one.shared.finish() == two.shared.finish() == []
    three = machine("three")
    assert {snapshot.run for snapshot in three.adopt()} == {"r1", "r2"}
    assert not [file for file in there(url) if file.name.endswith(".part")]


def test_damage_there_is_found_and_mended_by_the_next_push(machine, url):
    one, two = machine("one"), machine("two")
    one.push(one.leave(b"skeleton", b"content"))
    name = one.buffers.put(b"content")
    path = Path(url.removeprefix("file://")) / buffer_name(name)
    whole = path.read_bytes()
    (adopted,) = two.adopt()
    for wrong in (
        b"no zstd",
        whole[:-3],
        Path(path.parent.parent, *Path(buffer_name(one.buffers.put(b"skeleton"))).parts[1:]).read_bytes(),
    ):
        path.write_bytes(wrong)
        assert two.shared.fetch({name}) == {name}
        assert not two.buffers.path(name).exists()
    with pytest.raises(StoreError, match="what stage s left is damaged or gone") as caught:
        two.shared.forget([adopted.manifest])
    assert caught.value.code == "NB632"
    assert two.ledger.candidates(KEY) == []
    two.shared.share(two.leave(b"skeleton", b"content", run="r2"))
    assert two.shared.finish() == []
    assert path.read_bytes() == whole


def test_a_snapshot_whose_buffers_somebody_removed_is_not_adopted(machine, url):
    one, two = machine("one"), machine("two")
    one.push(one.leave(b"skeleton", b"content"))
    (Path(url.removeprefix("file://")) / buffer_name(one.buffers.put(b"content"))).unlink()
    assert two.adopt() == []
    assert two.ledger.candidates(KEY) == []


def test_entries_that_are_not_what_their_name_says_are_not_trusted(machine, url):
    one, two = machine("one"), machine("two")
    one.push(one.leave(b"skeleton"))
    entry = next(file for file in there(url) if "snapshots" in file.parts)
    other = Remote(url)
    data = other.read(str(entry.relative_to(url.removeprefix("file://"))))
    for wrong in (data.replace(b'"run": "r1"', b'"run": "r7"'), b"", b"{}"):
        entry.unlink()
        other.write(str(entry.relative_to(url.removeprefix("file://"))), wrong)
        assert two.adopt() == []
    entry.write_bytes(b"no zstd")
    assert two.adopt() == []
    entry.rename(entry.with_name(entry.name.replace("r1-s-abc.json", "..%2Fx.json")))
    assert two.adopt() == []
    assert two.adopt("cd" * 16) == []


def test_a_push_that_fails_is_told_and_tried_again(machine, url, tmp_path):
    one = machine("one")
    (tmp_path / "elsewhere").write_text("a file, where a folder should be")
    snapshot = one.leave(b"skeleton")
    (note,) = one.push(snapshot)
    assert note.startswith("what stages left was not pushed: the store file://")
    assert note.endswith("; the next run tries again")
    (tmp_path / "elsewhere").unlink()
    assert one.push(snapshot) == []
    assert [found.run for found in machine("two").adopt()] == ["r1"]


def test_what_was_not_begun_is_given_up_at_once(machine):
    one = machine("one")
    for number in range(4):
        one.shared.share(one.leave(b"%d" % number, run=f"r{number}", key=f"{number}" * 32))
    assert one.shared.finish(at_once=True) == []


def test_names_of_users_are_not_told(tmp_path):
    assert Remote(f"file://me:secret@/{tmp_path}/x").url == f"file:///{tmp_path}/x"


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    with pytest.raises(StoreError, match="is no store"):
        Remote("nosuch://bucket/prefix")
    with pytest.raises(UnavailableError, match="gcsfs") as caught:
        Remote("gs://bucket/prefix")
    assert caught.value.code == "NB630"
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(UnavailableError, match="zstandard") as caught:
        Remote(f"file://{tmp_path}/x")
    assert caught.value.hint == "python -m pip install 'nbprod[remote]'"
