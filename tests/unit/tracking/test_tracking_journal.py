"""The journal: what is written when, who may publish it, and that a run never fails for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from nbprod import plugins
from nbprod.config import Project
from nbprod.core.errors import TrackingError
from nbprod.core.pipeline import Parameter, Pipeline, Stage
from nbprod.core.run import Event, RunOptions
from nbprod.tracking import Journal, context, journal, lock, publish, publisher
from nbprod.tracking.record import RunRecord

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = Pipeline(
    "work/churn.ipynb",
    (Stage("load", (1,), (), parameters=("rows",)),),
    (),
    (Parameter("rows", "int", 10, "10"), Parameter("day", "date", None, "date.today()")),
    (),
    (),
)


@pytest.fixture
def here(project: Path) -> Project:
    return Project.find(project)


def tell(here: Project, *events: Event, run: str = "aaaa0000"):
    listen = Journal(here).listener(PIPELINE, RunOptions(parameters={"rows": 3}))
    listen(Event("run-started", None, {"run": run, "parameters": {"rows": 3}, "python": "3.11"}))
    for event in events:
        listen(event)
    return listen


def test_entries(here: Project) -> None:
    tell(
        here,
        Event("stage-started", "load", {"reason": "new"}),
        Event("cell-started", "load", {"cell": 1}),
        Event("output", "load", {"output": {"big": "x" * 1000}}),
        Event("stage-finished", "load", {"status": "succeeded", "observed": {"distributions": {"pandas": "3"}}}),
        Event("run-finished", None, {"status": "succeeded"}),
    )
    path = here.home / "journal" / "aaaa0000.jsonl"
    entries = journal.read(path)
    assert [item["kind"] for item in entries] == ["run-started", "stage-started", "stage-finished", "run-finished"]
    assert [item["seq"] for item in entries] == [1, 2, 3, 4]
    assert entries[0]["context"]["parameters"] == {"rows": 3, "day": "date.today()"}
    assert entries[0]["context"]["name"] == "churn"
    assert journal.ready(here.home) == [path]
    record = RunRecord.of(entries)
    assert (record.status, record.stages[0].status, record.distributions) == ("FINISHED", "FINISHED", {"pandas": "3"})


def test_a_run_going_on_is_left_alone(here: Project) -> None:
    tell(here, Event("stage-started", "load", {}))
    assert journal.ready(here.home) == []


def test_a_line_cut_off_by_a_kill(here: Project) -> None:
    tell(here, Event("run-finished", None, {"status": "succeeded"}))
    path = here.home / "journal" / "aaaa0000.jsonl"
    whole = path.read_text()
    path.write_text(whole[:-10])
    assert [item["kind"] for item in journal.read(path)] == ["run-started"]
    path.write_text("")
    assert journal.read(path) == []
    assert journal.ready(here.home) == []


def test_a_journal_that_cannot_be_written_is_a_note(here: Project) -> None:
    (here.home / "journal").write_text("in the way")
    listen = tell(here, Event("run-finished", None, {"status": "succeeded"}))
    assert "could not be written" in listen.notes[0]


def test_a_run_that_failed_or_was_cached(here: Project) -> None:
    tell(
        here,
        Event("stage-finished", "load", {"status": "cached", "reason": "unchanged since run 7f3a"}),
        Event("stage-started", "train", {}),
        Event("stage-finished", "train", {"status": "failed"}),
        Event("stage-finished", "report", {"status": "skipped"}),
        Event("run-finished", None, {"status": "failed"}),
    )
    record = RunRecord.of(journal.read(here.home / "journal" / "aaaa0000.jsonl"))
    assert record.status == "FAILED"
    assert [(item.name, item.status) for item in record.stages] == [("load", "FINISHED"), ("train", "FAILED")]
    assert record.stages[0].cached_from == "7f3a"
    assert record.stages[1].cached_from is None


def test_one_run_that_cannot_be_told_does_not_hold_up_the_others(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Picky:
        name = "picky"

        def publish(self, entries):
            if entries[0]["run"] == "aaaa0000":
                raise TrackingError("NB800", "no")
            told.append(entries[0]["run"])

    monkeypatch.setattr(plugins, "tracker", lambda _name: Picky())
    for run in ("aaaa0000", "bbbb0000"):
        tell(here, Event("run-finished", None, {"status": "succeeded"}), run=run)
    assert publish(here, (0.0,)) == 1
    assert told == ["bbbb0000"]
    assert [path.stem for path in journal.ready(here.home)] == ["aaaa0000"]


def test_one_publisher_at_a_time(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(here, Event("run-finished", None, {"status": "succeeded"}))
    held = lock.ProcessLock(here.home / "journal" / "publisher.lock")
    assert held.acquire()
    try:
        assert publish(here) == 0
        assert publisher.spawn_publisher(here) is None
        assert publisher.processes(here)[0]["pid"] == os.getpid()
    finally:
        held.release()
    assert publisher.processes(here) == []


@pytest.mark.parametrize("locks", [True, False], ids=["flock", "no locks on this file system"])
def test_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool) -> None:
    if not locks:
        monkeypatch.setattr(lock, "_fcntl", None)
    first, second = lock.ProcessLock(tmp_path / "lock"), lock.ProcessLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    assert second.holder()["pid"] == os.getpid()
    second.release()
    assert second.holder() is None


def test_lock_of_a_killed_process_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_fcntl", None)
    (tmp_path / "lock.held").write_text(json.dumps({"pid": 4194305, "born": "1", "since": ""}))
    assert lock.ProcessLock(tmp_path / "lock").acquire()


def test_alive() -> None:
    assert lock.alive(os.getpid(), lock.identity(os.getpid()))
    assert not lock.alive(os.getpid(), "another birth")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    born = lock.identity(ended.pid)
    ended.wait()
    assert not lock.alive(ended.pid, born)


def test_git(tmp_path: Path) -> None:
    def said() -> dict[str, Any]:
        asked = context.ask_git(tmp_path, tmp_path / "answer")
        if asked is None:
            return {}
        born = lock.identity(asked.pid)
        found = context.git_said(asked.pid, born, tmp_path / "answer")
        asked.wait()
        return found

    assert said() == {}

    def git(*words: str) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", *identity, *words]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "work")
    assert said() == {}, "no commit yet"
    (tmp_path / "nb.ipynb").write_text("{}")
    git("add", "nb.ipynb")
    git("commit", "-q", "-m", "one")
    assert said() == {"commit": git("rev-parse", "HEAD"), "branch": "work", "dirty": False}
    (tmp_path / "nb.ipynb").write_text("{ }")
    assert said()["dirty"] is True


def test_the_callers_own_run_does_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc")
    assert "MLFLOW_RUN_ID" not in context.child_environment()


def test_tracking_loads_no_third_party_module() -> None:
    code = (
        "import sys; before = set(sys.modules); import nbprod.tracking\n"
        "tops = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(tops - set(sys.stdlib_module_names) - {'nbprod'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://me:secret@mlflow.example:5000/x", "http://mlflow.example:5000/x"),
        ("sqlite:///runs.db", "sqlite:///{root}/runs.db"),
        ("sqlite:////tmp/runs.db", "sqlite:////tmp/runs.db"),
        ("runs", "{root}/runs"),
    ],
)
def test_address(here: Project, monkeypatch: pytest.MonkeyPatch, given: str, kept: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    found = context.address(here)
    assert found == kept.format(root=here.root)
    if "secret" in given:
        assert context.with_password(found) == given
