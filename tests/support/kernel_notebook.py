"""Notebooks executed in a real kernel, what they showed meanwhile, and their export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WIDGET = "application/vnd.jupyter.widget-view+json"


class Watching(NotebookClient):
    """Remembers each HTML that was drawn, also what was drawn over later."""

    drawn: list[str]

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.drawn.append(str(msg["content"]["data"].get("text/html", "")))
        return super().process_message(msg, cell, cell_index)


def execute(path: Path, cells: Sequence[str], monkeypatch: Any, **options: Any) -> tuple[Any, list[str]]:
    """Write cells as a notebook, execute and save it; returns it as it was saved, and all HTML that was drawn."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(notebook, path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    monkeypatch.setenv("IPYTHONDIR", str(path.parent / ".ipython"))
    client = Watching(notebook, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}, **options)
    client.drawn = []
    client.execute()
    nbformat.write(notebook, path)
    return nbformat.read(path, as_version=4), client.drawn


def shown(cell: Any) -> str:
    """Return all that a cell displays, printed text and errors as well."""
    found = []
    for output in cell.outputs:
        found.append(output.get("text", ""))
        found.extend(str(text) for text in output.get("data", {}).values())
        found.append("\n".join(output.get("traceback", ())))
    return "\n".join(found)


def html(cell: Any) -> list[str]:
    """Return the HTML that a cell displays."""
    return [output["data"]["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]


def exported(notebook: Any, **options: Any) -> str:
    """Return a notebook as `jupyter nbconvert --to html` makes it."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(**options).from_notebook_node(notebook)
    return str(body)
