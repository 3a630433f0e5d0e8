"""Stages at once: the result is that of one after another, whatever analysis knows of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

import nbprod
from nbprod.core.run import RunOptions

TOGETHER = """
import os, time

def meet_{own}(own, other):  # analysis cannot tell which files, so it sees no order between the stages
    descriptor = os.open(own, os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, str(os.getpid()).encode())
    os.close(descriptor)
    start = time.monotonic()
    while other not in os.listdir() and time.monotonic() - start < 60:
        time.sleep(0.01)
    return other in os.listdir()

{name} = meet_{own}(chr({own}), chr({other}))
"""


@pytest.fixture
def run(project, make_notebook):
    def go(*cells, name="a.ipynb", **options):
        make_notebook(project / name, list(cells))
        return nbprod.run(name, options=replace(RunOptions(jobs=3), **options))

    return go


def test_stages_that_need_nothing_of_each_other_run_at_once(run):
    found = run(
        ("stage:base", "n = 1"),
        ("stage:left", TOGETHER.format(own=108, other=114, name="left")),
        ("stage:right", TOGETHER.format(own=114, other=108, name="right")),
        ("stage:end", "both = left and right"),
    )
    assert found["both"] is True
    assert [stage.status for stage in found.stages] == ["succeeded"] * 4


def test_a_stage_that_asks_for_all_cores_waits(run):
    cores = len(os.sched_getaffinity(0))
    cell = "import os, time\nassert not os.path.exists('busy')\nopen('busy', 'w').close()\ntime.sleep(0.2)\nos.remove('busy')\n{} = 1"
    options = {"resources": {"cpu": cores}}
    found = run(*((f"stage:{name}", cell.format(name), options) for name in "abc"))
    assert found.status == "succeeded"


def test_what_a_stage_made_too_early_is_made_again(run):
    found = run(
        (
            "stage:first",
            "import pandas as pd\nimport time\ntime.sleep(0.5)\ngetattr(pd, 'set_' + 'option')('display.precision', 3)",
        ),
        ("stage:second", "import pandas as pd\nshown = pd.get_option('display.precision')"),
    )
    assert found["shown"] == 3
    again = run(
        (
            "stage:first",
            "import pandas as pd\nimport time\ntime.sleep(0.5)\ngetattr(pd, 'set_' + 'option')('display.precision', 3)",
        ),
        ("stage:second", "import pandas as pd\nshown = pd.get_option('display.precision')"),
    )
    assert [stage.status for stage in again.stages] == ["cached", "cached"]


def test_the_fingerprints_are_those_of_one_after_another(run):
    cells = (
        ("stage:load", "import random\nrandom.seed(1)\nx = [random.random() for _ in range(3)]"),
        ("stage:a", "a = sum(x)"),
        ("stage:b", "b = max(x)"),
        ("stage:c", "import random\nc = random.random() + a"),
        ("stage:d", "d = [a, b, c]"),
    )
    at_once = run(*cells)
    one_by_one = run(*cells, jobs=1, force=True)
    assert [stage.fingerprint for stage in at_once.stages] == [stage.fingerprint for stage in one_by_one.stages]
    assert at_once["d"] == one_by_one["d"]


def test_keep_going_runs_what_does_not_depend_on_the_failure(run):
    with pytest.raises(nbprod.StageFailed) as caught:
        run(
            ("stage:bad", "x = 1 / 0"),
            ("stage:good", "y = 2"),
            ("stage:needs", "z = x"),
            ("stage:more", "w = y + 1"),
            jobs=1,
            keep_going=True,
        )
    states = {stage.name: stage.status for stage in caught.value.run.stages}
    assert states == {"bad": "failed", "good": "succeeded", "needs": "skipped", "more": "succeeded"}


def test_without_it_what_ran_beside_the_failure_is_kept(run):
    cells = (
        ("stage:bad", "import time\ntime.sleep(0.3)\nx = 1 / 0"),
        ("stage:slow", "import time\ntime.sleep(0.8)\ny = 2"),
        ("stage:after", "z = y"),
    )
    with pytest.raises(nbprod.StageFailed) as caught:
        run(*cells)
    states = {stage.name: stage.status for stage in caught.value.run.stages}
    assert states == {"bad": "failed", "slow": "succeeded", "after": "skipped"}


def test_the_failure_of_a_stage_begun_early_is_told_in_its_turn(run):
    with pytest.raises(nbprod.StageFailed, match="ZeroDivisionError") as caught:
        run(("stage:slow", "import time\ntime.sleep(0.5)\nx = 1"), ("stage:bad", "y = 1 / 0"))
    assert {stage.name: stage.status for stage in caught.value.run.stages} == {"slow": "succeeded", "bad": "failed"}


def test_interrupting_ends_all_stages(project, make_notebook):
    cell = (
        "import os, time\nprint(os.getpid(), flush=True)\nopen('{0}.pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    make_notebook(project / "a.ipynb", [("stage:a", cell.format("a")), ("stage:b", cell.format("b"))])
    process = subprocess.Popen(
        [sys.executable, "-m", "nbprod", "run", "a.ipynb", "--jobs", "2"], start_new_session=True
    )
    files = [project / "a.pid", project / "b.pid"]
    while not all(file.exists() and file.read_text() for file in files):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    for file in files:
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)


def test_an_interrupt_between_messages_ends_all_stages_too(project, make_notebook):
    """Not only while the run waits for its stages: a listener stands for whatever else it may be doing."""
    cell = "import os, time\nopen('{0}.pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    make_notebook(project / "a.ipynb", [("stage:a", cell.format("a")), ("stage:b", cell.format("b"))])
    begun = []

    def listen(event):
        if event.kind == "cell-started":
            begun.append(event.stage)
        if len(begun) == 2:
            begun.append("done")
            while not all((project / f"{name}.pid").exists() for name in "ab"):
                time.sleep(0.02)
            raise KeyboardInterrupt

    with pytest.raises(nbprod.StageFailed):
        nbprod.run("a.ipynb", options=RunOptions(jobs=2), listeners=[listen])
    for name in "ab":
        with pytest.raises(ProcessLookupError):
            os.kill(int((project / f"{name}.pid").read_text()), 0)


def test_who_has_enough_of_waiting_beside_a_failure_still_has_the_failure(project, make_notebook):
    failing = TOGETHER.format(own=97, other=98, name="x") + "1 / 0"
    slow = TOGETHER.format(own=98, other=97, name="y") + "time.sleep(600)"
    make_notebook(project / "a.ipynb", [("stage:a", failing), ("stage:b", slow)])
    command = [sys.executable, "-m", "nbprod", "run", "a.ipynb", "--jobs", "2"]
    with subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        while "✗ a" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        told = process.stdout.read()
    assert (process.returncode, "ZeroDivisionError" in told) == (1, True)
    with pytest.raises(ProcessLookupError):
        os.kill(int((project / "b").read_text()), 0)


def test_an_interrupt_while_a_failure_is_told_leaves_the_failure(project, make_notebook):
    make_notebook(project / "a.ipynb", [("stage:a", "1 / 0"), ("stage:b", "y = 1")])

    def interrupt(event):
        if event.kind == "stage-finished" and event.stage == "a":
            raise KeyboardInterrupt

    with pytest.raises(nbprod.StageFailed, match="ZeroDivisionError"):
        nbprod.run("a.ipynb", listeners=[interrupt])
    record = next((project / ".nbprod" / "runs").glob("*/run.json"))
    assert json.loads(record.read_text())["status"] == "failed"
