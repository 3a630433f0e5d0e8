"""Answers requests, each in a forked process: run cells top to bottom, or read a run's values; draw the values."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

SECONDS = 60
IGNORED = {".git", ".nbprod", "__pycache__", "book.ipynb", "base.db", ".nbprod-files"}


def main() -> None:
    """Serve until the input ends."""
    import cloudpickle  # noqa: F401
    import IPython  # noqa: F401
    import numpy  # noqa: F401
    import pandas  # noqa: F401

    import nbprod.store.values
    import nbprod.worker.snapshot  # noqa: F401

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            answer_in_child(request, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            data = pipe.read()
        os.waitpid(pid, 0)
        sys.stdout.write((data.decode() or json.dumps({"error": "the process died"})) + "\n")
        sys.stdout.flush()


def answer_in_child(request: dict[str, Any], writing: int) -> None:
    """Carry out a request and end the process."""
    signal.alarm(SECONDS)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    try:
        os.chdir(request["folder"])
        found = top_to_bottom(request["cells"], request.get("without", ())) if "cells" in request else of_run(request)
    except BaseException as error:
        found = {"error": "".join(traceback.format_exception(error)[-3:])}
    os.write(writing, b"")
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(json.dumps(found).encode())
    os._exit(0)


def top_to_bottom(cells: list[str], without: list[str]) -> dict[str, Any]:
    """Run cells in IPython, as a notebook does, and draw what is there in the end."""
    import types
    import warnings

    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from . import picture

    warnings.simplefilter("default")
    folder = Path.cwd()
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(user_module=module, config=config)
    for source in cells:
        result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            return {"error": f"{type(error).__name__}: {error} in\n{source}"}
    names = [name for name in picture.names(module.__dict__) if name not in without]
    for value in list(module.__dict__.values()):  # as at the end of a kernel's process
        if isinstance(value, io.IOBase) and not value.closed and value.writable():
            value.flush()
    return {"picture": picture.of({name: module.__dict__[name] for name in names}), "files": files(folder)}


def of_run(request: dict[str, Any]) -> dict[str, Any]:
    """Draw values of a run, and say why others are missing."""
    from nbprod.config import Project
    from nbprod.core.errors import NbprodError
    from nbprod.store import load_run

    from . import picture

    run = load_run(Project.find(Path("book.ipynb")), request["run"])
    values: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name in sorted({*request["names"], *run.values.names()}):
        try:
            values[name] = run[name]
        except NbprodError as error:
            missing[name] = f"{error.code} {error.message}"
    known = [name for name in picture.names(values) if name not in request.get("without", ())]
    return {
        "picture": picture.of({name: values[name] for name in known}),
        "missing": missing,
        "files": files(Path.cwd()),
    }


def files(folder: Path) -> dict[str, str]:
    """Return the files of a folder with their content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not IGNORED.intersection(inside.parts):
            found[str(inside)] = path.read_bytes()[:500].hex()
    return found


if __name__ == "__main__":
    main()
