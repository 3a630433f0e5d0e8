"""Eight stages at once that only import pandas and scikit-learn: what they add to the zygote, shared pages divided."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness import BIN, Row, alone, environment, nbprod, project, settled, write_notebook, zygotes

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGES = 8
SECONDS = 8
STAGE = "import time\nimport pandas as pd\nimport sklearn.ensemble\ntime.sleep({seconds})\nv{n} = {n}"
OPTIONS = {"resources": "cpu=0.1"}


def results() -> Iterator[Row]:
    """Yield the row."""
    with project() as folder:
        for name, seconds in (("first", 0), ("eight", SECONDS)):
            cells = [STAGE.format(n=n, seconds=seconds) for n in range(STAGES)]
            tags = [{"nbprod": {"stage": f"s{n}", **OPTIONS}} for n in range(STAGES)]
            write_notebook(folder / f"{name}.ipynb", list(zip(cells, tags, strict=True)))
        nbprod("run", "first.ipynb", cwd=folder)  # so that the zygote is there and has forked
        settled(folder)
        parents = zygotes()
        time.sleep(1)  # the worker that waits for the next stage is there before and after
        before = sum(map(_pss, [*parents, *(pid for parent in parents for pid in _forked(parent))]))
        words = [str(BIN / "nbprod"), "run", "eight.ipynb", "--force", "--jobs", str(STAGES)]
        run = subprocess.Popen(words, cwd=folder, env=environment(), stdout=subprocess.DEVNULL)
        added = (sum(map(_pss, [*parents, *_children(parents)])) - before) / STAGES
        run.wait()
        settled(folder)
    note = f"{STAGES} stages at once; the zygote and its waiting worker {before / 2**20:.0f} MB"
    yield Row("memory: a stage of 8 in parallel adds", added / 2**20, limit=40, unit="MB", note=note)


def _children(parents: list[int]) -> list[int]:
    """Return the processes that the zygotes have forked, once all stages sleep, or as many as there are by then."""
    end = time.monotonic() + SECONDS - 2
    found: list[int] = []
    while time.monotonic() < end and len(found) < STAGES:
        time.sleep(0.1)
        found = [pid for parent in parents for pid in _forked(parent)]
    time.sleep(1)
    return found


def _forked(parent: int) -> list[int]:
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


def _pss(pid: int) -> int:
    """Return a process's memory in bytes, a page that several have divided among them."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    alone(results)
