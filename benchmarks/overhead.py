"""What a pipeline costs beside its own work: the churn example, five stages.

Run by nbprod from scratch and with nothing changed, against five papermill commands that run the extracted jobs, and
against one papermill command that runs the notebook as it is.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness import BIN, HEADER, command, compare, nbprod, project, python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Result

NOTEBOOK = "churn.ipynb"


def results(rounds: int = 3) -> Iterator[Result]:
    with project(NOTEBOOK) as folder:
        jobs = _jobs(folder)

        def from_scratch() -> None:
            nbprod("run", NOTEBOOK, "--force", cwd=folder)

        def settled() -> None:
            _settled(folder)

        for peer, notebooks in ((f"papermill, {len(jobs)} jobs", jobs), ("papermill, whole", [folder / NOTEBOOK])):
            run = partial(_papermill, folder, notebooks)
            yield compare("nbprod run --force", from_scratch, peer, run, rounds, settled)
        unchanged = partial(nbprod, "run", NOTEBOOK, cwd=folder)
        bare = partial(python, "-c", "pass", cwd=folder)
        yield compare("nbprod run, nothing changed", unchanged, "python -c pass", bare, rounds * 2, settled)


def _settled(folder: Path) -> None:
    """Wait until MLflow has been told, so that telling it costs neither side."""
    while json.loads(nbprod("ps", "--json", cwd=folder))["processes"]:
        time.sleep(0.2)


def _jobs(folder: Path) -> list[Path]:
    nbprod("run", NOTEBOOK, cwd=folder)
    found = json.loads(nbprod("extract", NOTEBOOK, "-o", "jobs", "--json", cwd=folder))
    return [folder / path for path in found["files"] if Path(path).suffix == ".ipynb"]


def _papermill(folder: Path, notebooks: list[Path]) -> None:
    for path in notebooks:
        command(BIN / "papermill", "--no-progress-bar", path, folder / "out.ipynb", cwd=path.parent)


if __name__ == "__main__":
    print(HEADER)
    for result in results():
        print(result)
