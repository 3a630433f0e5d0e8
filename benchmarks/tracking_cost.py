"""What MLflow takes of a run: the same run with and without tracking, and what is done for it inside the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import Row, Warm, alone, interleaved, nbprod, project, settled, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGES = 5
INSIDE = """\
import time
import nbprod
from nbprod import tracking
from nbprod.core.run import RunOptions
from nbprod.tracking import journal
spent = [0.0]
def timed(function):
    def call(*args, **kwargs):
        begin = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[0] += time.perf_counter() - begin
    return call
journal.RunJournal.__call__ = timed(journal.RunJournal.__call__)
tracking.spawn_publisher = timed(tracking.spawn_publisher)
def work():
    spent[0] = 0.0
    nbprod.run("light.ipynb", options=RunOptions(force=True))
    print("spent", spent[0], flush=True)
"""


def results(rounds: int = 9) -> Iterator[Row]:
    """Yield the rows."""
    with project() as folder:
        cells = [(f"x{n} = {f'x{n - 1} + ' if n else ''}1", {"nbprod": {"stage": f"s{n}"}}) for n in range(STAGES)]
        write_notebook(folder / "light.ipynb", cells)
        inside = Warm(INSIDE, folder)

        def run(**more: str) -> None:
            nbprod("run", "light.ipynb", "--force", cwd=folder, **more)

        ways = {"with": run, "without": lambda: run(NBPROD_TRACKING="none"), "inside": lambda: inside.go("spent")}
        found = interleaved(ways, rounds, lambda: settled(folder))
        inside.close()
    difference = max(0.0, found["with"] - found["without"]) / STAGES * 1000
    note = f"{STAGES} light stages, {found['with']:.3f} s with and {found['without']:.3f} s without"
    yield Row("MLflow, a stage: with minus without", difference, limit=20, unit="ms", note=note)
    yield Row("MLflow, a stage: journal and publisher's start", found["inside"] / STAGES * 1000, limit=20, unit="ms")


if __name__ == "__main__":
    alone(results)
