"""Binder: repo2docker takes what `binder/` says, its steps run with pip alone, the demonstration fits its memory."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lab
import memory
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).parents[2]
BINDER = TOP / "binder"
DEMO = "example-notebooks/churn.ipynb"


def test_repo2docker_takes_it():
    tool = shutil.which("repo2docker") or str(Path(sys.executable).with_name("repo2docker"))
    if not Path(tool).exists():
        pytest.skip("repo2docker is not installed")
    told = subprocess.run([tool, "--no-build", "--debug", str(TOP)], capture_output=True, text=True, check=False)
    said = told.stdout + told.stderr
    assert told.returncode == 0, said
    python = re.search(r"python=(\S+)", (BINDER / "environment.yml").read_text())
    assert python, "repo2docker's own default would change under us"
    assert f"python={python[1]}" in said
    assert "binder/environment.yml" in said
    assert "binder/postBuild" in said


def test_a_step_that_fails_ends_the_build():
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[2] == "set -euo pipefail"


@dataclass
class Image:
    """What Binder would have built: the repository, a Python with nbprod, and what the steps printed."""

    repository: Path
    environment: Path
    printed: str

    @property
    def python(self) -> str:
        return str(self.environment / "bin" / "python")

    @property
    def path(self) -> str:
        return f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The steps of `binder/postBuild`, run in a fresh environment on a clean copy of what is committed."""
    folder = tmp_path_factory.mktemp("binder")
    found = Image(folder / "repository", folder / "environment", "")
    committed = subprocess.run(["git", "archive", "HEAD"], cwd=TOP, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(committed.stdout)) as archive:
        archive.extractall(found.repository, filter="data")
    (found.repository / ".git").mkdir()  # Binder's copy is a clone
    subprocess.run([sys.executable, "-m", "venv", str(found.environment)], check=True)
    left_out = ("JUPYTER", "PYTHON", "VIRTUAL_ENV")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    steps = subprocess.run(
        [str(found.repository / "binder" / "postBuild")],
        cwd=found.repository,
        env={**ours, "PATH": found.path, "JUPYTER_CONFIG_DIR": str(folder / "config")},
        capture_output=True,
        text=True,
        check=False,
    )
    found.printed = steps.stdout + steps.stderr
    assert steps.returncode == 0, found.printed[-6000:]
    yield found
    shutil.rmtree(folder)  # more than a gigabyte


@pytest.mark.slow
def test_its_steps_install_both_extensions_with_pip_alone(image):
    assert re.search(r"nbprod v\S+ .*enabled.*OK", image.printed)
    assert re.search(r"nbprod\.interfaces\.server .*enabled", image.printed)
    assert re.search(r"nbprod\.interfaces\.server .*OK", image.printed)
    served = image.environment / "share" / "jupyter" / "labextensions" / "nbprod"
    assert list((served / "static").glob("remoteEntry.*.js"))
    assert not list(image.environment.glob("lib/python*/site-packages/nbprod/labextension"))
    assert not (image.repository / "labextension" / "node_modules").exists()


@pytest.mark.slow
def test_the_demonstration_takes_at_most_a_gigabyte(image, tmp_path, tracked, capsys):
    mark = uuid.uuid4().hex
    environment = {memory.MARK: mark, "PATH": image.path}
    with (
        memory.Watch(mark) as watch,
        lab.jupyterlab(image.repository, tmp_path / "home", env=environment, python=image.python) as server,
    ):
        answer = memory.demo(server, DEMO)
        memory.stop_endpoint(server, DEMO, answer["endpoint"])
    with capsys.disabled():
        print(f"\n{watch}")
    assert answer["predictions"] == answer["expected"]
    kinds = ("jupyterlab", "ipykernel_launcher", "nbprod.tracking repository", "serving", "nbprod.tracking.ui")
    assert [kind for kind in kinds if not watch.saw(kind)] == []
    assert watch.peak <= memory.GIGABYTE
