"""`python -m nbprod.interfaces.server.beating FOLDER VERB …`: a verb that tells whether it lives.

It writes `FOLDER/process.json`, touches that file while the verb goes on, also for readers on another machine, and ends
it with the exit code. Who cannot signal the process asks it to stop by a file `FOLDER/stop`.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.core.errors import StoreError
from nbprod.interfaces.server.births import here, started
from nbprod.store.files import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

BEAT = 5.0
"""Seconds between two signs of life."""

PROCESS = "process.json"
STOP = "stop"
INTERRUPTED = 130


def run(folder: Path, arguments: Sequence[str]) -> int:
    """Run `nbprod ARGUMENTS` in this process and return its exit code."""
    # a Jupyter server that a script started in its background ignores interrupts, and what it starts inherits that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = folder / PROCESS
    about = {"pid": os.getpid(), "born": started(os.getpid()), "place": here(), "ended": None}
    write_json(file, about)
    over = threading.Event()
    threading.Thread(target=_beat, args=(file, over), daemon=True).start()
    code = 1
    try:
        code = _verb(arguments)
    finally:
        over.set()
        with suppress(StoreError):  # without it the process is known to be gone, which says the same
            write_json(file, {**about, "ended": code})
    return code


def _verb(arguments: Sequence[str]) -> int:
    sys.argv[1:] = list(arguments)
    try:
        # by name: the command line is another interface, of which this one knows nothing but its words
        importlib.import_module("nbprod.__main__").main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _beat(file: Path, over: threading.Event) -> None:
    stop = file.with_name(STOP)
    while not over.wait(BEAT):
        with suppress(OSError):  # a disk that is full or away now may be back at the next beat
            os.utime(file)
        if stop.exists():
            stop.unlink(missing_ok=True)
            os.kill(os.getpid(), signal.SIGINT)


def read(folder: Path) -> dict[str, object] | None:
    """Return what the process of an operation told of itself; None before it did."""
    try:
        found = json.loads((folder / PROCESS).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
