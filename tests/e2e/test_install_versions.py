"""The wheel on every Python, on the lowest versions stated, and beside an older data stack that must stay as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
OLD_STACK = {"pandas": "2.2.3", "numpy": "1.26.4", "scikit-learn": "1.4.2"}

pytestmark = pytest.mark.slow


def uv(*arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run([UV, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--quiet", "--out-dir", str(out))
    return next(out.glob("*.whl"))


def environment(folder: Path, version: str) -> Path:
    """Make an empty virtual environment; skip when this machine has no such Python."""
    known = [sys.executable] if version == f"{sys.version_info.major}.{sys.version_info.minor}" else []
    known += sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))
    known += [path for path in (shutil.which(f"python{version}"),) if path]
    # a shim of pyenv may be there for a version that is not
    runs = (
        path for path in known if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    )
    found = next(runs, None)
    if found is None:
        pytest.skip(f"this machine has no Python {version}")
    uv("venv", "--quiet", "--python", found, str(folder))
    return folder / "bin" / "python"


def demo(python: Path, folder: Path) -> dict:
    """Run `nbprod demo --once` as a new user in an empty folder."""
    (folder / "home").mkdir(parents=True)
    (folder / "work").mkdir()
    env = {"HOME": str(folder / "home"), "PATH": f"{python.parent}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    command = [str(python), "-m", "nbprod", "demo", "--once", "--json"]
    done = subprocess.run(command, cwd=folder / "work", env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("version", "resolution"), [("3.11", "lowest-direct"), ("3.12", "highest"), ("3.13", "highest")]
)
def test_demo_from_the_wheel(wheel: Path, tmp_path: Path, version: str, resolution: str):
    python = environment(tmp_path / "venv", version)
    uv("pip", "install", "--quiet", "--python", str(python), "--resolution", resolution, str(wheel))
    found = demo(python, tmp_path / "user")
    assert found["equal"] is True
    assert found["compared"] > 100
    assert (tmp_path / "venv/share/jupyter/labextensions/nbprod/package.json").is_file()


def test_an_older_data_stack_is_left_alone(wheel: Path, tmp_path: Path):
    python = environment(tmp_path / "venv", "3.11")
    uv("pip", "install", "--quiet", "--python", str(python), *(f"{name}=={at}" for name, at in OLD_STACK.items()))
    uv("pip", "install", "--quiet", "--python", str(python), str(wheel))
    listed = json.loads(uv("pip", "list", "--python", str(python), "--format", "json"))
    assert {item["name"]: item["version"] for item in listed if item["name"] in OLD_STACK} == OLD_STACK
    assert demo(python, tmp_path / "user")["equal"] is True
