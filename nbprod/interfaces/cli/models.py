"""`up`, `build`, `serve`, `predict`, `score`: the model outside its notebook."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbprod import api
from nbprod.core.run import RunOptions
from nbprod.interfaces.cli import options, render
from nbprod.interfaces.cli.progress import Progress
from nbprod.interfaces.cli.screen import Screen, print_json

if TYPE_CHECKING:
    from nbprod.core.run import Run


@options.verb("up")
@options.notebooks
@options.parameters
@options.profile
@click.option("--once", is_flag=True, help="Send one request, compare with the notebook's own answer, and exit.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, help="Default: 8642, or a free one.")
@click.option("--model", metavar="NAME", help="The name that holds the model, when there are several.")
def up_verb(notebooks: tuple[str, ...], as_json: bool, quiet: bool, **asked: Any) -> int:
    """Check, run, package and serve a notebook, and print its URL."""
    screen = Screen(quiet=quiet or as_json)
    checked = api.check(notebooks)
    pipeline = checked.pipeline
    sizes = render.counted(len(pipeline.stages), "stage"), render.counted(len(pipeline.parameters), "parameter")
    head = " · ".join((*notebooks, *sizes))
    screen.line((f"{head:<70}", "bold"), f" readiness {checked.readiness.percent} %")
    for item in pipeline.diagnostics:
        if item.severity != "info":
            render.diagnostic(screen, item)
    api.sound(pipeline)
    with Progress(screen, None) as progress:
        finished = api.run(
            notebooks,
            options.split_parameters(asked["parameters"]),
            options=RunOptions(model=asked["model"]),
            listeners=[progress.listen],
            profile=asked["profile"],
        )
    render.finished(screen, finished, progress.told)
    if finished.model is None:
        raise api.no_model(finished)
    held = all(gate.held for gate in finished.gates)
    with api.serve_model(finished, asked["host"], asked["port"]) as url:
        return _answer(screen, finished, url, pipeline.files, once=asked["once"], as_json=as_json) or (
            0 if held or not asked["once"] else 1
        )


def _answer(screen: Screen, finished: Run, url: str, files: str, *, once: bool, as_json: bool) -> int:
    evidence = api.compare(finished, url)
    row = evidence["row"]
    body = json.dumps({"rows": [row]}, ensure_ascii=False).replace("'", "'\\''")
    word, style = ("equal to", "green") if evidence["equal"] else ("differs from", "bold red")
    screen.line("  served   ", (word, style), f" the notebook on {evidence['rows']} rows {evidence['detail']}".rstrip())
    screen.line(f"  serving  {url}   docs /docs · metrics /metrics")
    screen.line("")
    screen.line(f"  curl -s {url}/predict -H 'content-type: application/json' -d '{body}'")
    if as_json:
        print_json({**finished.as_json(), "url": url, "equal": evidence["equal"], "compared": evidence["rows"]})
    if once or not evidence["equal"]:
        return 0 if evidence["equal"] else 1
    screen.line(f"  Ctrl-C stops. Next: nbprod deploy {files}")
    _wait()
    return 0


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        click.echo("")


@options.verb("serve")
@options.sources
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, help="Default: 8642, or a free one.")
def serve_verb(source: tuple[str, ...], host: str, port: int | None, as_json: bool, quiet: bool) -> int:
    """Serve a model in the foreground until Ctrl-C."""
    with api.serve(source, host, port) as url:
        if as_json:
            print_json({"url": url})
        else:
            Screen(quiet=quiet).line(f"serving  {url}   docs /docs · metrics /metrics · Ctrl-C stops")
        _wait()
    return 0


@options.verb("build")
@options.sources
@click.option("-t", "--tag", metavar="NAME:TAG", help="The image's name.")
@click.option("--base", metavar="REF", help="Base image; default python:<the notebook's minor>-slim.")
@click.option("--dockerfile", metavar="DIR", help="Only write the folder that builds it.")
@click.option("--model", metavar="NAME", help="The name that holds the model, when there are several.")
@options.parameters
def build_verb(source: tuple[str, ...], as_json: bool, quiet: bool, **asked: Any) -> int:
    """Make a container image of a model and check that it answers as the notebook did."""
    dockerfile = asked["dockerfile"]
    run = RunOptions(model=asked["model"], parameters=options.split_parameters(asked["parameters"]))
    where = {"base": asked["base"], "dockerfile": dockerfile}
    with Progress(Screen(quiet=quiet, stream=sys.stderr if as_json else None), " ".join(source)) as progress:
        image = api.build(source, asked["tag"], **where, options=run, watcher=progress)
    if as_json:
        layers = [{"kind": x.kind, "digest": x.digest, "bytes": x.bytes, "reused": x.reused} for x in image.layers]
        found = {"image": image.image, "digest": image.digest, "bytes": image.bytes, "layers": layers}
        print_json({**found, "predictor": image.predictor, "evidence": dict(image.evidence)})
        return 0
    screen = Screen(quiet=quiet)
    if dockerfile:
        screen.line(f"written  {dockerfile}   docker build -t {image.image} {dockerfile}")
        return 0
    screen.line(f"image    {image.image}   {image.bytes / 1e6:.0f} MB   {image.digest[:19]}")
    screen.line(f"evidence {image.evidence}")
    return 0


@options.verb("predict")
@click.argument("endpoint", metavar="URL|ENDPOINT")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@options.project
def predict_verb(endpoint: str, file: str, folder: str, as_json: bool, quiet: bool) -> int:  # noqa: ARG001 (every verb takes it)
    """Send the rows of a JSON or CSV file to an endpoint."""
    answer = api.predict(endpoint, _rows(Path(file)), folder)
    if as_json:
        print_json(answer)
    else:
        for value in answer["predictions"]:
            click.echo(value)
    return 0


def _rows(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".csv":
        return api.table_rows(file)
    found = json.loads(file.read_text(encoding="utf-8"))
    rows = found.get("rows", found) if isinstance(found, dict) else found
    return [rows] if isinstance(rows, dict) else list(rows)


@options.verb("score")
@options.sources
@click.option("--in", "given", required=True, type=click.Path(exists=True, dir_okay=False), help="CSV or Parquet.")
@click.option("--out", required=True, metavar="FILE", help="CSV or Parquet with a column prediction.")
def score_verb(source: tuple[str, ...], given: str, out: str, as_json: bool, quiet: bool) -> int:
    """Apply a model to a file."""
    count = api.score(source, given, out)
    if as_json:
        print_json({"rows": count, "out": out})
    else:
        Screen(quiet=quiet).line(f"{count} rows · {out}")
    return 0
