"""The snapshot of a frame of 1,000,000 rows and 20 columns of all kinds: against pandas' parquet.

Each call writes to a new place, as what is stored stays; all is removed between the rounds.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from harness import Row, Warm, alone, interleaved, project

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME = """\
import gc, os, sys, time
import numpy as np
import pandas as pd

def frame():
    rng = np.random.default_rng(0)
    rows = 1_000_000
    columns = {f"f{i}": rng.normal(size=rows) for i in range(10)}
    columns |= {f"i{i}": rng.integers(0, 1 << 40, rows) for i in range(4)}
    words = np.array([f"word {i}" for i in range(5000)], dtype=object)
    columns |= {f"s{i}": pd.Series(words[rng.integers(0, 5000, rows)]).astype("str") for i in range(2)}
    columns |= {f"c{i}": pd.Categorical.from_codes(rng.integers(0, 20, rows), list("abcdefghijklmnopqrst"))
                for i in range(2)}
    columns["b"] = rng.integers(0, 2, rows).astype(bool)
    columns["t"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**6, rows), unit="s")
    return pd.DataFrame(columns)

def touch(df):
    total = 0
    for name in df.columns:
        for part in parts(df[name]):
            total += int(np.frombuffer(part, np.uint8)[::1024].sum())  # every page of it
    return total

def parts(column):
    array = column.array
    if hasattr(array, "codes"):
        return [np.ascontiguousarray(array.codes)]
    if hasattr(array, "__arrow_array__") and column.dtype == "str":
        chunked = array.__arrow_array__()
        chunks = chunked.chunks if hasattr(chunked, "chunks") else [chunked]
        return [buffer for chunk in chunks for buffer in chunk.buffers() if buffer is not None]
    return [np.ascontiguousarray(column.to_numpy()).view(np.uint8)]
"""
OURS = """
from pathlib import Path
from nbprod.worker import snapshot
from nbprod.worker.buffers import Buffers
"""
WRITE_US = """
df = frame()
def work():
    snapshot.save({"df": df}, ["df"], [], Buffers(f"written/{time.monotonic_ns()}"))
"""
READ_US = """
store = Buffers("kept")
groups, _ = snapshot.save({"df": frame()}, ["df"], [], store)
def work():
    space = {}
    snapshot.load(groups, None, space, store)
    touch(space["df"])
"""
WRITE_PEER = """
df = frame()
def work():
    df.to_parquet(f"written-{time.monotonic_ns()}.parquet")
"""
READ_PEER = """
frame().to_parquet("kept.parquet")
def work():
    touch(pd.read_parquet("kept.parquet"))
"""


def results(rounds: int = 5) -> Iterator[Row]:
    """Yield the rows."""
    with project() as folder:

        def tidy() -> None:
            shutil.rmtree(folder / "written", ignore_errors=True)
            for written in folder.glob("written-*"):
                written.unlink()

        for what, us, peer in (("write", WRITE_US, WRITE_PEER), ("read, touch all", READ_US, READ_PEER)):
            ours, theirs = Warm(FRAME + OURS + us, folder), Warm(FRAME + peer, folder)
            found = interleaved({"us": ours.go, "peer": theirs.go}, rounds, in_a_row=3, tidy=tidy)
            ours.close()
            theirs.close()
            yield Row(f"1M x 20 mixed frame: {what}", found["us"], "pandas' parquet (pyarrow)", found["peer"], 5)


if __name__ == "__main__":
    alone(results)
