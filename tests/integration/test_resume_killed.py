"""Runs of which something is ended with SIGKILL: what is said, what is kept, and what the next run makes of it."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from stress import victims
from stress.rounds import Rounds, Setting

from nbprod import api
from nbprod.execution import zygotes

pytestmark = pytest.mark.skipif(not zygotes.SUPPORTED, reason="looks for processes in /proc")
NBPROD = [sys.executable, "-m", "nbprod"]
WAIT = "import os, pathlib, time\nwhile not pathlib.Path('{0}').exists():\n    time.sleep(0.01)\n"


@pytest.fixture
def runtime(monkeypatch):
    """Zygotes of this test alone; nothing of its processes is left behind."""
    with tempfile.TemporaryDirectory(prefix="nbs-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)
        for process in victims.processes(Path(folder)):
            os.kill(process.pid, signal.SIGKILL)


def start(project: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*NBPROD, "run", "a.ipynb", "--json", *more], cwd=project, stdout=subprocess.PIPE, text=True
    )


def answer(process: subprocess.Popen[str]) -> dict:
    return json.loads(process.communicate(timeout=120)[0])


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, f"{path} does not appear"
        time.sleep(0.01)
    return path.read_text()


def waiting(name: str) -> str:
    """A cell that says which process it is in, and goes on when a file appears."""
    return f"import os\nopen('.nbprod/{name}.pid', 'w').write(str(os.getpid()))\n" + WAIT.format(f".nbprod/{name}.go")


def statuses(found: dict) -> list[str]:
    return [stage["status"] for stage in found["stages"]]


def test_a_killed_stage_says_so_and_keeps_what_it_showed(project, make_notebook, runtime):
    cells = [
        ("stage:load", "x = 1"),
        ("stage:use", f"print('so far', flush=True)\n{waiting('use')}y = x + 1"),
        ("stage:rest", "z = y"),
    ]
    make_notebook(project / "a.ipynb", cells)
    driver = start(project)
    os.kill(int(wait_for(project / ".nbprod" / "use.pid")), signal.SIGKILL)
    found = answer(driver)
    assert (driver.returncode, found["error"]["code"]) == (1, "NB503")
    assert "SIGKILL" in found["error"]["message"]
    assert statuses(found) == ["succeeded", "failed", "skipped"]
    shown = json.loads(Path(found["stages"][1]["notebook"]).read_text())["cells"][-1]["outputs"]
    assert (shown[0]["text"], shown[1]["ename"]) == (["so far\n"], "DeadKernel")
    (project / ".nbprod" / "use.go").touch()
    assert statuses(answer(start(project))) == ["cached", "succeeded", "succeeded"]


def test_a_killed_driver_takes_all_with_it_that_it_has_started(project, make_notebook, runtime):
    child = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
    cells = [
        ("stage:load", "x = 1"),
        ("stage:use", f"{child}{waiting('use')}child.kill()\nstatus = child.wait()\ny = x"),
    ]
    make_notebook(project / "a.ipynb", cells)
    driver = start(project)
    wait_for(project / ".nbprod" / "use.pid")
    driver.kill()
    driver.communicate()
    assert victims.gone(runtime, victims.LASTING) == []
    (killed,) = api.history(project)
    assert (str(killed.status), [str(stage.status) for stage in killed.stages][1]) == ("interrupted", "pending")
    (project / ".nbprod" / "use.go").touch()
    assert statuses(answer(start(project))) == ["cached", "succeeded"]


def test_a_killed_zygote_ends_no_run(project, make_notebook, runtime):
    cells = [
        ("stage:first", f"{waiting('first')}parent = os.getppid()"),
        ("stage:second", "import os\nown, other = os.getpid(), os.getppid()"),
    ]
    make_notebook(project / "a.ipynb", cells)
    driver = start(project)
    worker = int(wait_for(project / ".nbprod" / "first.pid"))
    assert victims.kill(runtime, "zygote")
    (project / ".nbprod" / "first.go").touch()
    found = answer(driver)
    assert (driver.returncode, statuses(found)) == (0, ["succeeded", "succeeded"])
    run = api.show(found["run"], project)
    (about,) = zygotes.processes()
    assert run["own"] != worker
    assert run["other"] == about["pid"], "another zygote was started"


def test_eight_runs_at_once(project, make_notebook, runtime):
    cells = [
        ("parameters", "n = 1"),
        ("stage:load", "import numpy as np\nx = np.arange(200_000) * n\nshared = {'a', 'b'}"),
        ("stage:write", "import json\nfrom pathlib import Path\nPath('out.json').write_text(json.dumps({'n': n}))\ntotal = int(x.sum())"),
        ("stage:use", "half = total / 2\nnames = sorted(shared)"),
    ]  # fmt: skip
    make_notebook(project / "a.ipynb", cells)
    numbers = [1, 2, 3, 4, 5, 6, 7, 7]
    drivers = [start(project, "-p", f"n={n}", "--jobs", str(1 + n % 2)) for n in numbers]
    for n, driver in zip(numbers, drivers, strict=True):
        found = answer(driver)
        assert (driver.returncode, found["status"], found["parameters"]) == (0, "succeeded", {"n": n})
        run = api.show(found["run"], project)
        assert (int(run["x"][1]), run["half"], run["names"]) == (n, n * sum(range(200_000)) / 2, ["a", "b"])
    assert len({run.id for run in api.history(project)}) == 8
    checked = api.store_verify(project)
    assert (checked["damaged"], checked["missing"]) == ([], [])
    assert set(statuses(answer(start(project, "-p", "n=3")))) <= {"cached", "succeeded"}
    assert json.loads((project / "out.json").read_text()) == {"n": 3}


@pytest.mark.parametrize("more", [("--jobs", "3"), (), ("--no-zygote",)])
def test_stages_of_one_run_may_write_one_file_one_after_the_other(project, make_notebook, runtime, more):
    cells = [
        ("stage:first", "open('log.txt', 'w').write('first ')\nx = 1"),
        ("stage:beside", "y = 2"),
        ("stage:second", "open('log.txt', 'a').write('second ')"),
        ("stage:third", "open('log.txt', 'a').write('third')\nz = x + y"),
    ]
    make_notebook(project / "a.ipynb", cells)
    assert statuses(answer(start(project, *more))) == ["succeeded"] * 4
    assert statuses(answer(start(project, *more))) == ["cached"] * 4
    assert (project / "log.txt").read_text() == "first second third"


@pytest.mark.slow
def test_a_publisher_killed_while_it_makes_mlflows_database(project, make_notebook, runtime, monkeypatch):
    monkeypatch.delenv("NBPROD_TRACKING", raising=False)
    make_notebook(project / "a.ipynb", [("stage:load", "x = 1")])
    draft = project / ".nbprod" / "mlflow.db.part"
    driver = start(project)
    while not draft.exists():
        time.sleep(0.001)
    assert victims.kill(runtime, "publisher")
    first = answer(driver)
    assert draft.exists()
    second = answer(start(project, "--wait"))
    with sqlite3.connect(project / ".nbprod" / "mlflow.db") as link:
        told = link.execute("SELECT value FROM tags WHERE key = 'nbprod.run'").fetchall()
    link.close()
    assert {first["run"], second["run"]} == {run for (run,) in told}
    assert not draft.exists()


@pytest.fixture
def rounds(tmp_path, runtime):
    made = Rounds(tmp_path, runtime)
    yield made
    made.close()


def test_rounds(rounds):
    drawn = {number: Setting.draw(random.Random(number)) for number in range(100)}
    quick = [n for n, it in drawn.items() if it.seed == 7 and it.zygote and not it.tracked and not it.before]
    for number in quick[:6]:
        rounds.round(number)
    assert rounds.counts["rounds"] == 6


@pytest.mark.slow
def test_many_rounds(rounds):
    first = random.randrange(10**6) * 1000
    print(f"seed {first}")
    for number in range(first, first + 60):
        rounds.round(number)
