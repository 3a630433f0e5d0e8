"""What starting costs: `import nbprod` and `nbprod --help` against bare Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import HEADER, compare, nbprod, project, python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Result


def results(rounds: int = 15) -> Iterator[Result]:
    with project() as folder:
        bare = "python -c pass"
        yield compare(
            "import nbprod",
            lambda: python("-c", "import nbprod", cwd=folder),
            bare,
            lambda: python("-c", "pass", cwd=folder),
            rounds,
        )
        yield compare(
            "nbprod --help",
            lambda: nbprod("--help", cwd=folder),
            bare,
            lambda: python("-c", "pass", cwd=folder),
            rounds,
        )


if __name__ == "__main__":
    print(HEADER)
    for result in results():
        print(result)
