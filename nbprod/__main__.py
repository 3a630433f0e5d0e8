"""`python -m nbprod` and the `nbprod` command."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading

GARBAGE = 100_000
"""How many new objects make Python look for garbage: a command makes many as it starts, and little of it is garbage."""


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(GARBAGE)
    from nbprod.interfaces.cli import run

    _leave(run())


def _leave(code: int) -> None:
    """Exit at once where nothing goes on: the system takes back as a whole what Python would free piece by piece."""
    if threading.active_count() > 1:
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads it any more
        sys.exit(code)
    os._exit(code)


if __name__ == "__main__":
    main()
