"""What analysis costs: notebooks of 1,000 and 2,000 cells of 4 lines, new, with one cell changed, and unchanged.

Each is read and analysed as `nbprod.analyze` does it, after the import. The ratio is that of 2,000 cells to 1,000.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from harness import project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STAGES = 5
ROUNDS = 3
KINDS = {
    "simple": "a{i} = {i}\nb{i} = a{i} + 1\nc{i} = [b{i}, a{i}]\nprint(c{i})",
    "tables": "df{i} = pd.DataFrame({{'a': np.arange({i} + 1)}})\ndf{i}['b'] = df{i}['a'] * 2 + {i}\n"
    "summary{i} = df{i}.groupby('a').mean().reset_index()\nprint('rows', len(summary{i}), summary{i}.shape)",
    "chains": "df{i} = pd.DataFrame({{'a': np.arange({i} + 1)}})\na{i} = {i}\ndf{i}['b'] = df{i}.a * f{p}(2)\n"
    "def f{i}(x): return x + a{i} if x else df{i}.a.sum()",
}


def notebook(kind: str, count: int, changed: str = "") -> str:
    cells = [("nbprod:setup", "import numpy as np\nimport pandas as pd\ndef f0(x): return x")]
    cells += [(f"stage:s{i * STAGES // (count + 1)}", KINDS[kind].format(i=i, p=i - 1)) for i in range(1, count + 1)]
    cells[count // 2] = (cells[count // 2][0], cells[count // 2][1] + changed)
    raw = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": [tag]},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, (tag, source) in enumerate(cells)
    ]
    return json.dumps({"cells": raw, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def best(prepare: Callable[[int], object], call: Callable[[], object]) -> float:
    """Return the shortest of a few measured calls, in milliseconds of processor time."""
    times = []
    for number in range(ROUNDS):
        prepare(number)
        begin = time.process_time()
        call()
        times.append((time.process_time() - begin) * 1000)
    return min(times)


def measured(folder: Path, kind: str, count: int) -> tuple[float, float, float]:
    """Return the times of a notebook that is new, has one cell changed, and is unchanged."""
    import nbprod
    from nbprod.analysis import cells, memory, pipeline, shapes

    path = folder / f"{kind}{count}.ipynb"

    def new(number: int) -> None:
        path.write_text(notebook(kind, count, f"  # {number}"), encoding="utf-8")
        cells._KEPT = memory.Kept(memory.CELLS)
        pipeline._LAST.clear()
        shapes.forget()

    def changed(number: int) -> None:
        path.write_text(notebook(kind, count, f"\nnew{number} = {number}"), encoding="utf-8")

    def call() -> object:
        return nbprod.analyze(path)

    return best(new, call), best(changed, call), best(id, call)


def main() -> None:
    import nbprod

    with project("churn.ipynb") as folder:
        nbprod.analyze(folder / "churn.ipynb")
        print(f"{'cells of 4 lines':<18}{'new':>10}{'one changed':>14}{'unchanged':>12}")
        for kind in KINDS:
            rows = [measured(folder, kind, count) for count in (1000, 2000)]
            for count, (new, changed, unchanged) in zip((1000, 2000), rows, strict=True):
                print(f"{kind:<8}{count:>8}  {new:>7.0f} ms{changed:>11.0f} ms{unchanged:>9.0f} ms", flush=True)
            ratios = [two / one for one, two in zip(*rows, strict=True)]
            print(f"{'':<8}{'ratio':>8}  {ratios[0]:>10.2f}{ratios[1]:>14.2f}{ratios[2]:>12.2f}")


if __name__ == "__main__":
    main()
