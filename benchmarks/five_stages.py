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

API = """\
import nbprod
from nbprod.core.run import RunOptions
def work():
    nbprod.run("five.ipynb", options=RunOptions(force=True))
"""


def results(rounds: int = 3) -> Iterator[Row]:
    """Yield the rows."""
    with project() as folder:
        notebook = five.ours(folder)
        jobs = five.for_papermill(folder / "jobs")
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

        def settle() -> None:
            """Drop what is stored: what is there already would not be written again, and the peers write everything."""
            settled(folder)
            shutil.rmtree(folder / ".nbprod" / "buffers", ignore_errors=True)

        ways = {"warm": ours, "api": api.go, "plain": plain.go, "papermill": peer}
        found = interleaved(ways, rounds, settle)
        # ending the zygote is no part of the run, and the next warm round needs one: cold rounds come last
        found["cold"] = interleaved({"cold": cold}, rounds, settle, warm_up=0)["cold"]
        for way in (plain, api):
            way.close()
    yield Row("5 stages, warm: nbprod run --force", found["warm"], "5 x papermill, pickle", found["papermill"], 6)
    yield Row("5 stages, cold: no zygote before", found["cold"], "5 x papermill, pickle", found["papermill"], 3.5)
    note = "the whole command"
    yield Row(
        "5 stages: nbprod run --force",
        found["warm"],
        "plain Python, warm, saved",
        found["plain"],
        1.35,
        True,
        note=note,
    )
    note = "in a process that stays"
    yield Row(
        "5 stages: nbprod.run()", found["api"], "plain Python, warm, saved", found["plain"], 1.35, True, note=note
    )


if __name__ == "__main__":
    alone(results)
