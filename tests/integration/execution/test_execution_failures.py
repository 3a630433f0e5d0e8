"""What goes wrong in a run: said as it is, nothing lost, resumed where it stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import nbformat
import pytest

from nbprod.core.errors import BoundaryError, StageFailed, StoreError
from nbprod.core.run import RunStatus
from nbprod.store import history


def test_a_cell_that_raises(bench, statuses):
    bench.cells(
        ("stage:load", "xs = [1]"),
        ("stage:bad", "print('before')\ny = xs[0] / 0"),
        ("stage:rest", "z = y"),
    )
    run = bench.run()
    assert run.status is RunStatus.FAILED
    assert statuses(run) == {"load": "succeeded", "bad": "failed", "rest": "skipped"}
    error = run.error
    assert isinstance(error, StageFailed)
    assert error.run is run
    assert (error.code, error.where.cell, error.where.line) == ("NB501", 2, 2)
    assert error.message == "ZeroDivisionError: division by zero"
    assert "y = xs[0] / 0" in "\n".join(error.traceback)
    executed = nbformat.read(run.stages[1].notebook, 4)
    nbformat.validate(executed)
    kinds = [output.output_type for cell in executed.cells for output in cell.outputs]
    assert kinds == ["stream", "error"]
    assert executed.metadata.papermill.exception is True
    bench.cells(("stage:load", "xs = [1]"), ("stage:bad", "y = xs[0] / 1"), ("stage:rest", "z = y"))
    assert statuses(bench.run()) == {"load": "cached", "bad": "succeeded", "rest": "succeeded"}


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("import sys\nsys.exit(0)", "NB502", "sys.exit(0)"),
        ("import os\nprint('kept', flush=True)\nos._exit(3)", "NB503", "exit code 3"),
        ("import os, signal\nprint('kept', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)", "NB503", "SIGKILL"),
    ],
)
def test_a_process_that_ends(bench, statuses, source, code, words):
    bench.cells(("stage:bad", source), ("stage:rest", "z = 1"))
    run = bench.run()
    assert (run.status, run.error.code) == (RunStatus.FAILED, code)
    assert words in run.error.message
    assert statuses(run) == {"bad": "failed", "rest": "skipped"}
    assert run.error.where.cell == 1
    if code == "NB503":
        text = nbformat.read(run.stages[0].notebook, 4)
        assert "kept" in str([cell.outputs for cell in text.cells])


def test_a_stage_that_takes_too_long_ends_with_all_it_started(bench):
    source = "import subprocess, sys\nchild = subprocess.Popen(['sleep', '600'])\n" + textwrap.dedent(
        """
        open('pid', 'w').write(str(child.pid))
        child.wait()
        """
    )
    bench.cells(("stage:slow", source, {"timeout": 3}))
    run = bench.run()
    assert (run.status, run.error.code) == (RunStatus.FAILED, "NB505")
    pid = Path(bench.root, "pid").read_text()
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_retries_begin_in_a_fresh_process(bench):
    source = textwrap.dedent(
        """
        import pathlib
        mark = pathlib.Path('.nbprod/tries')
        tries = len(mark.read_text()) if mark.exists() else 0
        mark.write_text('x' * (tries + 1))
        assert tries == 1, 'not yet'
        """
    )
    bench.cells(("stage:flaky", source, {"retries": 2}))
    run = bench.run()
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run["tries"] == 1
    assert any("attempt 2" in note for note in run.notes)


def test_a_value_that_cannot_be_stored_is_read_in_its_own_process(bench, statuses):
    cells = (
        ("stage:open", "numbers = (i * i for i in range(5))\nlimit = 3"),
        ("stage:between", "other = limit + 1"),
        ("stage:read", "squares = [v for v in numbers if v < 10]\nspare = (1 for _ in ())"),
    )
    bench.cells(*cells)
    run = bench.run()
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run["squares"] == [0, 1, 4, 9]
    assert any("spare" in note for note in run.notes)
    with pytest.raises(LookupError, match="generator"):
        run["numbers"]
    assert set(statuses(bench.run()).values()) == {"cached"}
    bench.cells(*cells[:2], ("stage:read", "squares = [v for v in numbers if v < 5]"))
    again = bench.run()
    assert again["squares"] == [0, 1, 4], again.error
    assert statuses(again) == {"open": "succeeded", "between": "cached", "read": "succeeded"}
    assert "holds numbers" in again.stages[0].reason


@pytest.mark.slow
def test_a_value_that_cannot_be_stored_does_not_cross_between_jobs(bench):
    bench.cells(("stage:open", "numbers = (i for i in range(5))"), ("stage:read", "found = list(numbers)"))
    run = bench.run(engine="papermill")
    assert run.status is RunStatus.FAILED
    assert isinstance(run.error, BoundaryError)
    assert "numbers" in run.error.message
    assert run.error.where.cell == 1


INTERRUPTED = """
import sys
from pathlib import Path
from nbprod import analysis, execution, notebooks
from nbprod.config import Project
from nbprod.core.run import RunOptions
pipeline = analysis.analyze([notebooks.read(Path('nb.ipynb'), 'nb.ipynb')])
def hear(event):
    if event.kind == 'output': print('started', flush=True)
run = execution.run(pipeline, Project.find('.'), RunOptions(), [hear])
print(str(run.status), [str(s.status) for s in run.stages], run.error.code, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_run_that_resumes(bench, statuses, number):
    slow = "import time, pathlib\nif pathlib.Path('wait').exists():\n    print('here', flush=True)\n    time.sleep(600)\ny = x"
    bench.cells(("stage:quick", "x = 1"), ("stage:slow", slow), ("stage:rest", "z = y"))
    (bench.root / "wait").touch()
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=bench.root, start_new_session=True
    ) as process:
        assert process.stdout.readline() == "started\n"
        process.send_signal(number)
        assert process.stdout.readline() == "interrupted ['succeeded', 'failed', 'skipped'] NB506\n"
    (bench.root / "wait").unlink()
    assert str(history(bench.project)[0].status) == "interrupted"
    resumed = bench.run()
    assert statuses(resumed) == {"quick": "cached", "slow": "succeeded", "rest": "succeeded"}


def test_a_run_that_was_killed_is_seen_as_interrupted(bench, statuses):
    bench.cells(("stage:slow", "import time\nprint('here', flush=True)\ntime.sleep(1 if open('go').read() else 600)"))
    (bench.root / "go").write_text("")
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=bench.root, start_new_session=True
    ) as process:
        assert process.stdout.readline() == "started\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert [str(run.status) for run in history(bench.project)] == ["interrupted"]
    (bench.root / "go").write_text("1")
    assert statuses(bench.run()) == {"slow": "succeeded"}


def test_two_runs_at_once(bench):
    bench.cells(("stage:a", "a = list(range(1000))"), ("stage:b", "b = sum(a)"))
    command = [sys.executable, "-c", INTERRUPTED.replace(", run.error.code", "")]
    made = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=bench.root) for _ in range(2)]
    texts = [process.communicate()[0] for process in made]
    assert all(text.startswith("succeeded") for text in texts), texts
    assert bench.run()["b"] == 499500


def test_a_full_disk_is_said_and_loses_nothing(bench, tmp_path, monkeypatch, statuses):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        monkeypatch.setenv("NBPROD_HOME", str(small / "home"))
        bench.cells(("stage:little", "a = 1"), ("stage:much", "b = bytes(range(256)) * 40_000"))
        run = bench.run()
        assert run.status is RunStatus.FAILED
        assert isinstance(run.error, StoreError)
        assert run.error.code == "NB601"
        bench.cells(("stage:little", "a = 1"), ("stage:much", "b = b'x'"))
        assert statuses(bench.run()) == {"little": "cached", "much": "succeeded"}
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_runs_outside_the_main_thread(bench):
    bench.cells(("stage:a", "a = 1"))
    found = []
    thread = threading.Thread(target=lambda: found.append(bench.run().status))
    thread.start()
    thread.join()
    assert found == [RunStatus.SUCCEEDED]


def test_a_change_that_no_code_shows_ends_its_stage(bench, statuses):
    hidden = [("setup", "class A:\n    n = 0\nclass B(A):\n    pass"), ("stage:a", "B.__mro__[1].n = 5")]
    bench.cells(*hidden, ("stage:b", "seen = A.n"))
    run = bench.run()
    assert statuses(run) == {"a": "failed", "b": "skipped"}
    assert isinstance(run.error, BoundaryError)
    assert (run.error.code, run.error.hint) == ("NB412", "add the line A = A after it: the value then crosses")
    bench.cells(hidden[0], ("stage:a", "B.__mro__[1].n = 5\nA = A"), ("stage:b", "seen = A.n"))
    assert bench.run()["seen"] == 5
