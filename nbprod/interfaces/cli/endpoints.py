"""`deploy`, `rollback`, `endpoints`, `stop`, `monitor`: models on a target."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nbprod import api
from nbprod.core.run import RunOptions
from nbprod.interfaces.cli import options, render
from nbprod.interfaces.cli.progress import Progress
from nbprod.interfaces.cli.screen import Screen, print_json

if TYPE_CHECKING:
    from nbprod.core.model import Endpoint


@options.verb("deploy")
@options.sources
@click.option("--target", default="local", show_default=True, metavar="T", help="local or docker.")
@click.option("--name", metavar="NAME", help="The endpoint's name; default the model's.")
@click.option("--port", type=int)
@click.option("--model", metavar="NAME", help="The name that holds the model, when there are several.")
@options.parameters
def deploy_verb(source: tuple[str, ...], as_json: bool, quiet: bool, **asked: Any) -> int:
    """Put the model on a target and wait until it answers as the notebook did."""
    screen = Screen(quiet=quiet, stream=sys.stderr if as_json else None)
    with Progress(screen, " ".join(source)) as progress:
        run = RunOptions(model=asked["model"], parameters=options.split_parameters(asked["parameters"]))
        where = {"name": asked["name"], "port": asked["port"]}
        found = api.deploy(source, asked["target"], **where, options=run, watcher=progress)
    if as_json:
        print_json(_json(found))
    else:
        render.endpoint_row(screen, found)
        screen.line(f"nbprod logs {found.endpoint} · nbprod stop {found.endpoint}")
    return 0


@options.verb("rollback")
@click.argument("name", metavar="ENDPOINT")
@click.option("--to", metavar="VERSION", help="A version, or the run that made the model; default what served before.")
@options.project
def rollback_verb(name: str, to: str | None, folder: str, as_json: bool, quiet: bool) -> int:
    """Put the model that was deployed before back on an endpoint; a local one answers meanwhile."""
    screen = Screen(quiet=quiet, stream=sys.stderr if as_json else None)
    with Progress(screen, None) as progress:
        found = api.rollback(name, folder, version=to, watcher=progress)
    if as_json:
        print_json(_json(found))
    else:
        render.endpoint_row(screen, found)
    return 0


def _json(item: Endpoint) -> dict[str, object]:
    return {name: value for name, value in asdict(item).items() if name != "detail"}


@options.verb("endpoints")
@options.project
def endpoints_verb(folder: str, as_json: bool, quiet: bool) -> int:
    """List what is deployed from this project."""
    found = api.endpoints(folder)
    if as_json:
        print_json({"endpoints": [_json(item) for item in found]})
        return 0
    screen = Screen(quiet=quiet)
    for item in found:
        render.endpoint_row(screen, item)
    if not found:
        screen.line("nothing is deployed: nbprod deploy NB")
    return 0


@options.verb("stop")
@click.argument("name", metavar="[ENDPOINT]", required=False)
@click.option("--all", "everything", is_flag=True, help="All endpoints and background processes of this project.")
@options.project
def stop_verb(name: str | None, everything: bool, folder: str, as_json: bool, quiet: bool) -> int:
    """Stop an endpoint, or with --all whatever runs in the background."""
    if not name and not everything:
        raise click.UsageError("stop needs an endpoint's name, or --all")
    stopped = api.stop_all(folder) if everything else [name]
    if name and not everything:
        api.stop_endpoint(name, folder)
    if as_json:
        print_json({"stopped": stopped})
    else:
        Screen(quiet=quiet).line(f"stopped {', '.join(map(str, stopped)) or 'nothing: nothing was running'}")
    return 0


@options.verb("monitor")
@click.argument("name", metavar="ENDPOINT")
@options.project
def monitor_verb(name: str, folder: str, as_json: bool, quiet: bool) -> int:
    """Compare what an endpoint was asked with its model's training data."""
    found = api.monitor(name, folder)
    if as_json:
        print_json(found)
        return 0
    screen = Screen(quiet=quiet)
    for item in found["features"]:
        mark = ("drift", "bold red") if item["drift"] else ("ok   ", "green")
        screen.line(mark, f"  {item['name']:<24} psi {item['psi']:.3f}")
    screen.line(f"{found['rows']} rows since {found.get('since', 'the start')}: {found['verdict']}")
    return 0
