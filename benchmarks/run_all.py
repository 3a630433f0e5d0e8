"""Run every benchmark, print the tables and write `RESULTS.md`: the machine, ours beside the peers', our own time."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import five_stages
import imports_only
import panel
import parallel_memory
import peers
import printing
import profiled
import snapshots
import startup
import sweeping
import tracking_cost
import unchanged
from harness import COLUMNS, HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Row

BENCHMARKS = (
    five_stages,
    imports_only,
    printing,
    unchanged,
    snapshots,
    sweeping,
    tracking_cost,
    parallel_memory,
    startup,
)
RESULTS = Path(__file__).with_name("RESULTS.md")
# The disk is told of every file that one benchmark has removed, and writes slowly meanwhile; the next shall not pay.
QUIET_SECONDS = 5


def main() -> None:
    """Run those named on the command line, or all; only all are written down."""
    named = sys.argv[1:]
    rows: list[Row] = []
    busy = os.getloadavg()[0]
    print(HEADER)
    for benchmark in BENCHMARKS:
        if named and benchmark.__name__ not in named:
            continue
        for row in benchmark.results():
            print(row, flush=True)
            rows.append(row)
        os.sync()
        time.sleep(QUIET_SECONDS)
    if named:
        return
    own = profiled.measured()
    print("\nwhere our own time goes: 5 stages, warm")
    print("\n".join(profiled.lines(own)))
    RESULTS.write_text("\n".join(_written(rows, own, busy)) + "\n", encoding="utf-8")
    print(f"\n{panel.HEADER}")
    for budget in panel.results():
        print(budget, flush=True)


def _written(rows: list[Row], own: dict[str, float], busy: float) -> Iterator[str]:
    yield "# Results\n"
    yield f"`make bench`, {time.strftime('%Y-%m-%d')}: medians, ours and the peer in turn, one OpenMP thread, bytecode"
    yield "compiled. How each row is measured is in docs/performance.md.\n"
    yield f"{os.cpu_count()} cores ({_processor()}), {_memory():.0f} GB, {platform.system()} {platform.machine()},"
    yield f"{busy:.1f} processes were busy with something else when it began; Python {platform.python_version()}:"
    yield f"{', '.join(f'{name} {number}' for name, number in _versions())}.\n"
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for row in rows:
        yield f"| {' | '.join(row.cells())} |"
    yield "\n## Where our own time goes\n"
    yield "`nbprod run --force` of the five stages, warm; `benchmarks/profiled.py`.\n"
    yield from profiled.lines(own, markdown=True)


def _versions() -> list[tuple[str, str]]:
    return list(peers.versions().items())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


if __name__ == "__main__":
    main()
