"""A notebook that imports pandas and scikit-learn, in two cells: against papermill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import Row, alone, interleaved, nbprod, project, settled, write_notebook
from peers import papermill

if TYPE_CHECKING:
    from collections.abc import Iterator

CELLS = ("import pandas as pd\nimport sklearn.ensemble", "print(pd.__version__, sklearn.__version__)")


def results(rounds: int = 9) -> Iterator[Row]:
    """Yield the row."""
    with project() as folder:
        write_notebook(folder / "imports.ipynb", [(source, {"nbprod": {"stage": "only"}}) for source in CELLS])
        found = interleaved(
            {
                "ours": lambda: nbprod("run", "imports.ipynb", "--force", cwd=folder),
                "papermill": lambda: papermill(folder / "imports.ipynb", folder / "out.ipynb"),
            },
            rounds,
            lambda: settled(folder),
        )
    yield Row("pandas + sklearn imported: nbprod run --force", found["ours"], "papermill", found["papermill"], 20)


if __name__ == "__main__":
    alone(results)
