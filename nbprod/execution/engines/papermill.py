"""Engines `papermill` and `ploomber`: the papermill command, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nbprod.core.errors import StageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GRACE_SECONDS = 5.0


class PapermillEngine:
    """Plain papermill with a kernel of its own for every job."""

    name = "papermill"
    engine: ClassVar[str | None] = None

    def missing(self, python: Path) -> str | None:
        """Return what is lacking to run a job with that interpreter."""
        probe = [str(python), "-c", "import ipykernel"]
        if python != Path(sys.executable) and subprocess.run(probe, capture_output=True, check=False).returncode:
            return f"{python} has no ipykernel: {python} -m pip install ipykernel"
        return None

    def execute(self, job: Path, output: Path, parameters: Mapping[str, Any], *, kernel: str, cwd: Path) -> None:
        """Execute `job`, leave the executed notebook at `output`; raises `StageFailed` when it did not end well."""
        command = [sys.executable, "-m", "papermill", str(job), str(output), "-k", kernel, "--cwd", str(cwd)]
        command += ["--no-progress-bar", "--no-log-output", "--log-level", "ERROR"]
        command += ["--engine", self.engine] if self.engine else []
        command += ["-y", json.dumps(dict(parameters))] if parameters else []
        timeout = _timeout(job)
        with tempfile.TemporaryFile() as words:
            code = _run(command, words, timeout, job.stem)
            if code:
                words.seek(0)
                text = words.read()[-4000:].decode("utf-8", "replace").strip()
                raise _failed(code, text, job.stem, output)


class PloomberEngine(PapermillEngine):
    """Papermill with ploomber-engine, which runs the cells in papermill's own process."""

    name = "ploomber"
    engine = "profiling"

    def missing(self, python: Path) -> str | None:
        """Return what is lacking to run a job with that interpreter."""
        if python != Path(sys.executable):
            return f"ploomber-engine runs cells in nbprod's own Python, and the notebook's is {python}"
        return None


def _run(command: list[str], words: Any, timeout: float | None, stage: str) -> int:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True, env=dict(os.environ)
    )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        text = f"stage {stage} took longer than its timeout of {timeout:g} s"
        raise StageFailed("NB505", text, "give it more time: timeout, or less to do") from error
    except KeyboardInterrupt:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.send_signal(signal.SIGINT)
            process.wait(GRACE_SECONDS)
        raise
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left: papermill's kernel has a session of its own, so it is looked for by parentage."""
    if process.poll() is not None:
        return
    for pid in [*_descendants(process.pid), process.pid]:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _descendants(pid: int) -> Iterator[int]:
    """Yield the processes below `pid`, where /proc tells."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _descendants(int(child))
                yield int(child)


def _timeout(job: Path) -> float | None:
    found = json.loads(job.read_text(encoding="utf-8"))["metadata"].get("nbprod", {}).get("timeout")
    return float(found) if found is not None else None


def _failed(code: int, text: str, stage: str, output: Path) -> StageFailed:
    hint = f"executed notebook: {output}"
    if code < 0:
        return StageFailed("NB503", f"stage {stage}: papermill was ended by {signal.Signals(-code).name}", hint)
    if "DeadKernelError" in text or "Kernel died" in text:
        return StageFailed("NB503", f"stage {stage}: its kernel died", hint)
    last = text.splitlines()[-1] if text else f"papermill ended with exit code {code}"
    return StageFailed("NB501", last, hint)
