"""`extract`, `verify`, interpreters of other environments, `papermill --engine nbprod`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nbprod import analysis, execution, notebooks
from nbprod.core.errors import BoundaryError, PlanError, UnavailableError
from nbprod.core.run import RunOptions, RunStatus
from nbprod.execution import zygotes
from nbprod.store import history

CELLS = (
    ("parameters", "n = 2\nname = 'a'"),
    ("setup", "class Box:\n    def __init__(self, v):\n        self.v = v"),
    ("stage:make", "boxes = [Box(i) for i in range(n)]"),
    ("stage:use", "total = sum(box.v for box in boxes)\nprint('total', total, name)"),
)


def papermill(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "papermill", *arguments, "--no-progress-bar"]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=env, check=False)


def test_extracted_jobs_run_under_plain_papermill_without_nbprod(bench, tmp_path):
    bench.cells(*CELLS)
    out = tmp_path / "jobs"
    found = execution.extract(bench.pipeline, bench.project, out)
    assert [path.name for path in found] == ["01-make.ipynb", "02-use.ipynb"]
    for path in found:
        nbformat.validate(nbformat.read(path, 4))
    assert {"run.sh", "README.md", "nbprod_worker", "data"} <= {path.name for path in out.iterdir()}
    hidden = tmp_path / "site"
    hidden.mkdir()
    (hidden / "nbprod.py").write_text("raise ImportError('nbprod is not here')\n")
    folder = tmp_path / "jupyter" / "kernels" / "bare"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "language": "python", "display_name": "bare", "env": {"PYTHONPATH": str(hidden)}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    env = {**os.environ, "JUPYTER_PATH": str(tmp_path / "jupyter")}
    for at, path in enumerate(found):
        output = str(tmp_path / f"{at}.ipynb")
        done = papermill(str(path), output, "-k", "bare", "-p", "n", "5", cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
    assert "total 10 a" in (tmp_path / "1.ipynb").read_text()


def test_extract_refuses_what_cannot_cross(bench, tmp_path):
    bench.cells(("stage:open", "numbers = (i for i in range(5))"), ("stage:read", "found = list(numbers)"))
    assert bench.run().status is RunStatus.SUCCEEDED
    with pytest.raises(BoundaryError, match="numbers") as refused:
        execution.extract(bench.pipeline, bench.project, tmp_path / "jobs")
    assert refused.value.where.cell == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.ipynb").touch()
    bench.cells("x = 1")
    with pytest.raises(PlanError, match=r"mine\.ipynb"):
        execution.extract(bench.pipeline, bench.project, tmp_path / "other")


@pytest.mark.slow
def test_papermill_with_our_engine(tmp_path, make_notebook):
    job = make_notebook(tmp_path / "job.ipynb", [("parameters", "n = 1"), "print('n is', n)", "2 * n"])
    done = papermill(str(job), "out.ipynb", "-p", "n", "21", "--engine", "nbprod", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / "out.ipynb", 4)
    nbformat.validate(executed)
    assert executed.cells[2].outputs[0].text == "n is 21\n"
    assert executed.cells[3].outputs[0].data["text/plain"] == "42"
    bad = make_notebook(tmp_path / "bad.ipynb", ["1 / 0"])
    done = papermill(str(bad), "out.ipynb", "--engine", "nbprod", cwd=tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.slow
def test_verify_equal_and_different(bench):
    (bench.root / "data.txt").write_text("3")
    bench.cells(*CELLS, ("stage:file", "seven = int(open('data.txt').read()) + 4"), "len(boxes)")
    found = execution.verify(bench.pipeline, bench.project, RunOptions(parameters={"n": 3}))
    assert found.equal, found.differences
    assert (found.compared > 8, found.displays) == (True, 1)
    assert history(bench.project) == [], "verify leaves no runs"
    # what analysis cannot see: a count of how often this very file was read by a process
    bench.cells(("stage:a", "import os\nfirst = os.getpid()"), ("stage:b", "same = os.getpid() == first"))
    other = execution.verify(bench.pipeline, bench.project, RunOptions())
    assert not other.equal
    told = {item.name: item for item in other.differences}
    assert "same" in told
    assert (told["same"].cell, told["same"].notebook.split(",")[0]) == (2, told["same"].notebook.split(",")[0])


def test_a_missing_or_foreign_kernel_is_one_sentence_with_one_command(bench, tmp_path, monkeypatch):
    bench.cells("x = 1", kernelspec={"name": "gone-kernel", "display_name": "Gone", "language": "python"})
    with pytest.raises(UnavailableError, match="gone-kernel is not installed") as missing:
        bench.run()
    assert "ipykernel install" in missing.value.hint
    folder = tmp_path / "jupyter" / "kernels" / "ir"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": ["R"], "language": "R", "display_name": "R"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    bench.cells("x = 1", kernelspec={"name": "ir", "display_name": "R", "language": "R"})
    refused = analysis.analyze([notebooks.read(bench.path, "nb.ipynb")]).errors
    assert [(item.code, item.message) for item in refused] == [
        ("NB113", "this is a notebook of R; nbprod runs Python notebooks")
    ]
    assert "jupyter kernelspec list" in refused[0].fix


@pytest.mark.slow
def test_two_environments_with_different_pandas(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    versions = {}
    for name, pandas in (("old-pandas", "pandas<2.3"), ("new-pandas", "pandas>=2.3")):
        python = tmp_path / name / "bin" / "python"
        make = [sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, str(tmp_path / name)]
        subprocess.run(make, check=True)
        install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python)]
        subprocess.run([*install, pandas, "ipython", "cloudpickle"], check=True)
        folder = tmp_path / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python", "display_name": name}))
        spec = {"name": name, "display_name": name, "language": "python"}
        cells = [
            ("stage:load", "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})"),
            ("stage:use", "version = pd.__version__\ntotal = int(df.a.sum())"),
        ]
        bench.cells(*cells, kernelspec=spec)
        run = bench.run()
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run["total"] == 3
        versions[name] = run["version"]
        assert {str(stage.status) for stage in bench.run().stages} == {"cached"}
        assert str(python) in {about["python"] for about in zygotes.processes()}
    own = {"python": str(tmp_path / "old-pandas")}
    bench.cells(("stage:here", "n = 20"), ("stage:there", "import pandas as pd\nthere, m = pd.__version__, n + 1", own))
    run = bench.run()
    assert (run["m"], run["there"]) == (21, versions["old-pandas"])
    assert tuple(map(int, versions["old-pandas"].split(".")[:2])) < (2, 3)
    assert tuple(map(int, versions["new-pandas"].split(".")[:2])) >= (2, 3)
