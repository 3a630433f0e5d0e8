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
