"""Stages as notebooks that plain papermill runs in a kernel of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from nbprod import worker
from nbprod.worker.formats import EMPTY

PREPARE = "import sys\nsys.path.insert(0, {folder!r})\nfrom nbprod_worker.job import begin, end\nbegin(globals(), {spec}, root={root!r})"


@pytest.fixture
def job(tmp_path):
    """Make jobs in a folder that holds all they need, and run them."""
    papermill = pytest.importorskip("papermill")
    shutil.copytree(
        Path(worker.__file__).parent, tmp_path / "nbprod_worker", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "work").mkdir()

    def run(name, *cells, **more):
        spec = {
            **EMPTY,
            "run": "8c21aa00",
            "notebook": "work/churn.ipynb",
            "stage": name,
            "buffers": "data/buffers",
            "manifest": f"data/{name}.json",
            "cwd": "work",
            **more,
        }
        begin = PREPARE.format(folder=str(tmp_path), spec=spec, root=str(tmp_path))
        sources = [*cells[:-1], begin, cells[-1], "end()"]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.cells[0].metadata["tags"] = ["parameters"]
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = tmp_path / f"{name}.ipynb"
        nbformat.write(notebook, path)
        out = tmp_path / f"{name}.out.ipynb"
        done = papermill.execute_notebook(path, out, parameters={"n": 3}, progress_bar=False, cwd=str(tmp_path))
        manifest = tmp_path / "data" / f"{name}.json"
        return done, json.loads(manifest.read_text()) if manifest.exists() else None

    return run


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # papermill and the kernel client have their own
def test_values_pass_from_job_to_job(job, tmp_path):
    (tmp_path / "work" / "in.txt").write_text("hello")
    _, manifest = job("load", "n = 1", "def twice(x):\n    return 2 * x", "text = open('in.txt').read()\nrows = [n, twice(n)]\nf = twice",
                      references=["twice"], outputs=["text", "rows", "f"], metrics=["n"])  # fmt: skip
    assert sorted(name for group in manifest["groups"] for name in group["names"]) == ["f", "rows", "text"]
    assert list(manifest["observed"]["files_read"]) == ["in.txt"]
    assert manifest["observed"]["volatile"] == []
    assert manifest["metrics"] == {"n": 3}
    inputs = [{"stage": "load", "manifest": "data/load.json", "names": ["text", "rows", "f"]}]
    done, manifest = job(
        "train", "n = 1", "def twice(x):\n    return 2 * x", "print(text, rows, f is twice)", inputs=inputs
    )
    assert done.cells[-2].outputs[0]["text"] == "hello [3, 6] True\n"
    assert manifest["unchanged"] == ["f", "rows", "text"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # as above
def test_a_missing_value_is_said_plainly(job, tmp_path):
    from papermill.exceptions import PapermillExecutionError

    with pytest.raises(PapermillExecutionError) as caught:
        job("train", "n = 1", "x", inputs=[{"stage": "load", "manifest": "data/no.json", "names": ["x"]}])
    assert caught.value.ename == "JobFailed"
    assert "cannot be read" in caught.value.evalue
    assert "stage.py" not in "".join(caught.value.traceback)
