"""`%mlops` in a real kernel, as a person uses it: tag, run in the kernel, run the pipeline, bring values back."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

CELLS = [
    "%load_ext nbprod",
    "%%mlops parameters\nn = 4  # how many",
    "%%mlops stage load\nvalues = list(range(n))",
    "%%mlops stage total\ntotal = sum(values)\ntotal",
    "%mlops check",
    "%mlops run -p n=5",
    "%mlops pull total",
    "print('pulled', total)",
    "%mlops show",
    "%mlops graph",
]


def outputs(cell) -> str:
    found = []
    for output in cell.outputs:
        found.append(output.get("text", ""))
        found.extend(str(text) for text in output.get("data", {}).values())
        found.append("\n".join(output.get("traceback", ())))
    return "\n".join(found)


def execute(path: Path, cells: list[str], monkeypatch, **options) -> list:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(notebook, path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    monkeypatch.setenv("IPYTHONDIR", str(path.parent / ".ipython"))
    client = NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}, **options
    )
    return client.execute().cells


def test_the_whole_way_in_a_notebook(project, monkeypatch):
    cells = execute(project / "work.ipynb", CELLS, monkeypatch)
    assert outputs(cells[3]).strip() == "6"
    assert "readiness" in outputs(cells[4])
    assert "succeeded" in outputs(cells[5])
    assert "pulled 10" in outputs(cells[7])
    assert "total" in outputs(cells[8])
    assert "<svg" in outputs(cells[9])


def test_unsaved_work_is_refused(project, monkeypatch):
    path = project / "work.ipynb"
    cells = ["%load_ext nbprod", "%%mlops stage load\nvalue = 1", "%mlops run", "%mlops run --stale"]
    old = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in [*cells[:1], "%%mlops stage load\nvalue = 0"]]
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(old, path)
    os.utime(path, (1, 1))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    monkeypatch.setenv("IPYTHONDIR", str(project / ".ipython"))
    client = NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(project)}}
    )
    done = client.execute().cells
    assert "save first" in outputs(done[2])
    assert "site-packages" not in outputs(done[2])
    assert "succeeded" in outputs(done[3])
