"""What a user can do wrong, through the command line: a clear message, the right exit code, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

NBPROD = [sys.executable, "-m", "nbprod"]
GOOD = [("stage:load", "x = 1"), ("stage:use", "y = x + 1")]


def nbprod(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "NO_COLOR": "1", **environment}
    return subprocess.run([*NBPROD, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def answer(*arguments: str, cwd: Path, **environment: str) -> tuple[int, dict, str]:
    done = nbprod(*arguments, "--json", cwd=cwd, **environment)
    ours = [line for line in done.stderr.splitlines() if line.lstrip().startswith("File ") and "/nbprod/" in line]
    assert not ours, done.stderr  # no traceback of ours
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("this is not JSON", "NB002"),
        ('{"hello": "world"}', "NB003"),
        ("", "NB002"),
        ('{"cells": [], "metadata": {}, "nbformat": 7, "nbformat_minor": 0}', "NB004"),
    ],
)
def test_not_a_notebook(project, content, code):
    (project / "a.ipynb").write_text(content)
    status, found, _ = answer("run", "a.ipynb", cwd=project)
    assert status == 1
    assert found["error"]["code"].startswith("NB00"), code
    assert found["error"]["hint"]


def test_nbformat_3_is_upgraded(project):
    cell = {
        "cell_type": "code",
        "input": "x = 41 + 1",
        "language": "python",
        "outputs": [],
        "metadata": {},
        "collapsed": False,
    }
    old = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": [cell], "metadata": {}}],
    }
    (project / "old.ipynb").write_text(json.dumps(old))
    status, found, _ = answer("run", "old.ipynb", cwd=project)
    assert status == 0, found
    assert found["stages"][0]["outputs"] == ["x"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([], "no code"),
        ([("md", "# only words")], "no code"),
        ([("stage:a", "x = = 1")], "cell 1"),
        ([("stage:a", "%frobnicate now")], "frobnicate"),
        ([("stage:9lives", "x = 1")], "9lives"),
        ([("stage:setup", "x = 1")], "setup"),
        ([("stage:a", "x = 1"), ("stage:b", "y = x"), ("stage:a", "z = y")], "cell"),
        ([("stage:a", "y = nowhere + 1")], "nowhere"),
        ([("stage:a", "name = input('name? ')")], "input"),
        ([("parameters", "n = 1"), ("parameters", "m = 1"), ("stage:a", "x = n + m")], "parameters"),
    ],
)
def test_refused_before_anything_ran(project, make_notebook, cells, words):
    make_notebook(project / "a.ipynb", cells)
    status, found, text = answer("run", "a.ipynb", cwd=project)
    assert status == 1
    assert words in found["error"]["message"] + text
    assert not list((project / ".nbprod").glob("runs/*"))


def test_unknown_parameter_lists_the_known(project, make_notebook):
    make_notebook(project / "a.ipynb", [("parameters", "n = 1"), ("stage:a", "x = n")])
    status, found, _ = answer("run", "a.ipynb", "-p", "m=2", cwd=project)
    assert status != 0
    assert "n" in found["error"]["hint"]
    status, found, _ = answer("run", "a.ipynb", "-p", "n=many", cwd=project)
    assert status != 0
    assert "int" in found["error"]["message"] + found["error"]["hint"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("a = 1\nraise KeyError('gone')", "KeyError"),
        ("import sys\nsys.exit()", "exit"),
        ("import os\nos._exit(3)", "3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ],
)
def test_failing_cell(project, make_notebook, source, words):
    make_notebook(
        project / "a.ipynb", [("stage:load", "x = 1"), ("stage:use", f"y = x\n{source}"), ("stage:rest", "z = y")]
    )
    status, found, text = answer("run", "a.ipynb", cwd=project)
    assert status == 1
    assert found["status"] == "failed"
    assert [stage["status"] for stage in found["stages"]] == ["succeeded", "failed", "skipped"]
    assert words in found["error"]["message"] + text
    assert found["error"]["where"]["cell"] == 2


def test_failing_cell_shows_the_users_traceback_only(project, make_notebook):
    make_notebook(project / "a.ipynb", [("stage:use", "def f(v):\n    return v['k']\nf({})")])
    done = nbprod("run", "a.ipynb", cwd=project)
    assert done.returncode == 1
    text = done.stdout + done.stderr
    assert "KeyError: 'k'" in text
    assert "return v['k']" in text
    assert "executed notebook" in text
    assert "site-packages" not in text


def test_unstorable_value_crosses_in_one_process(project, make_notebook):
    make_notebook(
        project / "a.ipynb", [("stage:make", "g = (n * n for n in range(4))"), ("stage:use", "total = sum(g)")]
    )
    status, found, _ = answer("run", "a.ipynb", cwd=project)
    assert status == 0
    status, found, _ = answer("run", "a.ipynb", "--engine", "papermill", "--force", cwd=project)
    assert status == 1
    assert "g" in found["error"]["message"]
    assert found["error"]["hint"]


def test_missing_kernel(project, make_notebook):
    kernel = {"kernelspec": {"name": "nowhere-kernel", "display_name": "Nowhere", "language": "python"}}
    make_notebook(project / "a.ipynb", GOOD, **kernel)
    status, found, _ = answer("run", "a.ipynb", cwd=project)
    assert status == 3
    assert "nowhere-kernel" in found["error"]["message"]


def test_kernel_of_another_language(project, make_notebook, tmp_path):
    spec = tmp_path / "share" / "kernels" / "ir" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["R"], "display_name": "R", "language": "R"}))
    kernel = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "language_info": {"name": "R"}}
    make_notebook(project / "a.ipynb", GOOD, **kernel)
    status, found, _ = answer("run", "a.ipynb", cwd=project, JUPYTER_PATH=str(tmp_path / "share"))
    assert status in (1, 3)
    assert "Python" in found["error"]["message"] + str(found["error"]["hint"])


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_read_only_folder(project, make_notebook, tmp_path):
    make_notebook(project / "a.ipynb", GOOD)
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    project.chmod(0o555)
    try:
        status, found, _ = answer("run", "a.ipynb", cwd=project, XDG_CACHE_HOME=str(tmp_path / "cache"))
    finally:
        project.chmod(0o755)
    assert status == 0, found


def stop_all(folder: Path, home: str) -> None:
    """End the publisher, which would keep the file system busy, and wait until it is gone."""
    nbprod("stop", "--all", cwd=folder, NBPROD_HOME=home)
    deadline = time.monotonic() + 30
    while json.loads(nbprod("ps", "--json", cwd=folder, NBPROD_HOME=home).stdout)["processes"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None,
    reason="needs root to mount a tmpfs",
)
def test_read_only_and_full_file_systems(project, make_notebook, tmp_path):
    make_notebook(project / "a.ipynb", GOOD)
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let tests mount")
    try:
        big = [("stage:load", "x = bytearray(8_000_000)"), ("stage:use", "y = len(x)")]
        make_notebook(project / "big.ipynb", big)
        status, found, _ = answer("run", "big.ipynb", cwd=project, NBPROD_HOME=str(small / "home"))
        assert status == 1
        assert "space" in found["error"]["message"]
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        status, found, _ = answer("run", "big.ipynb", cwd=project, NBPROD_HOME=str(small / "home"))
        assert status == 0, found
        shutil.copytree(project, small / "p")
        stop_all(project, str(small / "home"))
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        status, found, _ = answer("run", "a.ipynb", cwd=small / "p", XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert status == 0, found
    finally:
        stop_all(project, str(small / "home"))
        subprocess.run(["umount", str(small)], check=True)


def test_two_runs_at_once(project, make_notebook):
    make_notebook(
        project / "a.ipynb", [("stage:load", "import time\ntime.sleep(1)\nx = 1"), ("stage:use", "y = x + 1")]
    )
    command = [*NBPROD, "run", "a.ipynb", "--json"]
    both = [subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [json.loads(one.communicate()[0]) for one in both]
    assert [item["status"] for item in found] == ["succeeded", "succeeded"]
    assert found[0]["run"] != found[1]["run"]


def test_interrupt_and_resume(project, make_notebook):
    mark = project / "began"
    cells = [
        ("stage:load", "x = 1"),
        ("stage:wait", f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(60 if x else 0)\ny = x"),
    ]
    make_notebook(project / "a.ipynb", cells)
    one = subprocess.Popen([*NBPROD, "run", "a.ipynb", "--json"], cwd=project, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    one.send_signal(signal.SIGINT)
    out, _ = one.communicate(timeout=60)
    assert one.returncode == 130
    assert json.loads(out)["status"] == "interrupted"
    make_notebook(project / "a.ipynb", [cells[0], ("stage:wait", "y = x")])
    status, found, _ = answer("run", "a.ipynb", cwd=project)
    assert status == 0
    assert [stage["status"] for stage in found["stages"]] == ["cached", "succeeded"]
