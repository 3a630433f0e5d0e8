"""`make fuzz`: broken notebooks are analysed, random ones run both ways until the time is up.

Prints the seed and, shrunk, the notebook of each that fails: `make fuzz SEED=… ` begins there.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from forked import forked

from .judge import Judge, shrink
from .mutants import mutant, survive
from .notebooks import book


def main() -> int:
    """Run and report; the exit code says whether all went well."""
    options = argparse.ArgumentParser(prog="fuzzing")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--count", type=int, default=10**9)
    options.add_argument("--stop", type=int, default=5, help="failures after which to stop")
    options.add_argument("--mutants", type=int, default=0, help="how many broken notebooks to analyse first")
    options.add_argument("--no-shrink", action="store_true")
    asked = options.parse_args()
    os.environ.setdefault("NBPROD_TRACKING", "none")
    start = asked.seed if asked.seed is not None else random.randrange(10**6) * 1000
    if not broken(start, asked.mutants):
        return 1
    deadline = time.monotonic() + asked.seconds
    counts: collections.Counter[str] = collections.Counter()
    causes: collections.Counter[str] = collections.Counter()
    failures = 0
    judge = Judge()
    with forked():
        for seed in range(start, start + asked.count):
            if time.monotonic() > deadline or failures >= asked.stop:
                break
            made = book(random.Random(seed))
            verdict = judge.judge(made)
            counts[verdict.kind] += 1
            if verdict.kind == "refused":
                causes[verdict.detail] += 1
            if verdict.bad:
                failures += 1
                if not asked.no_shrink:
                    made = shrink(judge, made, verdict.kind)
                    verdict = judge.judge(made)
                print(f"\n===== seed {seed}: {verdict.kind}\n{made.text()}\n----- {verdict.detail}", flush=True)
    judge.close()
    print(f"\nseeds {start} to {seed}: {dict(counts)}; refused: {dict(causes)}", flush=True)
    return 1 if failures else 0


def broken(start: int, count: int) -> bool:
    """Read and analyse broken notebooks; say whether all went well."""
    counts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(start, start + count):
            try:
                counts[survive(mutant(random.Random(seed)), Path(folder, "n.ipynb"))] += 1
            except Exception:
                print(f"\n===== broken notebook of seed {seed}\n{traceback.format_exc()}", flush=True)
                return False
    print(f"broken notebooks of seeds {start} to {start + count - 1}: {dict(counts)}" if count else "", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
