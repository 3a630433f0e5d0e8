"""`sweep`: runs with many values of parameters, ranked by a metric."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from nbprod import api
from nbprod.core.errors import ExecutionError
from nbprod.core.run import RunOptions
from nbprod.interfaces.cli import INTERRUPTED, options, render
from nbprod.interfaces.cli.progress import Progress
from nbprod.interfaces.cli.screen import Screen, print_json, seconds

if TYPE_CHECKING:
    from nbprod.core.sweep import Sweep, Trial

ENDED = ("succeeded", "failed", "skipped")


@options.verb("sweep")
@options.notebooks
@click.option("-p", "grid", metavar="NAME=1,2,3", multiple=True, help="Values to try; quotes and brackets hold commas.")
@click.option("--with", "fixed", metavar="NAME=VALUE", multiple=True, help="A value that all trials have.")
@click.option("--metric", required=True, metavar="NAME", help="What ranks the trials; a stage records it.")
@click.option("--maximize", is_flag=True, help="The largest is the best; without, the smallest.")
@click.option("--sweep-id", hidden=True)
def sweep_verb(notebooks: tuple[str, ...], as_json: bool, quiet: bool, **asked: Any) -> int:
    """Run a notebook with each combination of values; what they have in common is reused."""
    screen = Screen(quiet=quiet, stream=sys.stderr if as_json else None)
    grid = {name: api.sweep_values(text) for name, text in options.split_parameters(asked["grid"]).items()}
    wanted = {name: asked[name] for name in ("metric", "maximize", "sweep_id")}
    run = RunOptions(parameters=options.split_parameters(asked["fixed"]))
    with Progress(screen, None) as progress:
        shown = _Shown(screen, progress)
        try:
            found = api.sweep(notebooks, grid, **wanted, options=run, watch=shown.watch)
        except (ExecutionError, KeyboardInterrupt) as error:
            return _stopped(shown.last, error, as_json=as_json)
    if as_json:
        print_json(found.as_json())
    else:
        _best(screen, found, " ".join(notebooks))
    return 0 if found.best else 1


class _Shown:
    """Shows what changed of a sweep since it was looked at last."""

    def __init__(self, screen: Screen, progress: Progress) -> None:
        self.screen = screen
        self.progress = progress
        self.last: Sweep | None = None

    def watch(self, sweep: Sweep) -> None:
        """Take the sweep as it is now."""
        before = {trial.number: trial.status for trial in self.last.trials} if self.last else {}
        if self.last is None:
            count = render.counted(len(sweep.trials), "trial")
            self.screen.line((f"{sweep.notebook} · {count} · {sweep.metric}", "bold"))
        self.last = sweep
        for trial in sweep.trials:
            if before.get(trial.number) == trial.status:
                continue
            if trial.status == "running":
                self.progress.step(f"trial {trial.number} of {len(sweep.trials)}: {_given(trial)}", line=False)
            elif trial.status in ENDED:
                self.progress.done(str(trial.status))
                if trial.status != "skipped":
                    self._print(trial, sweep.metric)

    def _print(self, trial: Trial, metric: str) -> None:
        icon, style = render.ICONS[trial.status]
        result = f"{metric} {trial.value:.3g}" if trial.value is not None else ""
        if trial.error is not None:
            result = f"{trial.error.code} {trial.error.message.splitlines()[0]}"
        took = seconds(trial.seconds)
        self.screen.line((f"  {icon} ", style), f"{trial.number:<4} {_given(trial):<32} {took:<9} {result}")


def _given(trial: Trial) -> str:
    return " ".join(f"{name}={value}" for name, value in trial.parameters.items())


def _best(screen: Screen, found: Sweep, path: str) -> None:
    best = found.best
    screen.line("")
    if best is None:
        screen.line("  best     none: no trial succeeded")
        return
    screen.line(f"  best     trial {best.number} · {found.metric} {best.value:.3g} · run {(best.run or '')[:8]}")
    again = " ".join(options.quoted(name, value) for name, value in best.parameters.items())
    screen.line(f"  Next: nbprod run {path} {again}")


def _stopped(last: Sweep | None, error: ExecutionError | KeyboardInterrupt, *, as_json: bool) -> int:
    """Tell how far an interrupted sweep got."""
    if last is None:
        raise error
    if as_json:
        told = error.as_json() if isinstance(error, ExecutionError) else {"code": "NB506", "message": "interrupted"}
        print_json({**last.as_json(), "error": {"hint": None, "where": None, **told}})
    sys.stderr.write("interrupted\n")
    return INTERRUPTED
