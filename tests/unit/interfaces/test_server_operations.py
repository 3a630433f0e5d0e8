"""Long work by its files alone: what is said of a process that works, ended, was killed, or is on another machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from nbprod.config import Project
from nbprod.core.errors import MissingValue
from nbprod.interfaces.server import beating, births, operations
from nbprod.interfaces.server.operation import BEGINS, SILENT, Operation, OtherRun
from nbprod.store import steps

LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def notebook(project, make_notebook):
    return make_notebook(project / "small.ipynb", ["a = 1"])


@pytest.fixture
def made(notebook):
    """Write the files of an operation, as its process leaves them."""

    def made(kind="verify", name="0123abcd", started=LONG_AGO, of=notebook, **files):
        home = Project.find(notebook).home
        folder = home / ("runs" if kind == "run" else "operations") / name
        folder.mkdir(parents=True)
        record = {"kind": kind, "notebook": str(of), "started": started}
        (folder / "operation.json").write_text(json.dumps(record))
        for file, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / file.replace("_", ".")).write_text(text)
        return operations.find(notebook, name)

    return made


def own(**changes):
    """Return what this very process would tell of itself."""
    about = {"pid": os.getpid(), "born": births.started(os.getpid()), "place": births.here(), "ended": None}
    return about | changes


def aged(operation, file, seconds):
    then = time.time() - seconds
    os.utime(operation.folder / file, (then, then))


def test_a_process_that_works_is_known_by_pid_and_birth(made):
    assert made(process_json=own()).as_json()["state"] == "running"


def test_a_later_process_of_the_same_number_is_not_taken_for_it(made):
    state = made(process_json=own(born="some-boot:1")).as_json()
    assert (state["state"], state["error"]["code"]) == ("interrupted", "NB590")


def test_a_process_elsewhere_is_known_by_its_signs_of_life(made):
    operation = made(process_json=own(place="another container", pid=1))
    assert operation.as_json()["state"] == "running"
    aged(operation, "process.json", SILENT + 5)
    assert operation.as_json()["state"] == "interrupted"


def test_a_process_that_has_not_told_of_itself_gets_some_time(made):
    operation = made()
    assert operation.as_json()["state"] == "running"
    aged(operation, "operation.json", BEGINS + 5)
    assert operation.as_json()["state"] == "interrupted"


@pytest.mark.parametrize(
    ("ended", "out", "stopped", "state", "code"),
    [
        (0, {"equal": True}, False, "succeeded", None),
        (1, {"equal": False}, False, "succeeded", None),
        (1, {"error": {"code": "NB301"}}, False, "failed", "NB301"),
        (1, "", False, "failed", "NB590"),
        (1, "[1]", False, "failed", "NB590"),
        (1, '{"equal": tr', False, "failed", "NB590"),
        (130, "", False, "interrupted", None),
        (1, {"error": {"code": "NB301"}}, True, "interrupted", None),
        (0, {"equal": True}, True, "succeeded", None),
        (None, "", False, "interrupted", "NB590"),
    ],
)
def test_how_it_ended(made, ended, out, stopped, state, code):
    files = {"process_json": own(ended=ended, born="x"), "out": out, "driver_log": "first\nlast words\n"}
    found = made(**files, **({"stopping": ""} if stopped else {})).as_json()
    assert (found["state"], (found["error"] or {}).get("code")) == (state, code)
    assert (found["result"] is not None) == (state == "succeeded")
    if code == "NB590":
        assert "last words" in found["error"]["message"]


def test_a_sweep_shows_what_it_came_to_while_it_goes_on_and_after(made, notebook):
    operation = made("sweep", process_json=own())
    assert operation.as_json()["result"] is None
    sweeps = Project.find(notebook).home / "sweeps"
    sweeps.mkdir()
    (sweeps / f"{operation.id}.json").write_text('{"sweep": "x", "trials": [1]}')
    assert operation.as_json()["result"]["trials"] == [1]
    (operation.folder / "process.json").write_text(json.dumps(own(ended=130)))
    shown = operation.as_json()
    assert (shown["state"], shown["result"]["trials"]) == ("interrupted", [1])


def test_steps_have_their_last_state_and_end_with_the_work(made):
    lines = [
        {"time": "t1", "name": "run", "state": "running", "seconds": None, "stage": None},
        {"time": "t2", "name": "load", "state": "running", "seconds": None, "stage": "load"},
        {"time": "t3", "name": "load", "state": "succeeded", "seconds": 0.2, "stage": "load"},
        {"time": "t4", "name": "run", "state": "succeeded", "seconds": 0.5, "stage": None},
        {"time": "t5", "name": "start", "state": "running", "seconds": None, "stage": None},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\nnot json\n3\n{"name": "half'
    operation = made("deploy", process_json=own(), steps_jsonl=text)
    found = operation.as_json()["steps"]
    assert [(step["name"], step["state"], step["seconds"], step["since"]) for step in found] == [
        ("run", "succeeded", 0.5, None),
        ("load", "succeeded", 0.2, None),
        ("start", "running", None, "t5"),
    ]
    assert steps.read(operation.folder / "steps.jsonl", "failed")[-1]["state"] == "failed"
    assert steps.read(operation.folder / "nowhere", "failed") == []


def test_the_newest_of_the_notebook_is_found_by_its_files(made, notebook):
    assert operations.newest(notebook) is None
    made(name="00000001", started="2020-01-01T00:00:01.000Z", process_json=own(ended=0), out={})
    second = made(name="00000002", started="2020-01-01T00:00:02.000Z", process_json=own(ended=0), out={})
    made(name="00000003", started="2020-01-01T00:00:03.000Z", of=notebook.with_name("other.ipynb"))
    (second.folder.parent / "00000004").mkdir()
    assert operations.newest(notebook).id == "00000002"
    aged(second, "process.json", operations.RECENT + 5)
    assert operations.newest(notebook) is None


def test_old_operations_are_removed_but_none_that_goes_on(made, notebook):
    oldest = made(name="0000", started="2019-01-01T00:00:00.000Z", process_json=own())
    for number in range(operations.KEPT + 3):
        made(name=f"1{number:03}", started=f"2020-01-01T00:00:00.{number:03}Z", process_json=own(ended=0))
    operations._prune(oldest.folder.parent)
    left = sorted(folder.name for folder in oldest.folder.parent.iterdir())
    assert left == ["0000", *(f"1{number:03}" for number in range(3, operations.KEPT + 3))]


def test_an_unknown_operation_is_told(notebook):
    with pytest.raises(MissingValue, match="there is no operation 0123abcd"):
        operations.find(notebook, "0123abcd")


def test_stopping_signals_only_the_process_that_was_meant(made):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        other = made(name="00000001", process_json=own(pid=sleeper.pid, born="x"))
        other.stop()
        assert sleeper.poll() is None
        assert not (other.folder / "stopping").exists()
        made(name="00000002", process_json=own(pid=sleeper.pid, born=births.started(sleeper.pid))).stop()
        assert sleeper.wait(30) != 0
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_process_elsewhere_is_asked_by_a_file(made, monkeypatch):
    operation = made(process_json=own(place="another container", pid=1))
    operation.stop()
    assert (operation.folder / "stop").exists()
    monkeypatch.setattr(beating, "BEAT", 0.1)
    over = threading.Event()
    beat = threading.Thread(target=beating._beat, args=(operation.folder / "process.json", over))
    beat.start()
    with pytest.raises(KeyboardInterrupt):
        time.sleep(60)
    over.set()
    beat.join()
    assert not (operation.folder / "stop").exists()


def test_a_verb_tells_of_its_process_and_its_end(notebook, tmp_path):
    for arguments, code in ((["codes-there-are-none"], 2), (["check", str(notebook), "--json"], 0)):
        command = [sys.executable, "-P", "-m", "nbprod.interfaces.server.beating", str(tmp_path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        told = beating.read(tmp_path)
        assert (done.returncode, told["ended"]) == (code, code), done.stderr
        assert (told["place"], bool(told["born"])) == (births.here(), True)
    assert json.loads(done.stdout)["diagnostics"] == []


def test_a_run_that_somebody_else_started_is_followed_while_its_file_changes(tmp_path):
    run = OtherRun("0123abcd", tmp_path)
    assert not run.alive
    (tmp_path / "run.json").write_text('{"status": "running"}')
    assert run.alive
    os.utime(tmp_path / "run.json", (0, 0))
    assert not run.alive
    (tmp_path / "run.json").write_text('{"status": "failed"}')
    assert not run.alive


def test_what_is_told_of_a_process_survives_a_file_that_is_none(tmp_path):
    assert Operation("x", tmp_path, {"kind": "verify"}).process == {}
    (tmp_path / "process.json").write_text("[]")
    assert Operation("x", tmp_path, {"kind": "verify"}).process == {}
