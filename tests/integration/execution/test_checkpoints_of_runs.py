"""A driver that is killed leaves the notebook of the stage that ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

CELL = "print('so far', flush=True)\nimport time\ntime.sleep(600)"


@pytest.mark.slow
def test_a_killed_driver_leaves_what_was_shown(project, make_notebook):
    make_notebook(project / "a.ipynb", [("stage:a", "print('before')"), ("stage:a", CELL)])
    command = [sys.executable, "-m", "nbprod", "run", "a.ipynb"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    deadline = time.monotonic() + 60
    shown: list[list[str]] = []
    try:
        while shown != [["before\n"], ["so far\n"]] and time.monotonic() < deadline:
            time.sleep(0.1)  # polls a file that another process writes
            for file in project.glob(".nbprod/runs/*/a.ipynb"):
                cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
                shown = [["".join(output["text"]) for output in cell["outputs"]] for cell in cells]
    finally:
        process.kill()
        process.wait()
    assert shown == [["before\n"], ["so far\n"]]
