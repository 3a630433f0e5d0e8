"""What a stage shows is on disk soon after, whether or not anything comes after it."""

from __future__ import annotations

import json
import threading

import pytest

from nbprod.execution import checkpoints
from nbprod.execution.checkpoints import Checkpoints
from nbprod.execution.executed import Executed
from nbprod.execution.widgetstate import MIME, WidgetState

PATIENCE = 30
STEPS = [{"kind": "cell", "cell": 1, "cell_id": "c1", "source": "x", "first_line": 1}]
STREAM = {"output_type": "stream", "name": "stdout"}


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(checkpoints, "PAUSE_SECONDS", 0.01)


def test_a_change_is_saved_though_nothing_follows(soon):
    saved = threading.Event()
    kept = Checkpoints(saved.set)
    with kept.lock:
        kept.changed()
    assert saved.wait(PATIENCE)
    kept.end()


def test_many_changes_are_saved_together(soon):
    times = []
    kept = Checkpoints(lambda: times.append(1))
    with kept.lock:  # the saving waits for it
        for _ in range(1000):
            kept.changed()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(PATIENCE)
    assert len(times) == 1


def test_nothing_is_saved_after_the_end(soon):
    times = []
    kept = Checkpoints(lambda: times.append(1))
    with kept.lock:
        kept.changed()
        kept.end()
    kept.changed()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(PATIENCE)
    assert times == []


def test_what_cannot_be_saved_ends_nothing(soon):
    tried = threading.Semaphore(0)

    def fail():
        tried.release()
        raise OSError("no space left")

    kept = Checkpoints(fail)
    for _ in range(2):
        with kept.lock:
            kept.changed()
        assert tried.acquire(timeout=PATIENCE)
        with kept.lock:  # the saving has ended
            pass
    kept.end()


def test_an_executed_notebook_is_on_disk_while_its_stage_runs(soon, tmp_path, monkeypatch):
    written = threading.Event()
    path = tmp_path / "a.ipynb"
    done = Executed("a", STEPS, {}, {}, path)
    save = done._checkpoints._save
    done._checkpoints._save = lambda: (save(), written.set())
    done.take({"event": "cell-started", "index": 0})
    done.take({"event": "output", "index": 0, "output": {**STREAM, "text": "so far"}})
    assert written.wait(PATIENCE)
    with done._checkpoints.lock:
        found = json.loads(path.read_text())
    about = found["cells"][0]["metadata"]["papermill"]
    assert (about["status"], found["metadata"]["papermill"]["end_time"]) == ("running", None)
    done.take({"event": "cell-finished", "index": 0, "execution_count": 1, "seconds": 0.1})
    done.write(path)
    found = json.loads(path.read_text())
    assert found["cells"][0]["outputs"][0]["text"] == ["so far"]
    assert found["metadata"]["papermill"]["end_time"]


def test_widgets_are_kept_as_nbclient_keeps_them():
    state = WidgetState()
    assert state.metadata() is None
    made = {"_model_name": "OutputModel", "_model_module": "m", "_model_module_version": "1", "outputs": [], "a": 1}
    state.take({"event": "comm", "id": "o", "state": made})
    state.take({"event": "comm", "id": "o", "state": {"a": 2}, "buffers": [{"path": ["b"], "data": "x"}]})
    state.take({"event": "comm", "id": "o", "state": {}, "buffers": [{"path": ["b"], "data": "y"}]})
    state.take({"event": "comm", "id": "plain", "state": {"no": "model"}})
    for text in ("1", "2"):
        state.take({"event": "widget-output", "id": "o", "output": {**STREAM, "text": text}})
    found = state.metadata()
    assert (found[MIME]["version_major"], list(found[MIME]["state"])) == (2, ["o"])
    model = found[MIME]["state"]["o"]
    assert (model["model_name"], model["buffers"]) == ("OutputModel", [{"path": ["b"], "data": "y"}])
    assert model["state"]["outputs"] == [{**STREAM, "text": "12"}]
    assert model["state"]["a"] == 2
    state.take({"event": "widget-clear", "id": "o", "wait": True})
    assert state.metadata()[MIME]["state"]["o"]["state"]["outputs"]
    state.take({"event": "widget-output", "id": "o", "output": {**STREAM, "text": "3"}})
    assert state.metadata()[MIME]["state"]["o"]["state"]["outputs"] == [{**STREAM, "text": "3"}]
