"""The fork server of the test-suite runs stages as the real thing does."""

from __future__ import annotations

import pytest

import nbprod


def test_a_pipeline_in_forked_workers(project, make_notebook, forked_stages):
    make_notebook(
        project / "a.ipynb",
        [
            "import numpy as np",
            ("stage:a", "x = [1, 2]\ny = x"),
            ("stage:b", "x.append(3)\nprint('hello')"),
        ],
    )
    run = nbprod.run("a.ipynb")
    assert run.status == "succeeded"
    assert run["y"] == [1, 2, 3]
    again = nbprod.run("a.ipynb")
    assert {stage.status for stage in again.stages} == {"cached"}


def test_a_worker_that_dies_is_a_failed_stage(project, make_notebook, forked_stages):
    make_notebook(project / "a.ipynb", [("stage:a", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")])
    with pytest.raises(nbprod.StageFailed, match="SIGKILL"):
        nbprod.run("a.ipynb")


def test_a_variable_that_an_earlier_stage_set_does_not_wake_its_reader(project, make_notebook, forked_stages):
    cells = [("stage:a", "import os\nos.environ['SEEN'] = 'a'"), ("stage:b", "seen = os.environ['SEEN']")]
    make_notebook(project / "a.ipynb", cells)
    assert nbprod.run("a.ipynb")["seen"] == "a"
    assert {stage.status for stage in nbprod.run("a.ipynb").stages} == {"cached"}
    make_notebook(project / "a.ipynb", [("stage:a", "import os\nos.environ['SEEN'] = 'b'"), cells[1]])
    assert nbprod.run("a.ipynb")["seen"] == "b"


def test_a_file_that_two_stages_write_through_one_handle(project, make_notebook, forked_stages):
    make_notebook(
        project / "a.ipynb",
        [
            ("stage:a", "f = open('kept.txt', 'w')\nf.write('a')"),
            ("stage:b", "f.write('b')\nf.close()"),
            ("stage:c", "text = open('kept.txt').read()"),
        ],
    )
    assert nbprod.run("a.ipynb")["text"] == "ab"
    (project / "kept.txt").unlink()
    again = nbprod.run("a.ipynb")
    assert {stage.status for stage in again.stages} == {"cached"}
    assert (project / "kept.txt").read_text() == "ab"


def test_a_window_on_memory_is_not_a_copy(project, make_notebook, forked_stages):
    cells = [("stage:a", "b = bytearray(b'abc')\nm = memoryview(b)[1:]"), ("stage:b", "m[0] = 122\nout = bytes(b)")]
    make_notebook(project / "a.ipynb", cells)
    assert nbprod.run("a.ipynb")["out"] == b"azc"
