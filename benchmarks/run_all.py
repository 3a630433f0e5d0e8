"""Run every benchmark and print two tables: us against a peer, and the panel against its budgets."""

from __future__ import annotations

import overhead
import panel
import startup
from harness import HEADER


def main() -> None:
    print(HEADER)
    for benchmark in (startup, overhead):
        for result in benchmark.results():
            print(result, flush=True)
    print(f"\n{panel.HEADER}")
    for budget in panel.results():
        print(budget, flush=True)


if __name__ == "__main__":
    main()
