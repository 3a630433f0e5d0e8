"""`check`, `tag`, `suggest`, `graph`: what a notebook means, without running it."""

from __future__ import annotations

import shlex

import click

from nbprod import api
from nbprod.core.errors import UsageError
from nbprod.interfaces.cli import options, render
from nbprod.interfaces.cli.screen import Screen, print_json


@options.verb("check")
@click.argument("notebooks", metavar="NB…", nargs=-1)
@click.option("--fix", "mend", is_flag=True, help="Mend what can be mended mechanically; shows what changed.")
@click.option(
    "--explain", metavar="CODE", is_flag=False, flag_value="all", help="Tell why a code exists; all, without."
)
def check_verb(notebooks: tuple[str, ...], mend: bool, explain: str | None, as_json: bool, quiet: bool) -> int:
    """Show diagnostics and readiness of a notebook, or of several as one pipeline; nothing is executed."""
    if explain:
        click.echo((api.codes() if explain == "all" else api.explain(explain)).rstrip("\n"))
        return 0
    if not notebooks:
        raise UsageError("NB911", "check needs a notebook", "nbprod check NB")
    found = api.check(notebooks, fix=mend)
    if as_json:
        print_json(found.as_json())
    else:
        render.check(Screen(quiet=quiet), found)
    return 1 if found.pipeline.errors else 0


@options.verb("tag")
@options.notebook
@click.argument("cell", metavar="CELL")
@click.argument("tag", metavar="STAGE|ROLE|none", nargs=-1, required=True)
def tag_verb(notebook: str, cell: str, tag: tuple[str, ...], as_json: bool, quiet: bool) -> int:
    """Give a cell (by number or id) a stage or a role; `none` takes its tag away.

    Options of a stage are written as in the magic: nbprod tag NB 7 train --retries 2.
    """
    from nbprod import notebooks
    from nbprod.core.notebook import ROLES

    words = shlex.join(tag)
    written = None if words == "none" else notebooks.parse_magic(words if tag[0] in ROLES else f"stage {words}")
    api.tag(notebook, int(cell) if cell.isdigit() else cell, written)
    if as_json:
        print_json({"cell": cell, "tag": None if written is None else {"role": written.role, "stage": written.stage}})
    else:
        Screen(quiet=quiet).line(f"cell {cell}: {words}")
    return 0


tag_verb.ignore_unknown_options = True  # those of a stage belong to the tag's own grammar


@options.verb("suggest")
@options.notebook
@click.option("--apply", is_flag=True, help="Write the tags into the notebook.")
def suggest_verb(notebook: str, apply: bool, as_json: bool, quiet: bool) -> int:
    """Propose stages for what of a notebook is untagged, with the reason for each."""
    found = api.suggest(notebook, apply=apply)
    if as_json:
        print_json({**found.as_json(), "applied": apply})
    else:
        render.suggestion(Screen(quiet=quiet), found, applied=apply)
    return 0


@options.verb("graph")
@options.notebooks
@click.option("--format", "style", type=click.Choice(["text", "json", "mermaid", "svg"]), default="text")
def graph_verb(notebooks: tuple[str, ...], style: str, as_json: bool, quiet: bool) -> int:  # noqa: ARG001 (every verb takes it)
    """Draw the pipeline."""
    click.echo(api.graph(notebooks, "json" if as_json else style).rstrip("\n"))
    return 0
