"""Several stages at once: each is followed by a thread of its own, everything they tell is heard on the main one."""

from __future__ import annotations

import os
import queue
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.core.notebook import Resources
    from nbprod.core.pipeline import Stage
    from nbprod.execution.planning import Decision
    from nbprod.execution.runner import SessionRunner, Work

GRACE_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class Task:
    """A stage that is being executed: `error` is None while it runs, and when it succeeded."""

    work: Work
    decision: Decision
    runner: SessionRunner
    done: bool = False
    error: BaseException | None = None
    thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def stage(self) -> Stage:
        """The stage."""
        return self.work.stage


class Crew:
    """Executes at most `jobs` stages at once, as far as the machine has what they ask for.

    Parameters
    ----------
    jobs
        How many stages may run at once.
    hear
        Told on the main thread what a stage tells, in order.
    """

    def __init__(self, jobs: int, hear: Callable[[Work, Mapping[str, Any]], None]) -> None:
        self.jobs = jobs
        self.running: list[Task] = []
        self._hear = hear
        self._said: queue.SimpleQueue[tuple[Task, Mapping[str, Any] | None]] = queue.SimpleQueue()
        self._has = _machine()

    def fits(self, stage: Stage) -> bool:
        """Whether a stage may begin now: one that asks for more than the machine has runs when nothing else does."""
        if not self.running:
            return True
        if len(self.running) >= self.jobs:
            return False
        asked = [_asked(task.stage.options.resources) for task in self.running]
        own = _asked(stage.options.resources)
        return all(own[kind] + sum(each[kind] for each in asked) <= self._has[kind] for kind in self._has)

    def start(self, work: Work, decision: Decision, runner: SessionRunner) -> Task:
        """Begin to execute a stage."""
        task = Task(work, decision, runner)
        task.thread = threading.Thread(target=self._follow, args=(task,), name=f"nbprod-{work.stage.name}", daemon=True)
        self.running.append(task)
        task.thread.start()
        return task

    def next_done(self) -> Task:
        """Hear what the stages tell until one of them has ended, and return it; what hearing raises ends them all."""
        while True:
            try:
                task, event = self._said.get()
                if event is not None:
                    self._hear(task.work, event)
                    continue
            except BaseException:
                self.end()
                raise
            self.running.remove(task)
            task.done = True
            return task

    def end(self) -> None:
        """Interrupt all stages, give them a moment, end what is left."""
        for number in (signal.SIGINT, signal.SIGKILL):
            for task in self.running:
                task.runner.signal(number)
            for task in self.running:
                if task.thread is not None:
                    task.thread.join(GRACE_SECONDS)
        self.running.clear()

    def _follow(self, task: Task) -> None:
        try:
            task.runner.execute(task.work, lambda event: self._said.put((task, event)))
        except BaseException as error:  # noqa: BLE001 - raised again on the main thread
            task.error = error
        self._said.put((task, None))


def _machine() -> dict[str, float]:
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) if hasattr(os, "sysconf") else float("inf")
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    graphics = len([name for name in (shown or "").split(",") if name.strip()]) if shown is not None else _graphics()
    return {"cpu": cores, "mem": memory, "gpu": float(graphics)}


def _graphics() -> int:
    return sum(name.startswith("nvidia") and name[6:].isdigit() for name in _devices())


def _devices() -> list[str]:
    try:
        return os.listdir("/dev")  # noqa: PTH208 - names only
    except OSError:
        return []


def _asked(resources: Resources) -> dict[str, float]:
    """Return what a stage asks for; one that says nothing waits for nobody."""
    return {"cpu": float(resources.cpu or 0), "mem": float(resources.mem or 0), "gpu": float(resources.gpu or 0)}
