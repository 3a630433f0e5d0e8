"""A disk that is full at one point of a run or another: a clear error, a store that is whole, a next run that ends well."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nbprod import api
from nbprod.store.ledger import Ledger

KB = 1024
CELLS = [
    ("stage:load", "import numpy as np\nx = np.arange(60_000)"),
    ("stage:write", "from pathlib import Path\nPath('big.txt').write_text('row\\n' * 60_000)\ny = x + 1"),
    ("stage:show", "print('line\\n' * 60_000)\ntotal = int(y.sum())"),
    ("stage:fit", "rows = [{'age': 30}]\nweight = 2\ntable = bytes(range(256)) * 1500"),
    ("serve", "def predict(row: dict):\n    return row['age'] * weight + len(table)"),
]
"""Wants about 480 kB for values, 240 kB for a file, 480 kB for values, 300 kB for a notebook, 400 kB twice for a model."""


@pytest.fixture
def disk(tmp_path):
    """A small disk."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let tests mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def run(project: Path, home: Path) -> tuple[int, dict]:
    command = [sys.executable, "-m", "nbprod", "run", "a.ipynb", "--json"]
    environment = {**os.environ, "NBPROD_HOME": str(home), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def filled(disk: Path, free: int) -> Path:
    """Leave so many bytes of a disk free."""
    filler = disk / "filler"
    status = os.statvfs(disk)
    filler.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - free)))
    return filler


def whole(project: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is as it should be."""
    monkeypatch.setenv("NBPROD_HOME", str(home))
    if (home / "ledger.sqlite").exists():
        with Ledger(home):
            pass
        with sqlite3.connect(home / "ledger.sqlite") as link:
            assert link.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        link.close()
        found = api.store_verify(project)
        assert (found["damaged"], found["missing"]) == ([], [])
        assert all(str(run.status) != "running" for run in api.history(project))
    for file in [*home.glob("runs/*/*.ipynb"), *home.glob("runs/*/run.json")]:
        json.loads(file.read_text())


def told(project: Path, disk: Path, free: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run with so little space, then with enough; returns how the first one ended."""
    home = disk / "home"
    filler = filled(disk, free)
    code, found = run(project, home)
    if code:
        error = found["error"]
        assert (code, error["code"]) == (1, "NB601"), error
        assert "no space" in error["message"]
        assert "free some space" in error["hint"]
    filler.unlink()
    whole(project, home, monkeypatch)
    again, found = run(project, home)
    assert (again, found["status"], found["model"] is None) == (0, "succeeded", False), found
    whole(project, home, monkeypatch)
    assert (project / "big.txt").stat().st_size == 240_000
    assert not list(home.rglob(".new-*"))
    shutil.rmtree(home)
    return "succeeded" if code == 0 else error["message"]


def test_a_full_disk_is_told(project, make_notebook, disk, monkeypatch):
    make_notebook(project / "a.ipynb", CELLS)
    for free in (64 * KB, 1500 * KB):
        assert told(project, disk, free, monkeypatch) != "succeeded"


@pytest.mark.slow
def test_a_disk_full_at_any_point(project, make_notebook, disk, monkeypatch):
    make_notebook(project / "a.ipynb", CELLS)
    ends = {free: told(project, disk, free * KB, monkeypatch) for free in range(0, 3600, 120)}
    print(json.dumps(ends, indent=1))
    assert any("buffers" in end for end in ends.values())
    assert ends[0] != "succeeded"
    assert ends[3480] == "succeeded"
