"""The same cells through unmodified nbclient with ipykernel, and through this engine; what must differ made equal."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from nbprod.execution.engines.session import Cells
from nbprod.execution.executed import Executed

CORPUS = Path(__file__).with_name("engines_compared.toml")
WIDGETS = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Case:
    """Cells that follow each other.

    Attributes
    ----------
    differs
        Why the two may differ, None when they must not.
    alone
        Whether it needs a process of its own, because it ends or changes it.
    order
        Whether the kernel keeps the order of what is printed.
    """

    name: str
    cells: tuple[str, ...]
    differs: str | None = None
    alone: bool = False
    order: bool = True


def cases() -> list[Case]:
    """Return the corpus."""
    found = tomllib.loads(CORPUS.read_text(encoding="utf-8"))
    return [Case(name, **{**about, "cells": tuple(about["cells"])}) for name, about in found.items()]


def kernel(cells: list[str], folder: Path, timeout: int = 60) -> Any:
    """Return a notebook of these cells, executed by nbclient."""
    made = [nbformat.v4.new_code_cell(source, id=f"c{number}") for number, source in enumerate(cells)]
    notebook = nbformat.v4.new_notebook(cells=made)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
        timeout=timeout,
    )
    # in a test ipykernel would not look at its descriptors
    client.execute(env={name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"})
    return notebook


def ours(cells: list[str], folder: Path, *, warm: bool = True) -> Any:
    """Return a notebook of these cells, executed by this engine; a cell that fails ends nothing."""
    steps: list[Any] = [
        {"kind": "cell", "cell": number, "cell_id": f"c{number}", "source": source, "first_line": 1}
        for number, source in enumerate(cells, 1)
    ]
    executed = Executed("compared", steps, {}, {})
    with Cells("python3", folder, steps if warm else ()) as worker:
        for number, step in enumerate(steps):
            for event in worker.run([step], number):
                executed.take(event)
    path = folder / "ours.ipynb"
    executed.write(path)
    return nbformat.read(path, as_version=4)


NOISE = (
    (re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), ""),
    (re.compile(r"\b0x[0-9a-fA-F]{6,}\b"), "0x…"),
    (re.compile(r"/tmp/ipykernel_\d+/\d+\.py|<?notebook cell \d+>?|Cell In\[\d+\]"), "<cell>"),
    (re.compile(r"\((?:\d{3,}\.py|<cell>), line"), "(<cell>, line"),
    (re.compile(r"(CPU times:|Wall time:|Compiler :).*"), r"\1 …"),
    (re.compile(r"/tmp/pytest-of-\w+/pytest-\d+/[\w-]+(?:/[\w-]+(?=/))?"), "<folder>"),
    (re.compile(r"\bThread-\d+"), "Thread-…"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def plain(text: str) -> str:
    """Return a text without colours, addresses, and the names that the two give a cell."""
    for pattern, short in NOISE:
        text = pattern.sub(short, text)
    return text


def shown(cell: Any, models: dict[str, str]) -> list[Any]:
    """Return what a cell shows: between two displays first all of one stream, then all of the other."""
    found: list[Any] = []
    streams: dict[str, str] = {}
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] = streams.get(output.name, "") + output.text
            continue
        found += [(name, plain(streams[name])) for name in sorted(streams)]
        streams = {}
        found.append(_display(output, models))
    return [item for item in [*found, *((name, plain(streams[name])) for name in sorted(streams))] if item[1]]


def _display(output: Any, models: dict[str, str]) -> Any:
    if output.output_type == "error":
        return ("error", output.ename, plain(output.evalue), traced(output.traceback))
    data = {kind: plain(value) if isinstance(value, str) else value for kind, value in output.data.items()}
    if VIEW in data:
        data[VIEW] = {**data[VIEW], "model_id": models.get(data[VIEW]["model_id"], "?")}
    return (output.output_type, data, dict(output.metadata), output.get("execution_count"))


def traced(traceback: list[str]) -> list[str]:
    """Return the lines of code that a traceback points at, and what follows the last one."""
    lines = plain("\n".join(traceback)).splitlines()
    return [re.sub(r"^[-> ]+\d+ ", "", line).strip() for line in lines if re.match(r"-+> *\d+ ", line)]


def models(notebook: Any) -> dict[str, str]:
    """Return id → name of each widget, named by the order in which they were made."""
    state = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    return {name: f"widget {number}" for number, name in enumerate(state)}


def widgets(notebook: Any) -> Any:
    """Return the state of all widgets, ids replaced, in the order in which they were made."""
    named = models(notebook)

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            text = value.removeprefix("IPY_MODEL_")
            return f"IPY_MODEL_{named[text]}" if text in named else plain(value)
        if isinstance(value, dict):
            return {named.get(key, key): renamed(item) for key, item in value.items() if key != "msg_id"}
        return [renamed(item) for item in value] if isinstance(value, list) else value

    return renamed(notebook.metadata.get("widgets", {}).get(WIDGETS, {}))
