"""Fixtures of end-to-end tests: a Docker engine of our own, and a base image made of Debian packages."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from model_fixtures import models as models

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "nbprod-base:bookworm"


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[str]:
    """The DOCKER_HOST of an engine of our own, with `nbprod-base:bookworm` in it: Debian with Python, no pip."""
    lacking = [tool for tool in ("dockerd", "docker", "mmdebstrap") if shutil.which(tool) is None]
    if lacking or os.geteuid() != 0:
        pytest.skip(f"a Docker engine of our own needs root and {', '.join(lacking) or 'a privileged machine'}")
    # not below tmp_path: a socket's path may have 108 bytes, and the engine's mounts outlive pytest's cleaning
    root = Path(tempfile.mkdtemp(prefix="nbd"))
    host = f"unix://{root}/s"
    with (root / "log").open("wb") as log:
        command = ["dockerd", "--data-root", f"{root}/data", "--exec-root", f"{root}/exec"]
        command += ["--pidfile", f"{root}/pid", "-H", host]
        engine = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            _until_it_answers(engine, root)
            subprocess.run(["docker", "-H", host, "import", str(_base_tar()), BASE], check=True, capture_output=True)
            yield host
        finally:
            _end(engine, host)
            shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def docker_host(docker_engine: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """As `docker_engine`, and `DOCKER_HOST` is set to it."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine)
    return docker_engine


def _until_it_answers(engine: subprocess.Popen[bytes], root: Path) -> None:
    pause = threading.Event()
    while engine.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{root}/s")
            except OSError:
                pause.wait(0.1)
            else:
                return
    last = (root / "log").read_text(errors="replace").strip().splitlines()[-1:]
    pytest.skip(f"dockerd does not run here: {' '.join(last)}")


def _base_tar() -> Path:
    """A Debian root file system with Python; made once, a minute, and kept in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nbprod-tests"
    cache.mkdir(parents=True, exist_ok=True)
    found = cache / "bookworm-python3.tar"
    if not found.exists():
        draft = cache / f"draft-{os.getpid()}.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,ca-certificates", "bookworm"]
        made = subprocess.run([*command, str(draft)], capture_output=True, text=True, check=False)
        if made.returncode:
            draft.unlink(missing_ok=True)
            pytest.skip(f"mmdebstrap cannot reach Debian's packages: {made.stderr.strip().splitlines()[-1:]}")
        draft.replace(found)
    return found


def _end(engine: subprocess.Popen[bytes], host: str) -> None:
    if engine.poll() is None:
        running = subprocess.run(["docker", "-H", host, "ps", "-aq"], capture_output=True, text=True, check=False)
        if running.stdout.split():
            command = ["docker", "-H", host, "rm", "-f", *running.stdout.split()]
            subprocess.run(command, check=False, capture_output=True)
        engine.send_signal(signal.SIGTERM)
    engine.wait()
