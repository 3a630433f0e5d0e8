"""Pipelines as they were derived, kept in the ledger: a notebook that did not change is not analysed again."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.core.errors import StoreError
from nbprod.core.version import __version__
from nbprod.store.ledger import Ledger
from nbprod.store.texts import ipython_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.config import Project
    from nbprod.core.notebook import Notebook
    from nbprod.core.pipeline import Pipeline

CODE = ("analysis", "analysis/diagnostics", "analysis/knowledge", "core", "notebooks")
DAMAGED = (ValueError, TypeError, EOFError, AttributeError, ImportError, IndexError, pickle.UnpicklingError)


class KeptPipeline:
    """The place of one pipeline in the ledger, for as long as neither notebook nor nbprod changes.

    Parameters
    ----------
    project
        The project whose ledger holds it.
    books
        The notebooks as they were read, with all that analysis sees of them.
    """

    def __init__(self, project: Project, books: Sequence[Notebook]) -> None:
        self.project = project
        self.key = f"pipeline:{' '.join(book.path for book in books)}"
        seen = (list(books), __version__, _code(), sys.version, ipython_stamp())
        self.stamp = hashlib.sha256(repr(seen).encode("utf-8", "surrogatepass")).hexdigest()

    def get(self) -> Pipeline | None:
        """Return the pipeline, None where it is not known."""
        if not (self.project.home / "ledger.sqlite").exists():
            return None
        found = None
        with contextlib.suppress(StoreError), Ledger(self.project.home) as ledger:
            found = ledger.fact(self.key, self.stamp)
        with contextlib.suppress(*DAMAGED):
            pipeline: Pipeline | None = pickle.loads(base64.b64decode(found)) if found else None
            return pipeline
        return None

    def put(self, pipeline: Pipeline) -> None:
        """Keep the pipeline; a ledger that cannot be written is no reason to stop."""
        text = base64.b64encode(pickle.dumps(pipeline, pickle.HIGHEST_PROTOCOL)).decode()
        with contextlib.suppress(StoreError), Ledger(self.project.home) as ledger:
            ledger.remember(self.key, self.stamp, text)


def _code() -> list[tuple[str, int, int]]:
    """Return what tells one state of our own code from another: a checkout changes without its version."""
    package = Path(__file__).resolve().parent.parent
    files = (entry for folder in CODE for entry in os.scandir(package / folder) if entry.is_file())
    return sorted((entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in files)
