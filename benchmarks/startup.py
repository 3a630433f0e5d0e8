"""What starting costs: `import nbprod` and `nbprod --help`, over bare Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import Row, alone, interleaved, nbprod, project, python

if TYPE_CHECKING:
    from collections.abc import Iterator


def results(rounds: int = 15) -> Iterator[Row]:
    """Yield the rows."""
    with project() as folder:
        ways = {
            "bare": lambda: python("-c", "pass", cwd=folder),
            "import": lambda: python("-c", "import nbprod", cwd=folder),
            "help": lambda: nbprod("--help", cwd=folder),
        }
        found = interleaved(ways, rounds)
    over = (found["import"] - found["bare"]) * 1000
    yield Row("import nbprod, over python -c pass", over, limit=40, unit="ms")
    yield Row("nbprod --help", found["help"] * 1000, limit=150, unit="ms")


if __name__ == "__main__":
    alone(results)
