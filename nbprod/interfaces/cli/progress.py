"""Live progress of a run: one line a finished stage, and below them the stage that is running with its seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.interfaces.cli.render import counted, stage_line
from nbprod.interfaces.cli.steps import Steps

if TYPE_CHECKING:
    from types import TracebackType

    from rich.status import Status

    from nbprod.core.run import Event
    from nbprod.interfaces.cli.screen import Screen


class Progress:
    """A watcher that prints; on a terminal the running stage counts its seconds. Programs that follow read `Steps`."""

    def __init__(self, screen: Screen, title: str | None) -> None:
        self.screen = screen
        self.title = title
        self._status: Status | None = None
        self._names: tuple[str, ...] = ()
        self._steps = Steps.of()
        self.told: set[str] = set()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.close(failed=error is not None)
        if self._status is not None:
            self._status.stop()

    def listen(self, event: Event) -> None:
        """Take one event of the run."""
        if event.kind == "run-started":
            self._steps.end("succeeded")
            self._begin(event)
        elif event.kind == "stage-started" and event.stage:
            self._steps.stage(event.stage, "running")
            self._show(f"{event.stage}  running")
        elif event.kind == "stage-finished" and event.stage:
            self._steps.stage(event.stage, str(event.data.get("status", "succeeded")), event.data.get("seconds"))
            self._print(stage_line(self._names, event.stage, event.data))
        elif event.kind == "note":
            self.told.add(str(event.data.get("message", "")))
            self._print([("  note  ", "dim"), str(event.data.get("message", ""))])
        elif event.kind == "run-finished" and self._status is not None:
            self._status.stop()
            self._status = None

    def step(self, text: str, *, line: bool = True) -> None:
        """Show the step of some other long work, which ends the one before: in place on a terminal, else as a line."""
        self._steps.begin(text)
        if self.screen.live:
            self._show(text)
        elif line:
            self._print([f"  {text}"])

    def done(self, state: str) -> None:
        """End the step that goes on: `succeeded`, `failed` or `skipped`."""
        self._steps.end(state)

    def _begin(self, event: Event) -> None:
        self._names = tuple(event.data.get("stages", ()))
        if self.title is None:
            self._print([""])
            return
        count = len(event.data.get("parameters", {}))
        head = f"{self.title} · {counted(len(self._names) - event.data.get('besides', 0), 'stage')}"
        self._print([(f"{head} · {counted(count, 'parameter')} set" if count else head, "bold")])
        self._print([""])

    def _print(self, parts: list[str | tuple[str, str]]) -> None:
        self.screen.line(*parts)

    def _show(self, text: str) -> None:
        if not self.screen.live or self.screen.quiet:
            return
        if self._status is None:
            self._status = self.screen.console.status(text)
            self._status.start()
        self._status.update(f"  {text}")
