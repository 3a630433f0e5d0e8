"""`run`, `why`, `verify`, `extract`: the notebook as a pipeline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprod import api
from nbprod.interfaces.cli import options, running, verdict
from nbprod.interfaces.cli.progress import Progress
from nbprod.interfaces.cli.screen import Screen, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_SECONDS = 120
"""A verification that may take longer is run only if somebody says so."""


@options.verb("run")
@options.notebooks
@options.parameters
@options.profile
@click.option("--from", "start", metavar="S", help="First stage to run; earlier ones are reused as they are.")
@click.option("--to", "stop", metavar="S", help="Last stage to run.")
@click.option("--force", is_flag=True, help="Run every stage, whatever is stored.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    show_default=True,
    help="At most so many stages at once, as far as their --resources allow.",
)
@click.option("--keep-going", is_flag=True, help="Run what does not depend on a stage that failed.")
@click.option("--no-zygote", is_flag=True, help="Start a new Python for every stage instead of forking a warm one.")
@click.option("--engine", default="nbprod", metavar="E", help="nbprod, papermill or ploomber.")
@click.option("--model", metavar="NAME", help="The name that holds the model, when there are several.")
@click.option("--model-name", metavar="NAME", help="Name in the registry; default the notebook's.")
@click.option("--cache-for", metavar="TIME", help="Reuse volatile stages for this long, as 1d or 10m.")
@click.option("--env-file", type=click.Path(exists=True, dir_okay=False), help="NAME=VALUE lines for the stages only.")
@click.option("--store", metavar="URL", help="Share what stages leave with other machines, as s3://bucket/prefix.")
@click.option("--wait", is_flag=True, help="Wait until MLflow knows of the run.")
@click.option("--run-id", hidden=True)
@click.option("--trigger", hidden=True, default="user")
def run_verb(notebooks: tuple[str, ...], as_json: bool, quiet: bool, **asked: object) -> int:
    """Run a notebook, or several as one pipeline; what has not changed is reused."""
    parameters = options.split_parameters(asked.pop("parameters"))  # type: ignore[arg-type]  # click gives tuples of str
    return running.carry_out(notebooks, parameters, as_json=as_json, quiet=quiet, **asked)


@options.verb("why")
@options.notebooks
@click.argument("stage", metavar="STAGE")
@options.parameters
def why_verb(notebooks: tuple[str, ...], stage: str, parameters: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Tell why a stage would run or be reused."""
    found = api.why(notebooks, stage, options.split_parameters(parameters))
    if as_json:
        print_json({"stage": found.stage, "action": found.action, "reason": found.reason})
    else:
        Screen(quiet=quiet).line(f"{found.stage} would {found.action}: {found.reason}")
    return 0


@options.verb("verify")
@options.notebooks
@options.parameters
@click.option("--reuse", is_flag=True, help="Compare with the outputs saved in the file; the notebook is not run.")
@click.option("--allow-effects", is_flag=True, help="Run it although it changes what is elsewhere.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask, however long it may take.")
@click.option("--html", metavar="FILE", help="Write a report, one page that needs nothing else.")
def verify_verb(notebooks: tuple[str, ...], as_json: bool, quiet: bool, **asked: object) -> int:
    """Run the notebook top to bottom and the pipeline, each from scratch, and compare all that comes of them."""
    screen = Screen(quiet=quiet or as_json)
    with Progress(screen, f"{' '.join(notebooks)} · verify") as progress:
        found = api.verify(
            notebooks,
            options.split_parameters(asked["parameters"]),  # type: ignore[arg-type]  # click gives tuples of str
            listeners=[progress.listen],
            reuse=bool(asked["reuse"]),
            allow_effects=bool(asked["allow_effects"]),
            confirm=None if asked["yes"] else _agreed(can_ask=screen.live and not screen.quiet),
        )
    if asked["html"]:
        from nbprod.interfaces.cli.verify_page import page

        Path(str(asked["html"])).write_text(page(found), encoding="utf-8")
    if as_json:
        print_json(found.as_json())
    else:
        verdict.show(screen, found)
    return 0 if found.equal else 1


def _agreed(*, can_ask: bool) -> Callable[[float], bool]:
    """Return what decides whether a verification that takes so many seconds is run."""

    def decide(estimate: float) -> bool:
        if estimate <= LONG_SECONDS:
            return True
        if not (can_ask and sys.stdin.isatty()):
            return False
        return click.confirm(f"verify may take about {estimate / 60:.0f} min. Go on?", default=True)

    return decide


@options.verb("extract")
@options.notebooks
@click.option("-o", "--out", metavar="DIR", required=True, help="Where the jobs go.")
def extract_verb(notebooks: tuple[str, ...], out: str, as_json: bool, quiet: bool) -> int:
    """Write the stages as self-contained jobs that plain papermill runs."""
    written = api.extract(notebooks, out)
    if as_json:
        print_json({"files": [str(path) for path in written]})
    else:
        for path in written:
            Screen(quiet=quiet).line(str(path))
    return 0
