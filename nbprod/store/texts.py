"""Cells as IPython rewrites them, kept in the ledger, so that an unchanged notebook is analysed without IPython."""

from __future__ import annotations

import contextlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.core.errors import StoreError
from nbprod.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.config import Project

LIMIT = 2000


class Texts:
    """Rewritten texts by the digest of the cell's own; the ledger is opened when the first is asked for.

    Parameters
    ----------
    project
        The project whose ledger holds them.
    notebook
        The notebook they are kept under, by its path relative to the project.
    """

    def __init__(self, project: Project, notebook: str) -> None:
        self.project = project
        self.key = f"cells:{notebook}"
        self.new: dict[str, str] = {}
        self.known: dict[str, str] | None = None

    def get(self, digest: str) -> str | None:
        """Return the rewritten text, None where it is not known."""
        if self.known is None:
            self.known = self._load()
        return self.new.get(digest) or self.known.get(digest)

    def __setitem__(self, digest: str, text: str) -> None:
        """Keep a rewritten text."""
        self.new[digest] = text

    def save(self) -> None:
        """Write what is new; a ledger that cannot be written is no reason to stop."""
        if not self.new:
            return
        every = {**self._load(), **self.new}
        kept = dict(list(every.items())[-LIMIT:])
        with contextlib.suppress(StoreError), Ledger(self.project.home) as ledger:
            ledger.remember(self.key, ipython_stamp(), kept)

    def _load(self) -> dict[str, str]:
        if not (self.project.home / "ledger.sqlite").exists():
            return {}
        found = None
        with contextlib.suppress(StoreError), Ledger(self.project.home) as ledger:
            found = ledger.fact(self.key, ipython_stamp())
        texts = found.items() if isinstance(found, dict) else ()
        return {key: text for key, text in texts if isinstance(text, str)}


@contextlib.contextmanager
def kept_texts(project: Project, notebook: str) -> Iterator[Texts]:
    """Yield the texts known of a notebook, and keep those added."""
    texts = Texts(project, notebook)
    yield texts
    texts.save()


def ipython_stamp() -> str:
    """Return what tells one IPython from another, without importing it."""
    spec = find_spec("IPython")
    if spec is None or spec.origin is None:
        return ""
    file = Path(spec.origin).parent / "core" / "inputtransformer2.py"
    stamp = file.stat() if file.exists() else None
    return f"{file}:{stamp.st_mtime_ns}:{stamp.st_size}" if stamp else str(file)
