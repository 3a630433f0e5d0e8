"""Side by side: us and a peer take turns, medians are compared."""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Result:
    """Medians, in seconds, of two ways to do the same."""

    name: str
    us: float
    peer_name: str
    peer: float

    def __str__(self) -> str:
        """Return the line of a table."""
        ours, theirs = f"{self.name:<34} {self.us:>9.3f} s", f"{self.peer_name:<34} {self.peer:>9.3f} s"
        return f"{ours}   {theirs}   {self.us / self.peer:>7.2f}"


HEADER = f"{'us':<34} {'median':>11}   {'peer':<34} {'median':>11}   {'ratio':>7}"


def compare(
    name: str,
    us: Callable[[], object],
    peer_name: str,
    peer: Callable[[], object],
    rounds: int = 5,
    settle: Callable[[], object] = lambda: None,
) -> Result:
    """Return the medians of both, called in turn: once unmeasured and then `rounds` times, `settle` after each."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds + 1):
        for call, times in ((us, ours), (peer, theirs)):
            begin = time.perf_counter()
            call()
            if number:
                times.append(time.perf_counter() - begin)
            settle()
    return Result(name, statistics.median(ours), peer_name, statistics.median(theirs))


def command(*words: str | os.PathLike[str], cwd: Path | None = None) -> str:
    """Run a command and return what it printed; a failure ends the benchmark with what it said."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([*map(os.fspath, words)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def python(*words: str, cwd: Path | None = None) -> str:
    """Run this Python."""
    return command(sys.executable, *words, cwd=cwd)


def nbprod(*words: str, cwd: Path | None = None) -> str:
    """Run the `nbprod` command of this Python's environment."""
    return command(BIN / "nbprod", *words, cwd=cwd)


@contextmanager
def project(*examples: str) -> Iterator[Path]:
    """Yield a project folder of its own with copies of example notebooks."""
    compileall.compile_dir(ROOT / "nbprod", quiet=1)
    with tempfile.TemporaryDirectory(prefix="nbprod-bench-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / ".git").mkdir()
        for name in examples:
            shutil.copy(ROOT / "example-notebooks" / name, folder)
        yield Path(folder)
