"""Side by side: ours and the peer's take turns, medians are compared."""

from __future__ import annotations

import compileall
import itertools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "NBPROD_TRACKING", "NBPROD_HOME", "MLFLOW_TRACKING_URI")


@dataclass(frozen=True)
class Row:
    """One line of the table: medians of two ways to do the same, and the bar.

    `bar` is how many times faster than the peer ours is to be; with `at_most`, what part of the peer's ours may take.
    A row without a peer compares with `limit`, in its own unit.
    """

    name: str
    us: float
    peer_name: str = ""
    peer: float | None = None
    bar: float | None = None
    at_most: bool = False
    limit: float | None = None
    unit: str = "s"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Times faster, or the part of the peer's."""
        if self.peer is None or not self.us:
            return None
        return self.us / self.peer if self.at_most else self.peer / self.us

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None without one."""
        if self.limit is not None:
            return self.us <= self.limit
        if self.bar is None or self.ratio is None:
            return None
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar

    def cells(self) -> list[str]:
        """Return the columns of the table."""
        sign = "" if self.reached is None else "yes" if self.reached else "NO"
        if self.limit is not None:
            bar, ratio = f"≤ {self.limit:g} {self.unit}", ""
        else:
            bar = "" if self.bar is None else f"≤ {self.bar:g} x" if self.at_most else f"≥ {self.bar:g} x"
            ratio = "" if self.ratio is None else f"{self.ratio:.2f} x"
        peer = "" if self.peer is None else _shown(self.peer, self.unit)
        return [self.name, _shown(self.us, self.unit), self.peer_name, peer, ratio, bar, sign, self.note]

    def __str__(self) -> str:
        """Return the line of a table in a terminal."""
        name, us, peer_name, peer, ratio, bar, sign, note = self.cells()
        return f"{name:<46} {us:>10}  {peer_name:<40} {peer:>10} {ratio:>9}  {bar:<9} {sign:<3} {note}".rstrip()


COLUMNS = ["ours", "median", "peer", "median", "ratio", "bar", "reached", "note"]
HEADER = f"{'ours':<46} {'median':>10}  {'peer':<40} {'median':>10} {'ratio':>9}  {'bar':<9}"


def _shown(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.1f} {unit}"
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def interleaved(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    settle: Callable[[], object] = lambda: None,
    warm_up: int = 1,
    in_a_row: int = 1,
    tidy: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Return the median of each way, called in turn: `warm_up` rounds unmeasured, then `rounds`.

    The rounds go through all orders, as what came before matters: a machine that shares its host with
    others gives memory back within seconds, and who comes after a pause waits for each page of it. What takes less than
    that is called several times `in_a_row`. A way that returns a float has timed itself: seconds. Of any other the wall
    time is taken. `settle` comes after each call, `tidy` after each round: a disk that is told of every file that is
    removed is busy with large ones while the next one writes.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    orders = list(itertools.permutations(ways.items()))
    for number in range(-warm_up, rounds):
        for name, call in orders[number % len(orders)]:
            for _ in range(in_a_row):
                begin = time.perf_counter()
                own = call()
                seconds = own if isinstance(own, float) else time.perf_counter() - begin
                if number >= 0:
                    times[name].append(seconds)
                settle()
            os.sync()  # what one has written is not to be waited for by the other
        tidy()
    return {name: statistics.median(found) for name, found in times.items()}


def environment(**more: str) -> dict[str, str]:
    """Return what both sides run in: one thread, compiled bytecode kept."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return {**kept, **dict.fromkeys(THREADS, "1"), **more}


def command(*words: str | os.PathLike[str], cwd: Path | None = None, **more: str) -> str:
    """Run a command and return what it printed; a failure ends the benchmark with what it said."""
    done = subprocess.run(
        [*map(os.fspath, words)], cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def python(*words: str, cwd: Path | None = None) -> str:
    """Run this Python."""
    return command(sys.executable, *words, cwd=cwd)


def nbprod(*words: str, cwd: Path | None = None, **more: str) -> str:
    """Run the `nbprod` command of this Python's environment."""
    return command(BIN / "nbprod", *words, cwd=cwd, **more)


class Warm:
    """A Python process that stays: it imports, says so, and at each `go` does the work and tells the seconds.

    Parameters
    ----------
    source
        A script that defines `work()`, and maybe `reset()`, which is called before and not timed.
    cwd
        Where it runs.
    """

    def __init__(self, source: str, cwd: Path) -> None:
        loop = "import sys, time\nfor _ in sys.stdin:\n    reset()\n    b = time.perf_counter()\n    work()\n"
        loop += "    print('took', time.perf_counter() - b, file=sys.__stdout__, flush=True)\n"
        script = cwd / f"warm-{len(list(cwd.glob('warm-*')))}.py"
        script.write_text(f"def reset():\n    pass\n{source}\n{loop}", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, script.name],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def go(self, word: str = "took") -> float:
        """Let it work once and return the seconds it took, or those that it says after another word."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        said = {}
        for line in self._process.stdout:
            name, _, value = line.partition(" ")
            said[name] = value
            if name == "took":
                return float(said[word])
        sys.exit(f"the process of {self._process.args} ended")

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def settled(folder: Path) -> None:
    """End the publisher that the last run has started and drop what it was to tell: it would work for seconds now."""
    for file in (folder / ".nbprod" / "journal").glob("*.jsonl"):
        file.unlink(missing_ok=True)
    for pid in _publishers(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _publishers(folder: Path) -> Iterator[int]:
    """Yield the process ids of the publishers of this project, which is the benchmark's own."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"nbprod.tracking" in words and os.fsencode(folder) in words:
                yield int(process.name)


def zygotes() -> list[int]:
    """Return the process ids of the benchmark's own zygotes."""
    found = []
    for file in Path(os.environ["XDG_RUNTIME_DIR"], "nbprod").glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            pid = int(json.loads(file.read_text(encoding="utf-8"))["pid"])
            if b"zygote" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def end_zygotes() -> None:
    """End the benchmark's own zygotes, so that the next run finds nothing running."""
    for pid in zygotes():
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 10
    while zygotes() and time.monotonic() < end:
        time.sleep(0.01)


@contextmanager
def project(*examples: str) -> Iterator[Path]:
    """Yield a project folder of its own with copies of example notebooks; zygotes started for it end with it."""
    compileall.compile_dir(ROOT / "nbprod", quiet=1)
    before = os.environ.get("XDG_RUNTIME_DIR")
    with (
        tempfile.TemporaryDirectory(prefix="nbprod-bench-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryDirectory(prefix="nbb-", ignore_cleanup_errors=True) as sockets,
    ):
        os.environ["XDG_RUNTIME_DIR"] = sockets
        subprocess.run(["git", "init", "-q", folder], check=False)
        for name in examples:
            shutil.copy(ROOT / "example-notebooks" / name, folder)
        try:
            yield Path(folder)
        finally:
            end_zygotes()
            if before is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = before


def alone(results: Callable[[], Iterator[Row]]) -> None:
    """Print one benchmark's rows."""
    print(HEADER)
    for row in results():
        print(row, flush=True)


def write_notebook(path: Path, cells: list[tuple[str, dict[str, Any]]]) -> None:
    """Write a notebook of code cells, each its source and metadata."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    made = []
    for source, metadata in cells:
        cell = new_code_cell(source)
        cell.metadata.update(metadata)
        made.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
