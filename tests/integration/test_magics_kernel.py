"""`%mlops` in a real kernel, as a person uses it: tag, run in the kernel, run the pipeline, bring values back."""

from __future__ import annotations

import os

import nbformat
from kernel_notebook import execute, shown
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


def test_the_whole_way_in_a_notebook(project, monkeypatch):
    notebook, _ = execute(project / "work.ipynb", CELLS, monkeypatch)
    cells = notebook.cells
    assert shown(cells[3]).strip() == "6"
    assert "readiness" in shown(cells[4])
    assert "succeeded" in shown(cells[5])
    assert "pulled 10" in shown(cells[7])
    assert "total" in shown(cells[8])
    assert "<svg" in shown(cells[9])


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
    assert "save first" in shown(done[2])
    assert "site-packages" not in shown(done[2])
    assert "succeeded" in shown(done[3])
