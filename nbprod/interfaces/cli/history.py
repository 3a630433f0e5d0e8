"""`runs`, `show`, `diff`, `logs`, `mlflow`: what happened before."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from nbprod import api
from nbprod.config import Project
from nbprod.interfaces.cli import options, render
from nbprod.interfaces.cli.screen import Screen, print_json


@options.verb("runs")
@click.argument("notebook", metavar="[NB]", default=".")
@click.option("--limit", default=20, show_default=True)
def runs_verb(notebook: str, limit: int, as_json: bool, quiet: bool) -> int:
    """List runs, newest first."""
    found = api.history(notebook, limit)
    if as_json:
        print_json({"runs": [item.as_json() for item in found]})
        return 0
    screen = Screen(quiet=quiet)
    for item in found:
        render.run_row(screen, item)
    if not found:
        screen.line("no runs yet: nbprod run NB")
    return 0


@options.verb("show")
@click.argument("run", metavar="RUN")
@options.project
def show_verb(run: str, folder: str, as_json: bool, quiet: bool) -> int:
    """Show one run; the first digits of its id are enough."""
    found = api.show(run, folder)
    if as_json:
        print_json(found.as_json())
        return 0
    screen = Screen(quiet=quiet)
    render.run_row(screen, found)
    names = tuple(stage.name for stage in found.stages)
    for stage in found.stages:
        data = {"status": stage.status, "seconds": stage.seconds, "reason": stage.reason, "outputs": stage.outputs}
        screen.line(*render.stage_line(names, stage.name, {**data, "metrics": stage.metrics}))
    render.finished(screen, found)
    if found.error is not None:
        render.error(screen, found.error)
    return 0


@options.verb("diff")
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@options.project
def diff_verb(first: str, second: str, folder: str, as_json: bool, quiet: bool) -> int:
    """Show what differs between two runs."""
    found = api.diff(first, second, folder)
    if as_json:
        print_json({"differences": found})
        return 0
    screen = Screen(quiet=quiet)
    for item in found:
        if item["kind"] == "stage":
            screen.line(f"stage      {item['name']:<20} differs in code or inputs")
        else:
            screen.line(f"{item['kind']:<10} {item['name']:<20} {item['first']} → {item['second']}")
    if not found:
        screen.line("no difference")
    return 0


@options.verb("logs")
@click.argument("name", metavar="RUN|ENDPOINT")
@click.option("--lines", default=100, show_default=True)
@options.project
def logs_verb(name: str, lines: int, folder: str, as_json: bool, quiet: bool) -> int:  # noqa: ARG001 (every verb takes it)
    """Show what a run or an endpoint printed."""
    if any(item.endpoint == name for item in api.endpoints(folder)):
        text = api.endpoint_logs(name, folder, lines)
    else:
        text = "\n".join(api.run_output(name, folder).splitlines()[-lines:])
    if as_json:
        print_json({"lines": text.splitlines()})
    else:
        click.echo(text)
    return 0


@options.verb("mlflow")
@click.option("--port", default=5000, show_default=True)
@options.project
def mlflow_verb(port: int, folder: str, as_json: bool, quiet: bool) -> int:
    """Publish what is pending, then open MLflow's own pages on this project's store; Ctrl-C stops."""
    command = api.mlflow_command(port, folder)
    if as_json:
        print_json({"url": f"http://127.0.0.1:{port}", "command": command})
        return 0
    Screen(quiet=quiet).line(f"MLflow  http://127.0.0.1:{port}")
    return subprocess.run(command, cwd=Path(Project.find(folder).home), check=False).returncode
