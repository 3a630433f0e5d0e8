"""A stage that the kernel kills because a real control group has no memory left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbprod.execution import cgroups

LIMIT = 400_000_000


@pytest.fixture
def group():
    """A control group of ours with a memory limit, below the one these tests are in."""
    made = None
    for folder in cgroups._groups("self", Path("/")):
        made = folder / f"nbprod-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            made.mkdir()
            files = {"memory.limit_in_bytes": LIMIT, "memory.memsw.limit_in_bytes": LIMIT, "memory.max": LIMIT}
            for name, value in {**files, "memory.swap.max": 0}.items():
                if (made / name).exists():
                    (made / name).write_text(str(value))
            if any((made / name).exists() for name in files):
                break
            made.rmdir()
    else:
        pytest.skip("this machine does not let tests make control groups that limit memory")
    yield made
    deadline = time.monotonic() + 30
    while pids := (made / "cgroup.procs").read_text().split():
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(int(pid), signal.SIGKILL)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    made.rmdir()


@pytest.mark.parametrize("zygote", [(), ("--no-zygote",)])
def test_out_of_memory_is_said_and_outputs_are_kept(project, make_notebook, group, zygote):
    cells = [
        ("stage:load", "x = 1"),
        ("stage:fill", "print('so far', flush=True)\nheld = [bytearray(b'x') * 10_000_000 for _ in range(100 * x)]"),
        ("stage:rest", "z = len(held)"),
    ]
    make_notebook(project / "a.ipynb", cells)
    command = [sys.executable, "-m", "nbprod", "run", "a.ipynb", "--json", *zygote]
    entering = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    done = subprocess.run([*entering, *command], cwd=project, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert (done.returncode, found["error"]["code"]) == (1, "NB503")
    assert found["error"]["message"] == "stage fill was killed, out of memory (limit 400 MB)"
    assert "read less at once" in found["error"]["hint"]
    assert found["error"]["where"]["cell"] == 2
    assert [stage["status"] for stage in found["stages"]] == ["succeeded", "failed", "skipped"]
    shown = json.loads(Path(found["stages"][1]["notebook"]).read_text())["cells"][-1]["outputs"]
    assert shown[0]["text"] == ["so far\n"]
    assert "out of memory" in shown[1]["evalue"]
    make_notebook(project / "a.ipynb", [*cells[:1], ("stage:fill", "held = [x]"), *cells[2:]])
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert [stage["status"] for stage in json.loads(done.stdout)["stages"]] == ["cached", "succeeded", "succeeded"]
