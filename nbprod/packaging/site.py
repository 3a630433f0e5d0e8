"""The libraries of an image, installed on this machine for the image's platform: no pip and no network inside."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from nbprod.core.errors import PackagingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUNTIME = ("cloudpickle", "httptools", "msgspec", "uvicorn", "uvloop")
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
LIBC = "manylinux_2_28"
INSIDE = "/app/site"


def requirements(model: Sequence[str]) -> list[str]:
    """Return the model's requirements and those of the server, at this machine's versions."""
    named = {line.partition("==")[0].strip().lower() for line in model}
    runtime = [f"{name}=={importlib.metadata.version(name)}" for name in RUNTIME if name not in named]
    return sorted([*model, *runtime], key=str.lower)


def install(folder: Path, needed: Sequence[str], python: str, architecture: str | None = None) -> list[str]:
    """Install into `folder`, compile the bytecode, and return all that was installed, pinned.

    Raises
    ------
    PackagingError
        With what uv said, when it could not.
    """
    machine = architecture or platform.machine()
    target = f"{ARCHITECTURES.get(machine, machine)}-{LIBC}"
    command = [_uv(), "pip", "install", "--quiet", "--target", str(folder), "--link-mode", "copy"]
    command += ["--python", sys.executable, "--python-version", python, "--python-platform", target, *needed]
    trusting = {"UV_SYSTEM_CERTS": "1", **os.environ}  # a company's own certificates are on the machine
    done = subprocess.run(command, env=trusting, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n    ".join(done.stderr.strip().splitlines()[-8:])
        hint = "the packages must be at hand as wheels for Linux; uv reads UV_INDEX_URL and UV_FIND_LINKS"
        raise PackagingError("NB741", f"the model's libraries cannot be installed:\n    {said}", hint)
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        _compile(folder)
    found = importlib.metadata.distributions(path=[str(folder)])
    return sorted({f"{item.metadata['Name']}=={item.version}" for item in found}, key=str.lower)


def _compile(folder: Path) -> None:
    """Write bytecode that is the same in every build, so that the engine finds the layer it has.

    It is valid whatever the files' times are. The order of set constants follows the hash seed, and what a process
    imported before shows in its bytecode too, hence a new one.
    """
    command = [sys.executable, "-m", "compileall", "-qq", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", INSIDE, str(folder)]
    # a file in a wheel that this Python cannot compile is no failure: nobody imports it
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, check=False)


def _uv() -> str:
    from uv import find_uv_bin

    return find_uv_bin()
