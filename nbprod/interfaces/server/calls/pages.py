"""Pages for people, made of what users' code printed: never to be shown with Jupyter's own rights."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from nbprod.core.errors import UnavailableError
from nbprod.interfaces.server.calls import runs

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.interfaces.server.asked import Asked

SECONDS = 120


def stage(asked: Asked) -> Path:
    """Return the page of a stage's executed notebook, which is made once and kept beside it."""
    notebook = runs.executed(asked)
    page = notebook.with_suffix(".html")
    if page.is_file() and page.stat().st_mtime_ns >= notebook.stat().st_mtime_ns:
        return page
    # a process of its own: nbconvert takes seconds of the processor and imports a lot
    command = [sys.executable, "-P", "-m", "nbprod.interfaces.server.rendering", str(notebook), str(page)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            "NB928", f"the page took longer than {SECONDS} s", "open the notebook instead"
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError("NB928", f"nbconvert could not make the page: {last}", "open the notebook instead")
    return page
