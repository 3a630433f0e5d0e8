"""Which notebook a request means: a path of the server's own tree, never anything outside it."""

from __future__ import annotations

import os.path
from pathlib import Path

from nbprod.core.errors import NotebookError


def confined(root: str, path: str) -> Path:
    """Return the notebook at `path` (with forward slashes, relative to `root`); raises `NotebookError` otherwise.

    As in Jupyter's own contents manager, links inside the tree are followed: whoever made them meant it.
    """
    top = Path(os.path.normpath(Path(root).expanduser().absolute()))
    found = Path(os.path.normpath(top / path.lstrip("/"))) if "\0" not in path else top
    if not found.is_relative_to(top) or found.suffix != ".ipynb" or not found.is_file():
        shown = path.replace("\0", "") or "(no path)"
        raise NotebookError("NB001", f"there is no notebook {shown}", "save the notebook, then try again")
    return found
