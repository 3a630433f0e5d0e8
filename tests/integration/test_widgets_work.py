"""What a view begins is a process of its own: followed, stopped, and told of when it says nothing."""

from __future__ import annotations

import os
import signal
import time

import pytest

from nbprod.interfaces.widgets import RunView, SweepView
from nbprod.interfaces.widgets.work import Work

PATIENCE = 120
SLOW = [
    ("parameters", "n = 1"),
    ("stage:load", "rows = [n]"),
    ("stage:wait", "import time\nopen('began', 'w').close()\ntime.sleep(600)\ndone = rows"),
]


def until(happened, what):
    last = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < last, what
        time.sleep(0.05)


@pytest.fixture
def idle_kernel():
    """A kernel that is idle ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def slow(project, make_notebook):
    return make_notebook(project / "slow.ipynb", SLOW)


def states(view):
    return {stage["name"]: stage["status"] for stage in view.run["stages"]}


def test_a_run_is_followed_and_stopped(slow, project, idle_kernel):
    view = RunView(slow, parameters={"n": 2}).start()
    assert view.working
    assert view.start() is view
    until(lambda: states(view).get("wait") == "running", "the stage begins")
    assert states(view)["load"] == "succeeded"
    assert "◐ running wait" in view.to_html()
    until((project / "began").exists, "the cell begins")
    view.stop()
    view.wait(PATIENCE)
    assert not view.working
    assert view.run["status"] == "interrupted"
    assert states(view)["load"] == "succeeded"
    assert "■ stopped" in view.to_html()
    assert view.run["parameters"] == {"n": 2}


def test_asked_twice_it_ends_at_once(slow, project):
    view = RunView(slow).start()
    until((project / "began").exists, "the cell begins")
    view.stop()
    view.stop()
    view.wait(PATIENCE)
    assert view.run["status"] == "interrupted"


def test_a_run_ends_and_the_next_reuses_it(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:load", "rows = [1, 2]", {"metrics": []}), "print(rows)"])
    view = RunView(path).start().wait(PATIENCE)
    assert (view.run["status"], states(view)) == ("succeeded", {"load": "succeeded"})
    again = RunView(path).start().wait(PATIENCE)
    assert states(again) == {"load": "cached"}
    again.force = True
    assert states(again.start().wait(PATIENCE)) == {"load": "succeeded"}


def test_a_failing_cell_is_shown_with_its_place(project, make_notebook):
    path = make_notebook(
        project / "nb.ipynb", [("stage:load", "rows = 1\nraise ValueError('<so>')"), ("stage:b", "rows")]
    )
    view = RunView(path).start().wait(PATIENCE)
    assert view.run["status"] == "failed"
    html = view.to_html()
    assert "cell 1 line 2 ValueError: &lt;so&gt;" in html
    assert states(view) == {"load": "failed", "b": "skipped"}


def test_a_refused_parameter_is_told(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("parameters", "n = 1"), ("stage:load", "rows = [n]")])
    view = RunView(path, parameters={"n": "many"}).start().wait(PATIENCE)
    assert view.run["status"] == "failed"
    assert view.run["error"]["code"].startswith("NB4")
    assert "many" in view.to_html()


def test_a_process_that_dies_is_told_of(slow, project):
    view = RunView(slow).start()
    until((project / "began").exists, "the cell begins")
    os.kill(view._work._process.pid, signal.SIGKILL)
    view.wait(PATIENCE)
    assert view.run["status"] == "failed"
    assert view.run["error"]["code"] == "NB590"
    assert "skipped" in view.to_html()


def test_a_sweep_is_followed_and_stopped(project, make_notebook, idle_kernel):
    cells = [
        ("parameters", "n = 1\nscale = 2.0"),
        (
            "stage:fit",
            "import time\nif n > 2:\n    open('began', 'w').close()\n    time.sleep(600)\nscore = n * scale",
            {"metrics": ["score"]},
        ),
    ]
    path = make_notebook(project / "nb.ipynb", cells)
    view = SweepView(path, grid={"n": [1, 2, 3, 4]}, parameters={"scale": 3}).start()
    until((project / "began").exists, "the third trial begins")
    until(lambda: view.best is not None and view.best["value"] == 6.0, "two trials are done")
    view.stop()
    view.wait(PATIENCE)
    assert [trial["status"] for trial in view.sweep["trials"]] == ["succeeded", "succeeded", "failed", "skipped"]
    html = view.to_html()
    assert "■ stopped 2 of 4 trials" in html
    assert "best score 6" in html
    assert "✗" not in html


def test_steps_and_what_is_printed(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:load", "rows = [1]")])
    work = Work(["run", str(path)], project)
    until(lambda: not work.alive, "the run ends")
    assert [(step["name"], step["stage"], step["state"]) for step in work.steps()] == [("load", "load", "succeeded")]
    assert work.result["status"] == "succeeded"
    assert work.error is None
    wrong = Work(["run", "--nonsense"], project)
    until(lambda: not wrong.alive, "the command ends")
    assert wrong.error["code"] == "NB911"
    assert not wrong.interrupted
