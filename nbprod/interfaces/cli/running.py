"""`nbprod run` once its words are read; plain ones are read here, for click takes as long as a run that reuses all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.core.errors import ExecutionError
from nbprod.core.run import RunOptions, RunStatus
from nbprod.interfaces.cli import INTERRUPTED, render
from nbprod.interfaces.cli.progress import Progress
from nbprod.interfaces.cli.screen import Screen, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLAGS = {"--force": "force", "--json": "as_json", "-q": "quiet", "--quiet": "quiet"}


def plain(words: Sequence[str]) -> dict[str, Any] | None:
    """Return what `carry_out` takes, for `run NB… [-p NAME=VALUE] [--force] [--json] [-q]`; None: click reads them."""
    notebooks: list[str] = []
    found: dict[str, Any] = {"parameters": {}, "as_json": False, "quiet": False}
    left = iter(words[1:])
    for word in left:
        if word == "-p":
            name, equals, value = next(left, "").partition("=")
            if not equals or not name.strip().isidentifier():
                return None
            found["parameters"][name.strip()] = value
        elif word in FLAGS:
            found[FLAGS[word]] = True
        elif word.startswith("-"):
            return None
        else:
            notebooks.append(word)
    return {**found, "notebooks": tuple(notebooks)} if notebooks else None


def carry_out(
    notebooks: tuple[str, ...], parameters: Mapping[str, str], *, as_json: bool, quiet: bool, **asked: Any
) -> int:
    """Run notebooks as one pipeline, show it, and return the exit code; `asked` are the other options by name."""
    screen = Screen(quiet=quiet or as_json)
    progress = Progress(screen, " ".join(notebooks))
    wait, profile = asked.pop("wait", False), asked.pop("profile", None)
    try:
        with progress:
            finished = api.run(
                notebooks,
                parameters,
                options=_options(asked),
                listeners=[progress.listen],
                profile=profile,
                wait=wait,
            )
    except ExecutionError as error:
        if as_json and error.run:
            print_json({**error.run.as_json(), "error": error.as_json()})
        render.failure(Screen() if not as_json else Screen(quiet=True), error, " ".join(notebooks))
        interrupted = error.run is not None and error.run.status is RunStatus.INTERRUPTED
        return INTERRUPTED if interrupted else error.exit_code
    if as_json:
        print_json(finished.as_json())
    else:
        render.finished(screen, finished, progress.told)
    return 0


def _options(asked: dict[str, Any]) -> RunOptions:
    cache_for = asked.pop("cache_for", None)
    if cache_for:
        from nbprod.notebooks import parse_magic

        asked |= parse_magic(f"stage any --cache-for {cache_for}").options
    asked["zygote"] = not asked.pop("no_zygote", False)
    return RunOptions(**asked)
