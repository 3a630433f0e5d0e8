"""What a notebook means, saved or as the editor holds it; nothing is written beside it."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.core.version import __version__
from nbprod.interfaces.server import paths, views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.interfaces.server.asked import Asked


def status(_asked: Asked) -> dict[str, Any]:
    """Return the version; the front end compares it with its own."""
    return {"version": __version__}


def example(asked: Asked) -> dict[str, Any]:
    """Copy the example notebook, without tags, into a folder unless it is there; returns its path."""
    made = api.example("churn.ipynb", paths.folder(asked.root, asked.given["folder"]), tagged=False)
    return {"path": paths.relative(asked.root, made)}


def pipeline(asked: Asked) -> dict[str, Any]:
    """Return what the notebook means, or would mean if `content` were saved."""
    with _draft(asked) as draft:
        found = api.check(asked.notebook, draft=draft)
    return {**views.pipeline(found), "stale": api.stale_stages(found.pipeline, asked.notebook)}


def suggestion(asked: Asked) -> dict[str, Any]:
    """Return stages for what of the notebook is untagged."""
    with _draft(asked) as draft:
        return api.suggest(asked.notebook, draft=draft).as_json()


def fixes(asked: Asked) -> dict[str, Any]:
    """Return the edits that mend what was found, for the editor to make."""
    only = {name: asked.given[name] for name in ("code", "cell_id")}
    with _draft(asked) as draft:
        found = api.fixes(asked.notebook, draft=draft, **only)
    return {**found, "fixed": [{**item, "mendable": True} for item in found["fixed"]]}


@contextmanager
def _draft(asked: Asked) -> Iterator[Path | None]:
    """Yield a file of the content the editor holds, None when none was sent."""
    content = asked.given.get("content")
    if content is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="nbprod-") as folder:
        draft = Path(folder) / asked.notebook.name
        draft.write_text(json.dumps(content), encoding="utf-8")
        yield draft
