from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbprod.worker import hashing, snapshot
from nbprod.worker.buffers import Buffers, digest
from nbprod.worker.writing import LARGE, Writing

LONG = bytes(range(256)) * (LARGE // 128)


@pytest.fixture
def buffers(tmp_path: Path) -> Buffers:
    return Buffers(str(tmp_path / "buffers"))


def wide(rows: int = 50_000) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(4, rows)).T, columns=list("abcd"))


def test_all_is_there_when_the_block_ends(buffers: Buffers):
    content = [b"small", b"", LONG, LONG[::-1], LONG]
    with Writing(buffers) as writing:
        names = [writing.put(data) for data in content]
    assert [bytes(buffers.get(name())) for name in names] == content
    assert names[2]() == names[4]() == digest(LONG)
    assert "nbprod-writing" not in {thread.name for thread in threading.enumerate()}


def test_rows_are_parts_of_the_digest(buffers: Buffers):
    table = memoryview(LONG).cast("B", (4, len(LONG) // 4))
    with Writing(buffers) as writing:
        name = writing.put(table)
        parts = [
            writing.digest(memoryview(LONG)[at : at + len(LONG) // 4]) for at in range(0, len(LONG), len(LONG) // 4)
        ]
    assert name() == digest(LONG, f"blake3-{len(LONG) // 4}")
    assert parts == [digest(LONG[at : at + len(LONG) // 4]) for at in range(0, len(LONG), len(LONG) // 4)]
    assert bytes(buffers.get(name())) == LONG


def test_a_full_disk_is_told_where_the_block_ends(buffers: Buffers, monkeypatch: pytest.MonkeyPatch):
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"), Writing(buffers) as writing:
        writing.put(LONG)
    assert [path for path in buffers.root.rglob("*") if path.is_file()] == []


def test_an_error_in_the_block_is_the_one_told(buffers: Buffers):
    with pytest.raises(TypeError), Writing(buffers) as writing:
        writing.put([writing.put(LONG)])  # type: ignore[arg-type]
    assert "nbprod-writing" not in {thread.name for thread in threading.enumerate()}


def test_where_no_thread_can_be_started_it_is_written_all_the_same(buffers: Buffers, monkeypatch: pytest.MonkeyPatch):
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with Writing(buffers) as writing:
        name = writing.put(LONG)
    assert bytes(buffers.get(name())) == LONG


def test_columns_are_hashed_once(buffers: Buffers, monkeypatch: pytest.MonkeyPatch):
    hashed: list[int] = []
    module = sys.modules["nbprod.worker.writing"]
    monkeypatch.setattr(module, "digest", lambda data: hashed.append(memoryview(data).nbytes) or digest(data))
    frame = wide()
    groups, _ = snapshot.save({"frame": frame}, ["frame"], (), buffers)
    assert sorted(hashed)[-4:] == [400_000] * 4
    assert sum(hashed) < 1_700_000
    assert groups[0]["content"] == hashing.group_content({"frame": frame})
    loaded: dict[str, object] = {}
    snapshot.load(groups, None, loaded, buffers)
    pd.testing.assert_frame_equal(loaded["frame"], frame)
    assert hashing.group_content(loaded) == groups[0]["content"]


@pytest.mark.parametrize("missing", [False, True])
def test_content_does_not_depend_on_how_a_table_is_kept(missing: bool, buffers: Buffers):
    frame = wide()
    if missing:
        frame.loc[7, "b"] = np.nan
    apart = pd.concat([frame[[name]].copy() for name in frame], axis=1)
    other = frame.copy()
    other["d"] = other["d"].to_numpy().copy()
    rowwise = pd.DataFrame(np.ascontiguousarray(frame.to_numpy()), columns=frame.columns)
    found = {snapshot.save({"x": item}, ["x"], (), buffers)[0][0]["content"] for item in (frame, apart, other, rowwise)}
    assert len(found) == 1
    other.loc[3, "d"] += 1
    assert snapshot.save({"x": other}, ["x"], (), buffers)[0][0]["content"] not in found


def test_large_arrays_are_hashed_in_c_order_whatever_their_layout(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["nbprod.worker.hashing_arrays"], "PIECE", 100_000)
    values = np.random.default_rng(0).normal(size=(3000, 7))
    every = np.zeros((3000, 14))
    every[:, ::2] = values
    found = {hashing.content(item) for item in (values, np.asfortranarray(values), every[:, ::2], values.copy())}
    assert len(found) == 1
    values[2999, 6] = np.nan
    odd = values.copy()
    odd.view("u8")[2999, 6] |= 1  # another NaN
    assert hashing.content(odd) == hashing.content(values) == hashing.content(np.asfortranarray(odd))
    both = values.copy()
    both[0, :2], both[2999, 6] = (np.inf, -np.inf), 0
    assert hashing.content(both) == hashing.content(np.asfortranarray(both)) != hashing.content(values)
