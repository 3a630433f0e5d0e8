"""The verbs and where they live; a verb's module is imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Start": {
        "up": ("models", "check, run, package, serve locally, print the URL"),
        "demo": ("machine", "write the churn example here and bring it up"),
        "init": ("machine", "project template and .gitignore"),
        "doctor": ("machine", "what this machine has and lacks"),
    },
    "Notebook": {
        "check": ("notebook", "diagnostics and readiness (10 % … 100 %); --fix mends"),
        "tag": ("notebook", "give a cell a stage or a role"),
        "suggest": ("notebook", "propose stages for an untagged notebook"),
        "graph": ("notebook", "the pipeline as text, JSON, Mermaid or SVG"),
    },
    "Run": {
        "run": ("runs", "run the notebook as a cached pipeline"),
        "why": ("runs", "why a stage would run or be reused"),
        "verify": ("runs", "show that the pipeline equals the notebook"),
        "sweep": ("sweeps", "run it with many values of parameters"),
        "extract": ("runs", "write the stages as jobs for plain papermill"),
        "runs": ("history", "runs, newest first"),
        "show": ("history", "one run"),
        "diff": ("history", "what differs between two runs"),
        "logs": ("history", "what a run or an endpoint printed"),
        "mlflow": ("history", "open MLflow's own pages on the store"),
    },
    "Model": {
        "build": ("models", "make a container image of the model"),
        "serve": ("models", "serve the model in the foreground"),
        "predict": ("models", "send rows of a file to an endpoint"),
        "score": ("models", "apply a model to a file"),
        "deploy": ("endpoints", "put the model on a target"),
        "rollback": ("endpoints", "put the model deployed before back on an endpoint"),
        "endpoints": ("endpoints", "what is deployed"),
        "stop": ("endpoints", "stop an endpoint, or all that runs in the background"),
        "monitor": ("endpoints", "compare what an endpoint sees with its training data"),
    },
    "Operate": {
        "schedule": ("schedules", "run notebooks at set times"),
        "export": ("machine", "write the pipeline for another system"),
        "ps": ("machine", "background processes of this project"),
        "store": ("store", "what runs left here: stats, verify, gc"),
    },
}
VERBS = {verb: home for section in SECTIONS.values() for verb, home in section.items()}


class Verbs(click.Group):
    """Loads a verb's module when the verb is called, so that `--help` and errors stay fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return all verbs in the order of the sections."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        """Return the command of a verb, None for an unknown one."""
        home = VERBS.get(cmd_name)
        if home is None:
            return None
        module = import_module(f"nbprod.interfaces.cli.{home[0]}")
        command: click.Command = getattr(module, f"{cmd_name}_verb")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which one may have been meant."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean {near[0]}?" if near else " nbprod --help lists the verbs."
            ctx.fail(f"There is no verb {args[0]}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's signature)
        """Write the verbs by section without importing them."""
        for section, verbs in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(verb, text) for verb, (_, text) in verbs.items()])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from nbprod.core.version import __version__

        click.echo(f"nbprod {__version__}")
        ctx.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def nbprod() -> None:
    """Run a Jupyter notebook as a pipeline, and its model in production."""
