"""Shows a sweep while it goes on: on a terminal a table, the best first; elsewhere a line for each trial that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.core import words
from nbprod.core.leaderboard import ranked
from nbprod.interfaces.cli import render
from nbprod.interfaces.cli.screen import seconds
from nbprod.interfaces.cli.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.console import RenderableType
    from rich.live import Live

    from nbprod.core.sweep import Sweep, Trial
    from nbprod.interfaces.cli.screen import Screen

ENDED = ("succeeded", "failed", "pruned", "skipped")
ROWS = 20
"""How many trials a table on a terminal has."""


class Trials:
    """Shows what changed of a sweep since it was looked at last; programs that follow read its steps."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.last: Sweep | None = None
        self._known: dict[int, str] = {}
        self._steps = Steps.of()
        self._live: Live | None = None

    def __enter__(self) -> Trials:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.close(failed=error is not None)
        if self._live is not None:
            self._live.stop()

    def watch(self, sweep: Sweep) -> None:
        """Take the sweep as it is now."""
        if self.last is None:
            self._begin(sweep)
        self.last = sweep
        for trial in sweep.trials:
            status = str(trial.status)
            if self._known.get(trial.number) == status:
                continue
            self._known[trial.number] = status
            if status == "running":
                self._steps.begin(f"trial {trial.number} of {sweep.planned}: {words.given(trial.parameters)}")
            elif status in ENDED:
                self._steps.end(status)
                self._line(trial, sweep)
        if self._live is not None:
            self._live.update(table(sweep))

    def _begin(self, sweep: Sweep) -> None:
        """Print the head; trials that are on record already are no news."""
        seed = f" · seed {sweep.seed}" if sweep.seed is not None else ""
        count = render.counted(sweep.planned, "trial")
        head = f"{sweep.notebook} · {sweep.search} · {count} · {sweep.metric}{seed} · sweep {sweep.id[:8]}"
        self.screen.line((head, "bold"))
        self._known = {trial.number: str(trial.status) for trial in sweep.trials if str(trial.status) in ENDED}
        if self._known:
            self.screen.line(f"  {render.counted(len(self._known), 'trial')} kept")
        if self.screen.live and not self.screen.quiet:
            from rich.live import Live

            self._live = Live(console=self.screen.console, refresh_per_second=4)
            self._live.start()

    def _line(self, trial: Trial, sweep: Sweep) -> None:
        if self._live is not None or str(trial.status) == "skipped":
            return
        icon, style = render.ICONS[trial.status]
        result = f"{sweep.metric} {trial.value:.3g}" if trial.value is not None else _why(trial)
        width = max(len(words.given(other.parameters)) for other in sweep.trials)
        given = f"{words.given(trial.parameters):<{width}}"
        self.screen.line((f"  {icon} ", style), f"{trial.number:<4} {given}  {seconds(trial.seconds):<9} {result}")


def table(sweep: Sweep) -> RenderableType:
    """Return the trials, the best first, as a table for a terminal."""
    from rich.table import Table

    told = sweep.as_json()
    made = {trial.number: trial for trial in sweep.trials}
    names = list(sweep.space)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("", "trial", *names, sweep.metric, "time"):
        drawn.add_column(title, justify="left" if not title else "right", no_wrap=True)
    drawn.add_column("", overflow="ellipsis", no_wrap=True)
    rows = ranked(told)
    for entry in rows[:ROWS]:
        drawn.add_row(*_row(made[entry["number"]], names), style="bold" if entry["number"] == told["best"] else None)
    if len(rows) > ROWS:
        drawn.caption = f"{len(rows) - ROWS} more"
    return drawn


def _row(trial: Trial, names: list[str]) -> list[Any]:
    from rich.text import Text

    icon, style = render.ICONS[trial.status]
    given: Mapping[str, Any] = trial.parameters
    value = words.number(trial.value) if trial.value is not None else ""
    took = seconds(trial.seconds) if trial.seconds else ""
    told = _why(trial) if trial.value is None else ""
    cells = [str(trial.number), *(words.number(given[name]) for name in names), value, took, told]
    return [Text(icon, style), *map(Text, cells)]


def _why(trial: Trial) -> str:
    """Return why a trial has no value."""
    if trial.error is not None:
        return f"{trial.error.code} {words.clip(trial.error.message, 60)}"
    return str(trial.status)
