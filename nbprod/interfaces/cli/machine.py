"""`init`, `demo`, `doctor`, `export`, `ps`: the machine and the project."""

from __future__ import annotations

import click

from nbprod import api
from nbprod.interfaces.cli import options
from nbprod.interfaces.cli.models import up_verb
from nbprod.interfaces.cli.screen import Screen, print_json


@options.verb("init")
@click.argument("folder", metavar="[DIR]", default=".")
def init_verb(folder: str, as_json: bool, quiet: bool) -> int:
    """Make a folder a project: settings in pyproject.toml, .gitignore, a first notebook."""
    written = api.init(folder)
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return 0
    screen = Screen(quiet=quiet)
    for path in written:
        screen.line(f"written  {path}")
    screen.line("next: nbprod up example.ipynb")
    return 0


@options.verb("demo")
@click.option("--once", is_flag=True, help="Check one answer and exit.")
def demo_verb(once: bool, as_json: bool, quiet: bool) -> int:
    """Write the churn example into this folder and bring it up."""
    path = api.example("churn.ipynb")
    arguments = [str(path), *(["--once"] if once else []), *(["--json"] if as_json else [])]
    result = up_verb.main([*arguments, *(["--quiet"] if quiet else [])], standalone_mode=False)
    return int(result or 0)


@options.verb("doctor")
@options.project
def doctor_verb(folder: str, as_json: bool, quiet: bool) -> int:
    """Show what this machine has and lacks, and what to do about it."""
    found = api.doctor(folder)
    if as_json:
        print_json({"checks": found})
    else:
        screen = Screen(quiet=quiet)
        for item in found:
            mark = ("✓ ", "green") if item["ok"] else (("✗ ", "red") if item["needed"] else ("- ", "dim"))
            screen.line(mark, f"{item['name']:<18} {item['detail']}")
            if not item["ok"] and item["fix"]:
                screen.line(f"{'':<20} {item['fix']}")
    return 3 if any(item["needed"] and not item["ok"] for item in found) else 0


@options.verb("export")
@options.notebooks
@click.option("--to", required=True, metavar="X", help="See nbprod export NB --to list.")
@click.option("-o", "--out", default=".", metavar="DIR", show_default=True)
def export_verb(notebooks: tuple[str, ...], to: str, out: str, as_json: bool, quiet: bool) -> int:
    """Write the pipeline for another system."""
    if to == "list":
        click.echo("\n".join(api.exporters()))
        return 0
    written = api.export(notebooks, to, out)
    if as_json:
        print_json({"files": [str(path) for path in written]})
    else:
        for path in written:
            Screen(quiet=quiet).line(f"written  {path}")
    return 0


@options.verb("ps")
@options.project
def ps_verb(folder: str, as_json: bool, quiet: bool) -> int:
    """List what of this project runs in the background."""
    found = api.processes(folder)
    if as_json:
        print_json({"processes": found})
        return 0
    screen = Screen(quiet=quiet)
    for item in found:
        what = item.get("name") or item.get("python", "")
        screen.line(f"{item['pid']:>8}  {item['kind']:<10} since {item['since']}  {what}")
    if not found:
        screen.line("nothing runs in the background")
    return 0
