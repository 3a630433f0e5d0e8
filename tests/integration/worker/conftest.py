"""A driver for tests: starts the real worker, gives it stages, collects its events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbprod
from nbprod.worker.formats import EMPTY

WORKER = Path(nbprod.__file__).parent / "worker"


class Driver:
    """The other end of a worker's pipes."""

    def __init__(self, root: Path, python: str = sys.executable, **environment: str) -> None:
        self.root = root
        self.events: list[dict[str, Any]] = []
        self.stages = 0
        to_worker_read, self.out = os.pipe()
        self.inp, from_worker_write = os.pipe()
        fds = (to_worker_read, from_worker_write)
        clean = {"PYTHONHASHSEED": "0", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        clean |= {"OMP_NUM_THREADS": "1", "NBPROD_CONTROL": f"{fds[0]},{fds[1]},{os.getpid()}"}
        self.process = subprocess.Popen(
            [python, str(WORKER)],
            env={**os.environ, **clean, **environment},
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        for fd in fds:
            os.close(fd)
        self.lines = os.fdopen(self.inp, "rb")

    def send(self, operation: dict[str, Any]) -> None:
        os.write(self.out, (json.dumps(operation) + "\n").encode())

    def next(self) -> dict[str, Any] | None:
        line = self.lines.readline()
        if not line:
            return None
        self.events.append(json.loads(line))
        return self.events[-1]

    def until(self, *names: str) -> list[dict[str, Any]]:
        """Return the events up to the first that has one of these names, or to the worker's end."""
        found: list[dict[str, Any]] = []
        while (event := self.next()) is not None:
            found.append(event)
            if event["event"] in names:
                break
        return found

    def spec(self, *sources: Any, **more: Any) -> dict[str, Any]:
        """Return a StageSpec; a source is text, (kind, text) or a whole step."""
        self.stages += 1
        steps = [_step(number, source) for number, source in enumerate(sources, 1)]
        base = {
            **EMPTY,
            "run": "8c21aa00",
            "notebook": "churn.ipynb",
            "stage": f"stage{self.stages}",
            "steps": steps,
            "buffers": str(self.root / ".nbprod" / "buffers"),
            "manifest": str(self.root / ".nbprod" / "manifests" / f"{self.stages}.json"),
            "cwd": str(self.root),
        }
        return {**base, **more}

    def run(self, *sources: Any, **more: Any) -> Result:
        spec = self.spec(*sources, **more)
        self.send({"op": "stage", "spec": spec})
        return Result(spec, self.until("stage-finished", "failed", "fatal"))

    def close(self) -> int:
        os.close(self.out)
        self.lines.read()
        self.lines.close()
        self.process.communicate(timeout=60)
        return self.process.returncode


class Result:
    """What a stage's events amount to."""

    def __init__(self, spec: dict[str, Any], events: list[dict[str, Any]]) -> None:
        self.spec = spec
        self.events = events
        self.last = events[-1] if events else None

    @property
    def failed(self) -> dict[str, Any]:
        assert self.last is not None
        assert self.last["event"] == "failed", self.last
        return self.last

    @property
    def manifest(self) -> dict[str, Any]:
        assert self.last is not None
        assert self.last["event"] == "stage-finished", self.last
        return json.loads(Path(self.last["manifest"]).read_text())

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """Outputs in order; pieces of one stream joined."""
        joined: list[dict[str, Any]] = []
        for event in self.events:
            if event["event"] != "output":
                continue
            output = event["output"]
            last = joined[-1] if joined else {}
            if output["output_type"] == "stream" and last.get("name") == output["name"]:
                last["text"] += output["text"]
            else:
                joined.append(dict(output))
        return joined

    def stream(self, name: str = "stdout") -> str:
        return "".join(item["text"] for item in self.outputs if item.get("name") == name)

    def inputs(self, *names: str) -> list[dict[str, Any]]:
        """Return the `inputs` of a later stage that reads these names."""
        return [{"stage": self.spec["stage"], "manifest": self.spec["manifest"], "names": list(names)}]

    @property
    def names(self) -> list[str]:
        return sorted(name for group in self.manifest["groups"] for name in group["names"])


def _step(number: int, source: Any) -> dict[str, Any]:
    if isinstance(source, dict):
        return source
    kind, text = source if isinstance(source, tuple) else ("cell", source)
    return {"kind": kind, "cell": number, "cell_id": f"c{number}", "source": text, "first_line": 1}


def _end(driver: Driver) -> None:
    if driver.process.poll() is None:
        driver.process.kill()
    driver.lines.close()
    driver.process.communicate()


@pytest.fixture
def drive(tmp_path: Path):
    """Start workers in a project of their own; they are ended after the test."""
    root = tmp_path / "project"
    root.mkdir()
    drivers: list[Driver] = []

    def start(**environment: str) -> Driver:
        drivers.append(Driver(root, **environment))
        assert drivers[-1].next()["event"] == "ready"
        return drivers[-1]

    start.root = root
    yield start
    for driver in drivers:
        _end(driver)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory):
    """One worker for all tests of a module: they share its namespace."""
    driver = Driver(tmp_path_factory.mktemp("project"))
    assert driver.next()["event"] == "ready"
    yield driver
    _end(driver)
