"""`make stress`: rounds until they are done or the time is up; prints what was hit, and the seed of what failed."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from .rounds import Rounds, Wrong


def main() -> int:
    """Run and report; the exit code says whether all went well."""
    options = argparse.ArgumentParser(prog="stress")
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--seed", type=int, default=None, help="number of the first round")
    options.add_argument("--seconds", type=float, default=float("inf"))
    options.add_argument("--stop", type=int, default=5, help="failures after which to stop")
    asked = options.parse_args()
    first = asked.seed if asked.seed is not None else random.randrange(10**6) * 1000
    folder, runtime = Path(tempfile.mkdtemp(prefix="nbstress-")), Path(tempfile.mkdtemp(prefix="nbs-"))
    print(f"seed {first}, in {folder}", flush=True)
    begun = time.monotonic()
    rounds, failures = Rounds(folder, runtime), 0
    try:
        for number in range(first, first + asked.rounds):
            if time.monotonic() - begun > asked.seconds or failures >= asked.stop:
                break
            failures += not succeeded(rounds, number)
    finally:
        rounds.close()
        shutil.rmtree(runtime, ignore_errors=True)
    if not failures:
        shutil.rmtree(folder)
    told = ", ".join(f"{name}: {count}" for name, count in sorted(rounds.counts.items()))
    print(f"{failures} failures in {time.monotonic() - begun:.0f} s; {told}", flush=True)
    return 1 if failures else 0


def succeeded(rounds: Rounds, number: int) -> bool:
    """Carry out a round; tell of it when it fails."""
    try:
        rounds.round(number)
    except Wrong as wrong:
        print(f"\n===== seed {number}: {wrong}\n{rounds.folder}/round-{number} is kept", flush=True)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
