"""`sweep`: runs with many values of parameters, ranked by a metric."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from nbprod import api
from nbprod.core.errors import ExecutionError, ModelError
from nbprod.core.run import RunOptions
from nbprod.core.sweep import SEARCHES
from nbprod.interfaces.cli import INTERRUPTED, options, render
from nbprod.interfaces.cli.screen import Screen, print_json
from nbprod.interfaces.cli.trials import Trials

if TYPE_CHECKING:
    from nbprod.core.sweep import Sweep

VALUES = "1,2,3; a range with its end, 2:10:2; an interval, 0.001..0.1 or 0.001..0.1:log."


@options.verb("sweep")
@options.notebooks
@click.option("-p", "grid", metavar="NAME=VALUES", multiple=True, help=VALUES)
@click.option("--with", "fixed", metavar="NAME=VALUE", multiple=True, help="A value that all trials have.")
@click.option("--metric", metavar="NAME", help="What ranks the trials; a stage records it.")
@click.option("--maximize", is_flag=True, help="The largest is the best; without, the smallest.")
@click.option("--search", type=click.Choice(SEARCHES), help="Default: grid, or random where an interval is given.")
@click.option("--trials", type=click.IntRange(1), metavar="N", help="How many; default 20, a grid makes them all.")
@click.option("--seed", type=int, metavar="N", help="Makes random and optuna try the same another time.")
@click.option("--promote-best", "promote", is_flag=True, help="Make the best model the candidate; its gates must hold.")
@click.option("--resume", is_flag=False, flag_value="", metavar="[ID]", help="Go on with a sweep; default the newest.")
@click.option("--sweep-id", hidden=True)
def sweep_verb(notebooks: tuple[str, ...], as_json: bool, quiet: bool, **asked: Any) -> int:
    """Run a notebook with many values of its parameters; what the trials have in common is reused."""
    screen = Screen(quiet=quiet, stream=sys.stderr if as_json else None)
    grid = options.split_parameters(asked["grid"])
    wanted = {name: asked[name] for name in ("metric", "maximize", "search", "trials", "seed", "promote", "sweep_id")}
    resume = True if asked["resume"] == "" else asked["resume"]
    run = RunOptions(parameters=options.split_parameters(asked["fixed"]))
    with Trials(screen) as shown:
        try:
            found = api.sweep(notebooks, grid, **wanted, resume=resume, options=run, watch=shown.watch)
        except (ExecutionError, KeyboardInterrupt) as error:
            return _stopped(shown.last, error, as_json=as_json)
        except ModelError as error:
            return _not_promoted(shown.last, error, as_json=as_json)
    if as_json:
        print_json(found.as_json())
    else:
        _best(screen, found, notebooks)
    return 0 if found.best else 1


def _best(screen: Screen, found: Sweep, notebooks: tuple[str, ...]) -> None:
    best = found.best
    screen.line("")
    if best is None:
        screen.line("  best     none: no trial succeeded")
    else:
        screen.line(f"  best     trial {best.number} · {found.metric} {best.value:.3g} · run {(best.run or '')[:8]}")
    if found.model is not None:
        screen.line(f"  model    {found.model.name} (candidate) · {found.model.path}")
    if found.page:
        screen.line(f"  page     {found.page}")
    if best is not None:
        again = " ".join(options.quoted(name, value) for name, value in best.parameters.items())
        screen.line(f"  Next: nbprod {'deploy' if found.model else 'run'} {' '.join(notebooks)} {again}")


def _not_promoted(last: Sweep | None, error: ModelError, *, as_json: bool) -> int:
    """Tell that the sweep is over, and why its best trial was not promoted."""
    if last is None:
        raise error
    if as_json:
        print_json({**last.as_json(), "error": error.as_json()})
    render.error(Screen(stream=sys.stderr), error)
    return error.exit_code


def _stopped(last: Sweep | None, error: ExecutionError | KeyboardInterrupt, *, as_json: bool) -> int:
    """Tell how far an interrupted sweep got."""
    if last is None:
        raise error
    if as_json:
        told = error.as_json() if isinstance(error, ExecutionError) else {"code": "NB506", "message": "interrupted"}
        print_json({**last.as_json(), "error": {"hint": None, "where": None, **told}})
    sys.stderr.write(f"interrupted\n  nbprod sweep {last.notebook} --resume {last.id[:8]}   continues\n")
    return INTERRUPTED
