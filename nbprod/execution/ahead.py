"""Stages begun before it is their turn, where all they are known to depend on is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nbprod.core.errors import NbprodError
from nbprod.execution.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.core.pipeline import Pipeline, Stage
    from nbprod.execution.crew import Crew, Task
    from nbprod.execution.planning import Decision
    from nbprod.execution.runner import Work
    from nbprod.execution.timeline import Entry


class Stages(Protocol):
    """Who decides upon stages, begins them, and puts on record what they leave: the run."""

    def decide(self, stage: Stage, timeline: Timeline) -> Decision:
        """Return what is done with a stage when those of `timeline` come before it."""

    def begin(self, stage: Stage, decision: Decision) -> Task:
        """Begin a stage."""

    def succeeded(self, stage: Stage, decision: Decision, work: Work) -> Entry:
        """Put on record what a stage has left."""


class Ahead:
    """Begins stages early, as a wager on what analysis knows of them.

    When a stage's turn comes it is decided upon again, from what all stages before it have left by then. What was made
    early under the same fingerprint is taken; anything else is made again. So the result is that of one after another.

    Parameters
    ----------
    pipeline
        Whose edges say what depends on what.
    crew
        Executes them.
    candidates
        The stages that may be begun early, in order.
    timeline
        The stages whose turn has come.
    stages
        Decides upon stages and begins them.
    """

    def __init__(
        self, pipeline: Pipeline, crew: Crew, candidates: Sequence[Stage], timeline: Timeline, stages: Stages
    ) -> None:
        self._tasks: dict[str, Task] = {}
        self._order = [stage.name for stage in pipeline.stages]
        self._needs = {name: {edge.source for edge in pipeline.edges if edge.target == name} for name in self._order}
        self._crew = crew
        self._waiting = list(candidates)
        self._timeline = timeline
        self._stages = stages
        self._made: dict[str, Entry] = {}

    def until(self, task: Task) -> None:
        """Hear what all stages tell until one has ended; begin others meanwhile."""
        while not task.done:
            self._more()
            done = self._crew.next_done()
            if done is not task:
                self._ended(done)

    def catch_up(self, stage: Stage) -> None:
        """Wait for the end of a stage whose turn has come, if it was begun early."""
        task = self._tasks.get(stage.name)
        if task is not None and not task.done:
            self.until(task)
            self._ended(task)

    def make_room(self, stage: Stage) -> None:
        """Wait until the machine has what a stage asks for."""
        while not self._crew.fits(stage):
            self._ended(self._crew.next_done())

    def take(self, stage: Stage) -> Task | None:
        """Return the task of a stage whose turn has come, if it was begun early."""
        return self._tasks.pop(stage.name, None)

    def drained(self) -> list[tuple[Task, NbprodError]]:
        """Wait for what still runs, so that it is not lost; return what failed and whose turn has not come."""
        while self._crew.running:
            self._ended(self._crew.next_done())
        return [(task, task.error) for task in self._tasks.values() if isinstance(task.error, NbprodError)]

    def _ended(self, task: Task) -> None:
        """Take note of the end of a stage that was begun early; its failure counts when its turn comes."""
        task.runner.close(at_once=task.error is not None)
        if task.error is None:
            self._made[task.stage.name] = self._stages.succeeded(task.stage, task.decision, task.work)
        elif not isinstance(task.error, NbprodError):
            raise task.error

    def _more(self) -> None:
        done = {**self._made, **{entry.stage: entry for entry in self._timeline.entries}}
        busy = {task.stage.name for task in self._crew.running}
        self._waiting = [stage for stage in self._waiting if stage.name not in done and stage.name not in busy]
        for stage in list(self._waiting):
            if self._needs[stage.name] <= done.keys() and self._crew.fits(stage):
                self._waiting.remove(stage)
                self._wager(stage, done)

    def _wager(self, stage: Stage, done: dict[str, Entry]) -> None:
        """Begin a stage, or take what is stored for it."""
        before = Timeline()
        for name in self._order[: self._order.index(stage.name)]:
            if name in done:
                before.add(done[name])
        decision = self._stages.decide(stage, before)
        if decision.entry is not None:
            if not decision.entry.manifest["observed"]["files_written"]:  # those are put in place in its turn
                done[stage.name] = self._made[stage.name] = decision.entry
        elif not decision.inputs.held:
            self._tasks[stage.name] = self._stages.begin(stage, decision)
