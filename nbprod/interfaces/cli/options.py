"""Options that several verbs share, declared once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

notebook = click.argument("notebook", metavar="NB")
notebooks = click.argument("notebooks", metavar="NB…", nargs=-1, required=True)
sources = click.argument("source", metavar="NB…|MODEL", nargs=-1, required=True)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object; messages go to stderr.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
profile = click.option("--profile", metavar="P", help="Settings of [tool.nbprod.profile.P].")
parameters = click.option("-p", "parameters", metavar="NAME=VALUE", multiple=True, help="Override a parameter.")
project = click.option("--project", "folder", default=".", metavar="DIR", help="A folder of the project.")


def verb(name: str) -> Callable[[F], click.Command]:
    """Make a click command of that name with `--json` and `--quiet`."""

    def wrap(function: F) -> click.Command:
        return click.command(name, context_settings={"help_option_names": ["-h", "--help"]})(as_json(quiet(function)))

    return wrap


def split_parameters(texts: tuple[str, ...]) -> dict[str, str]:
    """Return `-p NAME=VALUE` options as a mapping; raises click's usage error for one without `=`."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise click.BadParameter(f"-p takes NAME=VALUE, got {text!r}")
        pairs[name.strip()] = value
    return pairs


def quoted(name: str, value: object) -> str:
    """Return a parameter as a command line takes it."""
    import shlex

    return f"-p {shlex.quote(f'{name}={value}')}"
