"""100,000 printed lines: against papermill; and whether all are there, in the order in which they were printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness import Row, alone, interleaved, nbprod, project, settled, write_notebook
from peers import patient_papermill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = 100_000
MIXED = 1000
PRINTS = f"for number in range({LINES}):\n    print('line', number, flush=True)"
ORDER = f"""\
import sys
from IPython.display import display
for number in range({MIXED}):
    if number % 100 == 99:
        display(number)
    else:
        print(number, file=sys.stderr if number % 3 else sys.stdout, flush=True)"""


def results(rounds: int = 2) -> Iterator[Row]:
    """Yield the row."""
    with project() as folder:
        write_notebook(folder / "prints.ipynb", [(PRINTS, {"nbprod": {"stage": "only"}})])
        write_notebook(folder / "order.ipynb", [(ORDER, {"nbprod": {"stage": "only"}})])
        nbprod("run", "prints.ipynb", cwd=folder)  # papermill takes half a minute: it needs no round to warm up
        settled(folder)
        found = interleaved(
            {
                "ours": lambda: nbprod("run", "prints.ipynb", "--force", cwd=folder),
                "papermill": lambda: patient_papermill(folder / "prints.ipynb", folder / "out.ipynb"),
            },
            rounds,
            lambda: settled(folder),
            warm_up=0,
        )
        nbprod("run", "prints.ipynb", cwd=folder)
        lost = [f"line {number}" for number in range(LINES)] != _texts(_executed(folder, "prints.ipynb"))
        printed = _texts(_executed(folder, "order.ipynb"))
        mixed = printed != [str(number) for number in range(MIXED)]
    note = "; ".join(
        [
            "LINES ARE LOST" if lost else "nothing lost",
            "ORDER IS NOT KEPT" if mixed else "order of stdout, stderr, displays kept",
        ]
    )
    yield Row(
        "100,000 flushed prints: nbprod run --force", found["ours"], "papermill", found["papermill"], 50, note=note
    )


def _executed(folder: Path, notebook: str) -> list[dict[str, Any]]:
    """Return the outputs of the executed notebook of the newest run."""
    run = json.loads(nbprod("run", notebook, "--json", cwd=folder))
    executed = json.loads((folder / run["stages"][0]["notebook"]).read_text(encoding="utf-8"))
    outputs: list[dict[str, Any]] = [output for cell in executed["cells"] for output in cell.get("outputs", ())]
    return outputs


def _texts(outputs: list[dict[str, Any]]) -> list[str]:
    """Return the printed and displayed lines, as they come."""
    lines: list[str] = []
    for output in outputs:
        text = output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"]
        lines += (text if isinstance(text, str) else "".join(text)).splitlines()
    return lines


if __name__ == "__main__":
    alone(results)
