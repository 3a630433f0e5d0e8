"""`pip install .` from a git clone makes the front end on a machine without Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
NEEDED = ("sh", "env", "uname", "dirname", "sed")  # what npm's own scripts call

pytestmark = pytest.mark.slow


def test_the_wheel_of_a_clone_carries_the_bundle(tmp_path: Path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    archive = tmp_path / "clone.tar"
    subprocess.run(["git", "archive", "-o", str(archive), "HEAD"], cwd=TOP, check=True)
    clone = tmp_path / "clone"
    shutil.unpack_archive(archive, clone, filter="data")
    environment = {**os.environ, "PATH": str(tools)}
    assert shutil.which("node", path=environment["PATH"]) is None
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path / "out"), "."]
    made = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    (wheel,) = (tmp_path / "out").glob("nbprod-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    bundle = [name for name in names if "/share/jupyter/labextensions/nbprod/static/remoteEntry." in name]
    assert len(bundle) == 1
    assert any(name.endswith("etc/jupyter/jupyter_server_config.d/nbprod.json") for name in names)
