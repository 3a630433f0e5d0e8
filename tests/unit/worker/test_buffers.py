from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import nbprod
from nbprod.worker import buffers as module
from nbprod.worker.buffers import BufferDamaged, Buffers

BIG = bytes(range(256)) * 8192  # mapped, not read


@pytest.fixture
def buffers(tmp_path: Path) -> Buffers:
    return Buffers(str(tmp_path / "buffers"))


def changed(path: Path) -> None:
    """Let a file have another time, as if somebody had written it."""
    os.utime(path, ns=(0, 1_000_000_000))


def files(buffers: Buffers) -> list[Path]:
    return [path for path in buffers.root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("data", [b"", b"x", b"abc" * 1000, BIG])
def test_content_comes_back(data: bytes, buffers: Buffers):
    name = buffers.put(data)
    assert bytes(buffers.get(name)) == data
    assert bytes(buffers.get(name, writable=False)) == data
    algorithm, _, value = name.partition(":")
    assert algorithm == "blake3"
    assert files(buffers) == [buffers.root / value[:2] / value]


def test_same_content_is_written_once(buffers: Buffers):
    name = buffers.put(BIG)
    before = buffers.path(name).stat()
    assert buffers.put(memoryview(BIG)) == name
    after = buffers.path(name).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("data", [b"small", BIG])
def test_what_is_got_is_private(data: bytes, buffers: Buffers):
    name = buffers.put(data)
    view = buffers.get(name)
    view[0] = 255
    assert bytes(buffers.get(name)) == data
    assert buffers.get(name, writable=False).readonly


@pytest.mark.parametrize("data", [b"small", BIG])
def test_damage_is_found_and_mended_by_the_next_put(data: bytes, buffers: Buffers):
    name = buffers.put(data)
    path = buffers.path(name)
    path.write_bytes(data[:-1] + b"?")
    with pytest.raises(BufferDamaged, match="damaged"):
        buffers.get(name)
    with pytest.raises(BufferDamaged, match="missing"):
        buffers.get(name)
    assert buffers.put(data) == name
    assert bytes(buffers.get(name)) == data


def test_a_cut_file_is_written_again(buffers: Buffers):
    name = buffers.put(BIG)
    buffers.path(name).write_bytes(BIG[:100])
    buffers.put(BIG)
    assert bytes(buffers.get(name)) == BIG


@pytest.mark.parametrize(
    "name", ["", "abc", "md5:" + "0" * 64, "sha256:../../etc/passwd", "blake3:" + "G" * 64, "blake3:00"]
)
def test_only_digests_are_names(name: str, buffers: Buffers):
    with pytest.raises(BufferDamaged, match="not the digest"):
        buffers.get(name)


def test_without_blake3_sha256_is_used(buffers: Buffers, monkeypatch: pytest.MonkeyPatch):
    theirs = buffers.put(BIG)
    monkeypatch.setattr(module, "_blake3", None)
    name = buffers.put(b"data")
    assert name == f"sha256:{hashlib.sha256(b'data').hexdigest()}"
    assert bytes(buffers.get(name)) == b"data"
    changed(buffers.path(theirs))
    with pytest.raises(BufferDamaged, match="pip install blake3"):
        buffers.get(theirs)


def test_a_full_disk_leaves_nothing_behind(buffers: Buffers, monkeypatch: pytest.MonkeyPatch):
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        buffers.put(BIG)
    assert files(buffers) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_the_system_says_that_the_disk_is_full(buffers: Buffers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def on_full_device(prefix: str, dir: Path) -> tuple[int, str]:
        (tmp_path / "temporary").touch()
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "temporary")

    monkeypatch.setattr(tempfile, "mkstemp", on_full_device)
    with pytest.raises(OSError, match="No space left") as caught:
        buffers.put(BIG)
    assert caught.value.errno == errno.ENOSPC
    assert files(buffers) == []
    assert not (tmp_path / "temporary").exists()


WRITER = """
import sys
import tempfile
import time
sys.path.insert(0, sys.argv[1])
from nbprod.worker.buffers import Buffers
for item in range(int(sys.argv[3]), 6):
    print(Buffers(sys.argv[2]).put(bytes([item]) * 2_000_000))
"""


def test_several_processes_write_the_same_at_once(buffers: Buffers):
    source = str(Path(nbprod.__file__).parent.parent)
    commands = [[sys.executable, "-c", WRITER, source, str(buffers.root), str(number)] for number in (0, 0, 1)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    names = {name for writer in writers for name in writer.communicate()[0].split()}
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(names) == len(files(buffers)) == 6
    assert sorted(bytes(buffers.get(name))[:1] for name in names) == [bytes([item]) for item in range(6)]


def test_many_buffers_do_not_exhaust_descriptors(buffers: Buffers):
    resource = pytest.importorskip("resource")
    name = buffers.put(BIG)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 10, hard))
    try:
        held = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MAPPED", 0)
            for _ in range(5):
                held.append(buffers.get(name))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert all(bytes(view) == BIG for view in held)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the digests that were computed to verify."""
    found: list[str] = []
    real = module.digest

    def counting(data: memoryview, algorithm: str = "") -> str:
        found.append(real(data, algorithm))
        return found[-1]

    monkeypatch.setattr(module, "digest", counting)
    return found


@pytest.fixture
def boots(buffers: Buffers) -> None:
    buffers.root.mkdir(parents=True)
    try:
        os.setxattr(buffers.root, module.ATTRIBUTE, b"")
    except (AttributeError, OSError):
        pytest.skip("the file system has no extended attributes, or the machine no boot id")
    if not module._boot():
        pytest.skip("the machine has no boot id")


@pytest.mark.usefixtures("boots")
@pytest.mark.parametrize("data", [b"small", BIG])
def test_what_was_written_in_this_boot_is_not_hashed_again(data: bytes, buffers: Buffers, hashed: list[str]):
    name = buffers.put(data)
    assert hashed == [name]
    assert bytes(buffers.get(name)) == data
    assert hashed == [name]


@pytest.mark.usefixtures("boots")
def test_a_changed_time_is_verified_once(buffers: Buffers, hashed: list[str]):
    name = buffers.put(BIG)
    changed(buffers.path(name))
    for _ in range(3):
        assert bytes(buffers.get(name)) == BIG
    assert hashed == [name, name]


@pytest.mark.usefixtures("boots")
def test_another_file_with_the_same_attributes_is_verified(buffers: Buffers, hashed: list[str]):
    name = buffers.put(BIG)
    path = buffers.path(name)
    path.rename(path.with_name("old"))
    shutil.copy2(path.with_name("old"), path)
    assert path.stat().st_mtime_ns == path.with_name("old").stat().st_mtime_ns
    buffers.get(name)
    assert hashed == [name, name]


@pytest.mark.usefixtures("boots")
def test_another_boot_verifies(buffers: Buffers, hashed: list[str], monkeypatch: pytest.MonkeyPatch):
    name = buffers.put(BIG)
    monkeypatch.setattr(module, "_boots", ["the next one"])
    buffers.get(name)
    buffers.get(name)
    assert hashed == [name, name]


def test_without_a_boot_id_every_read_verifies(buffers: Buffers, hashed: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_boots", [""])
    name = buffers.put(BIG)
    buffers.get(name)
    buffers.get(name)
    assert hashed == [name] * 3


@pytest.mark.usefixtures("boots")
def test_what_may_still_change_unseen_is_not_remembered(buffers: Buffers, hashed: list[str]):
    name = buffers.put(BIG)
    os.utime(buffers.path(name), ns=(0, time.time_ns() + 10**10))
    buffers.get(name)
    buffers.get(name)
    assert hashed == [name] * 3


def test_a_buffer_used_again_is_young(buffers: Buffers):
    name = buffers.put(BIG)
    status = buffers.path(name).stat()
    os.utime(buffers.path(name), ns=(0, status.st_mtime_ns))
    buffers.put(BIG)
    assert buffers.path(name).stat().st_atime_ns >= status.st_mtime_ns


@pytest.mark.parametrize("size", [1 << 20, 3, 10**9])
def test_a_digest_of_parts(size: int, buffers: Buffers):
    name = module.digest(BIG, f"blake3-{size}")
    buffers.keep(name, memoryview(BIG))
    changed(buffers.path(name))
    assert bytes(buffers.get(name)) == BIG
    buffers.path(name).write_bytes(BIG[:-1] + b"?")
    with pytest.raises(BufferDamaged, match="damaged"):
        buffers.get(name)
