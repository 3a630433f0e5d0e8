"""Schedules served by real processes: killed in a run, told to stop, started twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from threading import Event

import pytest

from nbprod import api, store
from nbprod.config import Project
from nbprod.core.errors import ScheduleError
from nbprod.interfaces import cli
from nbprod.scheduling import RunOutcome, Schedules, SystemClock, serve, start

SERVER = """
import sys, time
from threading import Event
from nbprod.config import Project
from nbprod.scheduling import Schedules, SystemClock, serve

def run(schedule, when):
    print(when.run, flush=True)
    time.sleep(600)

serve(Schedules(Project.find(sys.argv[1])), run, SystemClock(), Event())
"""


def due_now(schedules):
    """Make all schedules look as if they had been added long ago."""
    with closing(sqlite3.connect(schedules.file)) as db, db:
        db.execute("UPDATE schedules SET created = '2020-01-01T00:00:00+00:00'")


@pytest.fixture
def schedules(project, make_notebook):
    made = Schedules(Project.find(project))
    made.add(make_notebook(project / "daily.ipynb", ["x = 1"]), "0 0 1 1 *", tz="UTC")
    due_now(made)
    return made


@pytest.fixture
def server(schedules):
    """A server in the middle of a run: the process, and the id of the run."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(schedules.project.root)], stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process, process.stdout.readline().strip()
        process.kill()


def serve_what_is_due(schedules):
    """Serve until nothing is due; return the runs that were made."""
    asked, stop = [], Event()

    class Clock(SystemClock):
        def wait(self, until, stop):
            stop.set()

    def run(schedule, when):
        asked.append(when.run)
        return RunOutcome("succeeded")

    serve(schedules, run, Clock(), stop)
    return asked


def test_a_killed_server_leaves_the_lock_and_no_second_run(schedules, server):
    process, run = server
    with pytest.raises(ScheduleError, match=str(process.pid)):
        serve_what_is_due(schedules)
    process.kill()
    process.wait()
    assert schedules.processes() == []
    assert serve_what_is_due(schedules) == []
    (record,) = schedules.history()
    assert (record.run, record.status) == (run, "interrupted")


def test_the_serving_process_is_shown(schedules, server):
    (found,) = schedules.processes()
    assert found["pid"] == server[0].pid
    assert found["since"]


def test_what_is_due_runs_once(schedules):
    (run,) = serve_what_is_due(schedules)
    assert serve_what_is_due(schedules) == []
    (record,) = schedules.history()
    assert (record.run, record.status) == (run, "succeeded")


def test_a_scheduled_run_is_an_ordinary_run(project, make_notebook):
    path = make_notebook(project / "daily.ipynb", [("parameters", "n = 1"), ("stage:count", "total = n + 1")])
    nbprod = [sys.executable, "-m", "nbprod", "schedule"]
    subprocess.run([*nbprod, "add", str(path), "--cron", "0 0 1 1 *", "-p", "n=41"], check=True, capture_output=True)
    made = Schedules(Project.find(project))
    due_now(made)
    with subprocess.Popen([*nbprod, "serve"], stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]  # it serves; the run begins; it has ended
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert "daily succeeded" in lines[2]
    (record,) = made.history()
    assert record.status == "succeeded"
    assert store.load_run(made.project, record.run)["total"] == 42


def test_one_is_started_in_the_background_once(project, make_notebook, capsys):
    path = make_notebook(project / "daily.ipynb", [("parameters", "n = 1"), ("stage:count", "total = n + 1")])
    made = Schedules(Project.find(project))
    made.add(path, "0 0 1 1 *", tz="UTC", parameters={"n": 41})
    due_now(made)
    found = api.schedule_start(path)
    pid = found["pid"]
    try:
        assert [item for item in api.processes(path) if item["kind"] != "zygote"] == [found]
        assert found["kind"] == "scheduler"
        assert found["since"]
        assert os.getsid(pid) == pid, "it outlives the terminal"
        assert cli.run(["schedule", "serve", "--detach", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["pid"] == pid
        while not (done := made.history()) or done[0].status == "started":
            Event().wait(0.05)
        assert done[0].status == "succeeded"
    finally:
        assert "scheduler" in api.stop_all(path)
        while made.processes():
            Event().wait(0.02)


def test_one_that_cannot_start_says_why(project):
    with pytest.raises(ScheduleError, match="no such thing") as caught:
        start(Project.find(project).home, [sys.executable, "-c", "import sys; sys.exit('no such thing')"])
    assert caught.value.code == "NB828"
    assert "scheduler.log" in caught.value.hint


def test_pause_and_resume(project, make_notebook, capsys):
    path = make_notebook(project / "daily.ipynb", ["x = 1"])
    Schedules(Project.find(project)).add(path, "0 6 * * *", tz="UTC")
    assert cli.run(["schedule", "pause", "daily"]) == 0
    assert "--resume" in capsys.readouterr().out
    assert cli.run(["schedule", "list"]) == 0
    assert "paused" in capsys.readouterr().out
    assert cli.run(["schedule", "pause", "daily", "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schedule"]["paused"] is False
    assert cli.run(["schedule", "pause", "nightly", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NB823"
