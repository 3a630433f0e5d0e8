"""`papermill --engine nbprod` keeps papermill's whole contract: what its own engine leaves, ours leaves."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import time
from typing import Any

import nbformat
import papermill
import pytest
from engines_compared import models, shown, widgets
from nbclient.exceptions import DeadKernelError

OWN, OURS = "nbclient", "nbprod"


def code(source: str, *tags: str) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


def notebook(*cells: Any) -> Any:
    made = [cell if not isinstance(cell, str) else code(cell) for cell in cells]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    found = nbformat.v4.new_notebook(cells=made, metadata=metadata)
    for number, cell in enumerate(found.cells):
        cell.id = f"c{number}"
    return found


def run(engine: str, source: Any, folder: Any, **options: Any) -> tuple[Any, BaseException | None]:
    """Execute through papermill; returns the notebook as it is on disk (widgets in order), and what was raised."""
    (folder / engine).mkdir()
    given, output = folder / engine / "job.ipynb", folder / engine / "out.ipynb"
    nbformat.write(source, given)
    raised = executed = None
    try:
        executed = papermill.execute_notebook(
            str(given), str(output), engine_name=engine, progress_bar=False, **options
        )
    except Exception as error:
        raised = error
    found = nbformat.read(output, 4)
    nbformat.validate(found)
    if executed is not None and "widgets" in executed.metadata:
        assert found.metadata.widgets == executed.metadata.widgets
        found.metadata.widgets = executed.metadata.widgets
    return found, raised


def about(found: Any) -> Any:
    """Return all that papermill says, without times."""
    text = json.dumps([found.metadata, [[cell.cell_type, cell.source, cell.metadata] for cell in found.cells]])
    text = re.sub(r'"(start_time|end_time|duration)": ("[^"]*"|[\d.e-]+)', r'"\1": "some"', text)
    text = re.sub(r'"[\d-]+T[\d:.]+Z"', '"time"', text)
    text = re.sub(rf"/({OWN}|{OURS})/", "/…/", text)
    loaded = json.loads(text)
    loaded[0].pop("widgets", None)
    return loaded


def same(source: Any, folder: Any, **options: Any) -> tuple[Any, BaseException | None]:
    """Execute through both engines and compare all there is; returns what ours left."""
    (theirs, their_error), (mine, my_error) = (run(engine, source, folder, **options) for engine in (OWN, OURS))
    assert [shown(cell, models(mine)) for cell in mine.cells if cell.cell_type == "code"] == [
        shown(cell, models(theirs)) for cell in theirs.cells if cell.cell_type == "code"
    ]
    assert about(mine) == about(theirs)
    assert widgets(mine) == widgets(theirs)
    assert type(my_error) is type(their_error)
    return mine, my_error


def test_all_goes_well(tmp_path):
    mine, error = same(
        notebook(
            nbformat.v4.new_markdown_cell("# title"),
            code("n = 1", "parameters"),
            "",
            code("1 / 0", "skip-execution"),
            "print('n is', n); n",
            "h = display('first', display_id='d')",
            "h.update('second')\nimport sys; print('err', file=sys.stderr)",
            "import ipywidgets as w\nout = w.Output()\nwith out: print('taken')\nw.IntSlider(3)",
            nbformat.v4.new_markdown_cell("the end"),
        ),
        tmp_path,
        parameters={"n": 21},
    )
    assert error is None
    assert mine.cells[6].outputs[0].data["text/plain"] == "'second'"
    assert mine.metadata.language_info.name == "python"


def test_a_cell_fails(tmp_path):
    mine, error = same(
        notebook("x = 5", "print('before')\ndef f():\n    return x / 0\nf()", "print('never')"), tmp_path
    )
    assert isinstance(error, papermill.PapermillExecutionError)
    assert (error.ename, error.exec_count, error.cell_index) == ("ZeroDivisionError", 2, 1)
    assert mine.cells[0].metadata.tags == ["papermill-error-cell-tag"]
    assert "ipynb cell 2, line 4" in str(error)


def test_a_cell_may_fail(tmp_path):
    _, error = same(notebook(code("1 / 0", "raises-exception"), "print('on')"), tmp_path)
    assert isinstance(error, papermill.PapermillExecutionError), "papermill judges so, whatever the tag says"


@pytest.mark.parametrize(("source", "fails"), [("import sys\nsys.exit(0)", False), ("import sys\nsys.exit(3)", True)])
def test_a_cell_exits(tmp_path, source, fails):
    mine, error = run(OURS, notebook(source, "print('never')"), tmp_path)
    assert (error is not None) is fails
    assert mine.cells[-1].outputs == []


@pytest.mark.slow
def test_a_cell_exits_as_in_papermill_itself(tmp_path):
    source = notebook("import warnings\nwarnings.simplefilter('ignore')", "import sys\nsys.exit(3)", "print('never')")
    _, error = same(source, tmp_path)
    assert (error.ename, error.evalue) == ("SystemExit", "3")


@pytest.mark.slow
def test_a_cell_takes_too_long(tmp_path):
    source = notebook("print('go')", "import time\nprint('begins', flush=True)\ntime.sleep(60)")
    (_, their_error), (mine, my_error) = (run(engine, source, tmp_path, execution_timeout=1) for engine in (OWN, OURS))
    assert type(my_error) is type(their_error)
    assert "timed out" in str(my_error)
    assert [cell.outputs[0].text for cell in mine.cells] == ["go\n", "begins\n"]
    assert mine.cells[1].metadata.papermill.status == "failed"


@pytest.mark.slow
def test_the_process_dies(tmp_path):
    source = notebook("import os, signal\nprint('last words', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    mine, error = run(OURS, source, tmp_path)  # papermill's own engine hangs here now and then
    assert isinstance(error, DeadKernelError)
    assert mine.cells[0].outputs[0].text == "last words\n"


def test_log_and_files(tmp_path, caplog):
    caplog.set_level(logging.INFO, "papermill")
    out, err = io.StringIO(), io.StringIO()
    source = notebook("import sys\nprint('to log'); print('bad', file=sys.stderr)\n1 + 1")
    run(OURS, source, tmp_path, log_output=True, stdout_file=out, stderr_file=err)
    assert (out.getvalue(), err.getvalue()) == ("to log\n", "bad\n")
    told = [(record.levelname, record.getMessage().strip("-\n")) for record in caplog.records]
    assert [item for item in told if "Notebook" not in item[1]] == [
        ("INFO", "Executing Cell 1"),
        ("INFO", "to log"),
        ("WARNING", "bad"),
        ("INFO", "2"),
        ("INFO", "Ending Cell 1"),
    ]


def test_no_such_kernel(tmp_path):
    from jupyter_client.kernelspec import NoSuchKernel

    _, error = run(OURS, notebook("1"), tmp_path, kernel_name="no-such-kernel")
    assert isinstance(error, NoSuchKernel)


def test_the_progress_bar_counts_all_cells(tmp_path, capfd):
    nbformat.write(
        notebook("1", nbformat.v4.new_markdown_cell("m"), "2  # papermill_description=two"), tmp_path / "a.ipynb"
    )
    papermill.execute_notebook(str(tmp_path / "a.ipynb"), None, engine_name=OURS)
    assert "3/3" in capfd.readouterr().err


@pytest.mark.slow
def test_a_notebook_that_is_killed_has_what_was_shown(tmp_path):
    """Checkpoints: the cell that is running, and what it printed, are on disk a second later."""
    nbformat.write(
        notebook("print('one')", "import time\nprint('two', flush=True)\ntime.sleep(600)"), tmp_path / "a.ipynb"
    )
    command = [sys.executable, "-m", "papermill", "a.ipynb", "b.ipynb", "--engine", OURS, "--no-progress-bar"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    found: Any = None
    try:
        while time.monotonic() < deadline:
            time.sleep(0.1)  # polls a file that another process writes
            try:
                found = nbformat.read(tmp_path / "b.ipynb", 4)
            except (OSError, ValueError):
                continue
            if found.cells[1].metadata.papermill.status == "running" and found.cells[1].outputs:
                break
    finally:
        process.kill()
        process.wait()
    assert found.cells[0].metadata.papermill.status == "completed"
    assert [cell.outputs[0].text for cell in found.cells] == ["one\n", "two\n"]
