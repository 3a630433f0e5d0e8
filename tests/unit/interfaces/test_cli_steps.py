"""`$NBPROD_STEPS`: what a verb does, as lines of a file that another program reads while it goes on."""

from __future__ import annotations

import json

import pytest

from nbprod.core.run import Event
from nbprod.interfaces import cli
from nbprod.interfaces.cli.progress import Progress
from nbprod.interfaces.cli.screen import Screen


@pytest.fixture
def lines(tmp_path, monkeypatch):
    file = tmp_path / "steps.jsonl"
    monkeypatch.setenv("NBPROD_STEPS", str(file))

    def read():
        found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert all(set(line) == {"time", "name", "state", "seconds", "stage"} for line in found)
        return [(line["name"], line["state"], line["stage"]) for line in found]

    read.file = file
    return read


def test_a_step_ends_when_the_next_begins_and_stages_tell_for_themselves(lines, capsys):
    with Progress(Screen(quiet=True), "x.ipynb") as progress:
        progress.step("reading the notebook")
        progress.listen(Event("run-started", None, {"stages": ["load", "train"]}))
        progress.listen(Event("stage-finished", "load", {"status": "cached", "seconds": 0.0, "reason": "unchanged"}))
        progress.listen(Event("stage-started", "train", {"reason": "new"}))
        progress.listen(Event("stage-finished", "train", {"status": "succeeded", "seconds": 1.25}))
        progress.listen(Event("run-finished", None, {}))
        progress.step("starting the endpoint")
    assert lines() == [
        ("reading the notebook", "running", None),
        ("reading the notebook", "succeeded", None),
        ("load", "cached", "load"),
        ("train", "running", "train"),
        ("train", "succeeded", "train"),
        ("starting the endpoint", "running", None),
        ("starting the endpoint", "succeeded", None),
    ]
    seconds = [json.loads(line)["seconds"] for line in lines.file.read_text().splitlines()]
    assert (seconds[0], seconds[2], seconds[4]) == (None, 0.0, 1.25)
    assert seconds[1] >= 0
    assert capsys.readouterr().out == ""


def test_what_goes_on_when_an_error_passes_has_failed(lines):
    def work():
        with Progress(Screen(quiet=True), None) as progress:
            progress.listen(Event("stage-started", "notebook", {}))
            progress.step("comparing")
            raise ValueError

    with pytest.raises(ValueError):
        work()
    assert lines()[2:] == [("comparing", "failed", None), ("notebook", "failed", "notebook")]


def test_a_step_may_end_otherwise(lines):
    with Progress(Screen(quiet=True), None) as progress:
        progress.step("trial 1 of 2")
        progress.done("failed")
        progress.done("failed")
    assert lines() == [("trial 1 of 2", "running", None), ("trial 1 of 2", "failed", None)]


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROD_STEPS", str(tmp_path / "none" / "steps"))
    with Progress(Screen(quiet=True), None) as progress:
        progress.step("one")
    assert not (tmp_path / "none").exists()


def test_a_run_as_json_tells_its_stages(lines, project, make_notebook, capsys):
    path = make_notebook(project / "small.ipynb", [("stage:load", "x = 1"), ("stage:fail", "1 / 0")])
    assert cli.run(["run", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"
    assert lines() == [
        ("load", "running", "load"),
        ("load", "succeeded", "load"),
        ("fail", "running", "fail"),
        ("fail", "failed", "fail"),
    ]
