"""Where our own time goes: `nbprod run --force` of the five stages, warm, phase by phase.

The phases of the driver are what its main thread does, each without those inside it. What the stages' processes do is
in their manifests; the driver waits meanwhile.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STARTED = "NBPROD_BENCH_STARTED"  # of a name that is no part of what a zygote is for
WAIT = "waiting for stages"
STAGES = {"load": "stages: load", "cells": "stages: cells", "store": "stages: hash and store"}
FORK = "zygote: connect and fork"
MODULES = ("interfaces.cli.running", "api.running", "notebooks", "store", "execution.driver", "execution.runner")
MODULES += ("execution.session", "execution.zygotes", "execution.executed", "tracking")
PHASES = {
    "analysis": ("nbprod.api.notebook:read", "nbprod.store.pipelines:KeptPipeline.get", "nbprod.api.notebook:analyzed"),
    "planning": ("nbprod.execution.planning:Planner.decide", "nbprod.execution.planning:Planner.__init__"),
    FORK: ("nbprod.execution.zygotes:fork",),
    WAIT: ("nbprod.execution.runner:SessionRunner.execute", "nbprod.execution.crew:Crew.next_done"),
    "model": ("nbprod.execution.modelling:Modelling.model",),
    "record": (
        *(f"nbprod.execution.recorder:Recorder.{name}" for name in ("begin", "_save", "emit", "end")),
        *(f"nbprod.store.ledger:Ledger.{name}" for name in ("begin_stage", "add_snapshot", "close", "__init__")),
        "nbprod.execution.executed:Executed.write",
        "nbprod.store:remember_ran",
    ),
    "MLflow's journal, publisher": ("nbprod.tracking.journal:RunJournal.__call__", "nbprod.tracking:spawn_publisher"),
    "processes' end": ("nbprod.execution.runner:SessionRunner.close",),
}


class Clock:
    """Adds up what the main thread spends in each phase, and apart from that what other threads do."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.aside: dict[str, float] = {}
        self._open: list[float] = []

    def wrap(self, phase: str, place: str) -> None:
        """Time a function; one that is not there (any more) is left out."""
        module, _, path = place.partition(":")
        try:
            owner: Any = __import__(module, fromlist=["x"])
            *classes, name = path.split(".")
            for part in classes:
                owner = getattr(owner, part)
            setattr(owner, name, self._timed(phase, getattr(owner, name)))
        except (ImportError, AttributeError):
            return

    def _timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin = time.monotonic()
            main = threading.current_thread() is threading.main_thread()
            if main:
                self._open.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took = time.monotonic() - begin
                if main:
                    own = took - self._open.pop()
                    self.spent[phase] = self.spent.get(phase, 0.0) + own
                    if self._open:
                        self._open[-1] += took
                else:
                    self.aside[phase] = self.aside.get(phase, 0.0) + took

        return call


def child(notebook: str) -> None:
    """Run the command in this process, and print what each phase took."""
    # nothing is imported before this that the command would not import
    first = time.monotonic()
    clock = Clock()
    for module in MODULES:
        __import__(f"nbprod.{module}")
    imported = time.monotonic()
    for phase, places in PHASES.items():
        for place in places:
            clock.wrap(phase, place)
    from nbprod.interfaces.cli import run

    begin = time.monotonic()
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - what the command prints
    run(["run", notebook, "--force"])
    end = time.monotonic()
    found = {"start of Python": first - float(os.environ[STARTED]), "imports": imported - first, **clock.spent}
    found["the rest"] = end - begin - sum(clock.spent.values())
    import json

    print(json.dumps({"phases": found, "aside": clock.aside, "end": end}), file=sys.__stdout__, flush=True)
    os._exit(0)


def measured(rounds: int = 7) -> dict[str, float]:
    """Return the median seconds of each phase, and `the whole command`."""
    import json
    import shutil
    import statistics
    import subprocess

    import five
    from harness import environment, nbprod, project, settled

    rows: list[dict[str, float]] = []
    with project() as folder:
        notebook = five.ours(folder)
        nbprod("run", notebook.name, cwd=folder)
        settled(folder)
        for _ in range(rounds + 1):
            words = [sys.executable, str(Path(__file__)), "child", notebook.name]
            started = time.monotonic()
            done = subprocess.run(
                words, cwd=folder, env=environment(**{STARTED: str(started)}), stdout=subprocess.PIPE, check=True
            )
            whole = time.monotonic() - started
            said = json.loads(done.stdout.splitlines()[-1])
            rows.append({**said["phases"], **_stages(folder), "end of Python": whole - (said["end"] - started)})
            rows[-1]["the whole command"] = whole
            forking = said["aside"].get(FORK, 0.0)  # on a stage's own thread, while the main one waits
            rows[-1][FORK] = rows[-1].get(FORK, 0.0) + forking
            rows[-1][WAIT] = rows[-1].get(WAIT, 0.0) - forking
            settled(folder)
            shutil.rmtree(folder / ".nbprod" / "buffers")  # what is there already would not be written again
    medians = {name: statistics.median(row.get(name, 0.0) for row in rows[1:]) for name in rows[-1]}
    return _ordered(medians)


def _stages(folder: Path) -> dict[str, float]:
    """Return what the stages of the newest run did, from their manifests."""
    import json

    found = dict.fromkeys(STAGES.values(), 0.0)
    newest = max((folder / ".nbprod" / "runs").glob("*/run.json"), key=lambda file: file.stat().st_mtime)
    for stage in json.loads(newest.read_text(encoding="utf-8"))["stages"]:
        timing = json.loads(Path(stage["snapshot"]).read_text(encoding="utf-8"))["timing"]
        for key, name in STAGES.items():
            found[name] += timing[key]
    return found


def _ordered(found: dict[str, float]) -> dict[str, float]:
    """Return the phases in the order in which they pass; what of the waiting the stages do not explain by itself."""
    waiting = found.pop(WAIT, 0.0)
    inside = sum(found[name] for name in STAGES.values())
    found["stages: start, pipes, hand-over"] = waiting - inside
    order = ["start of Python", "imports", "analysis", "planning", FORK, *STAGES.values()]
    order += ["stages: start, pipes, hand-over", "model", "record", "MLflow's journal, publisher", "processes' end"]
    order += ["the rest", "end of Python", "the whole command"]
    return {name: found.get(name, 0.0) for name in order}


def lines(found: dict[str, float], *, markdown: bool = False) -> Iterator[str]:
    """Yield the table."""
    whole = found["the whole command"]
    if markdown:
        yield "| phase | ms | % |"
        yield "| --- | ---: | ---: |"
    for name, seconds in found.items():
        ms, share = f"{seconds * 1000:.1f}", f"{100 * seconds / whole:.1f}"
        yield f"| {name} | {ms} | {share} |" if markdown else f"{name:<34} {ms:>9} ms {share:>6} %"


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        sys.path = [item for item in sys.path if item != str(Path(__file__).parent)]
        child(sys.argv[2])
    print("\n".join(lines(measured())))
