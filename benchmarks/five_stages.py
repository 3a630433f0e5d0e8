"""Five stages: against five papermill commands, and against plain Python in one warm process that saves all."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import five
from harness import Row, Warm, alone, end_zygotes, interleaved, nbprod, project, settled
from peers import papermill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API = """\
import nbprod
from nbprod.core.run import RunOptions
def work():
    nbprod.run("five.ipynb", options=RunOptions(force=True))
"""


class Written:
    """What the runs have stored in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_aside(self) -> None:
        """Move it: what is there already would not be written again, and the peers write everything."""
        settled(self._folder)
        five.put_aside(self._folder / ".nbprod" / "buffers", self._folder)

    def remove(self) -> None:
        """Remove what was put aside."""
        for written in self._folder.glob("aside-*"):
            shutil.rmtree(written)


def results(rounds: int = 3) -> Iterator[Row]:
    """Yield the rows."""
    with project() as folder:
        notebook = five.ours(folder)
        jobs = five.for_papermill(folder / "jobs")
        written = Written(folder)
        plain, api = Warm(five.functions(), folder), Warm(API, folder)

        def ours() -> None:
            nbprod("run", notebook.name, "--force", cwd=folder)

        def cold() -> float:
            end_zygotes()
            begin = time.perf_counter()
            ours()
            return time.perf_counter() - begin

        def peer() -> None:
            for path in jobs:
                papermill(path, path.with_name(f"out-{path.name}"))

        near = interleaved({"warm": ours, "api": api.go, "plain": plain.go}, 12, written.put_aside, tidy=written.remove)
        found = interleaved({"warm": ours, "papermill": peer}, rounds, written.put_aside, tidy=written.remove)
        # ending the zygote is no part of the run, and the next warm round needs one: cold rounds come last
        found["cold"] = interleaved({"cold": cold}, rounds, written.put_aside, warm_up=0, tidy=written.remove)["cold"]
        for way in (plain, api):
            way.close()
    yield Row("5 stages, warm: nbprod run --force", found["warm"], "5 x papermill, pickle", found["papermill"], 6)
    yield Row("5 stages, cold: no zygote before", found["cold"], "5 x papermill, pickle", found["papermill"], 3.5)
    note = "the whole command"
    yield Row(
        "5 stages: nbprod run --force",
        near["warm"],
        "plain Python, warm, saved",
        near["plain"],
        1.35,
        True,
        note=note,
    )
    note = "in a process that stays"
    yield Row("5 stages: nbprod.run()", near["api"], "plain Python, warm, saved", near["plain"], 1.35, True, note=note)


if __name__ == "__main__":
    alone(results)
