"""Run every benchmark and print one table: us, peer, ratio."""

from __future__ import annotations

import overhead
import startup
from harness import HEADER


def main() -> None:
    print(HEADER)
    for benchmark in (startup, overhead):
        for result in benchmark.results():
            print(result, flush=True)


if __name__ == "__main__":
    main()
