"""Hints over Jupyter's own event bus: what changed, of which notebook; and silence when nothing does."""

from __future__ import annotations

import asyncio
import json

import pytest
from jupyter_rest import *  # noqa: F403
from jupyter_rest import PATH

from nbprod.interfaces.server.events import SCHEMA_ID


@pytest.fixture
def heard(jp_serverapp, jp_asyncio_loop):
    """What listeners of the event bus were told so far."""
    told = []

    async def listen(logger, schema_id, data):
        told.append({name: data[name] for name in ("path", "what", "id")})

    jp_serverapp.event_logger.add_listener(schema_id=SCHEMA_ID, listener=listen)
    return told


@pytest.fixture
def wait(jp_asyncio_loop):
    """Let the server's loop go on until something is true."""

    def wait(reached, seconds=60):
        async def waiting():
            for _ in range(int(seconds / 0.02)):
                if reached():
                    return
                await asyncio.sleep(0.02)

        jp_asyncio_loop.run_until_complete(waiting())
        assert reached()

    return wait


def test_a_run_is_told_of_until_it_is_over(ask, heard, wait, jp_web_app):
    run = ask("POST", "run")[1]["run"]
    hint = {"path": PATH, "what": "run", "id": run}
    wait(lambda: jp_web_app.settings["nbprod"].changes._task.done())
    assert len(heard) > 1
    assert all(item == hint for item in heard)
    assert ask("GET", f"runs/{run}")[1]["status"] == "succeeded"


def test_a_run_that_a_command_line_started_is_told_of_once_seen(ask, heard, wait, notebook):
    folder = notebook.parents[1] / ".nbprod" / "runs" / "0123abcd"
    assert ask("GET", "state")[0] == 200
    assert heard == []
    from nbprod.store import Ledger

    record = {"run": "0123abcd", "notebook": PATH, "status": "running", "stages": []}
    with Ledger(folder.parents[1]) as ledger:
        ledger.begin_run("0123abcd", PATH, record)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({**record, "metrics": {}, "seconds": 1}))
    assert ask("GET", "state")[1]["runs"][0]["status"] == "running"
    wait(lambda: {"path": PATH, "what": "run", "id": "0123abcd"} in heard)
    (folder / "run.json").write_text(json.dumps({**record, "status": "succeeded", "metrics": {}, "seconds": 1}))
    count = len(heard)
    wait(lambda: len(heard) > count)


def test_operations_and_what_they_change_are_told(ask, heard, wait, jp_web_app):
    operation = ask("POST", "deploy")[1]["operation"]
    wait(lambda: jp_web_app.settings["nbprod"].changes._task.done())
    assert {"path": PATH, "what": "operation", "id": operation} in heard
    assert heard[-1] == {"path": PATH, "what": "endpoints", "id": operation}


def test_schedules_are_told(ask, heard, wait, notebook):
    from nbprod.config import Project
    from nbprod.scheduling import Schedules

    Schedules(Project.find(notebook)).add(notebook, "0 6 1 1 *", name="nightly")
    assert ask("POST", "schedules/nightly/pause", paused=True)[0] == 200
    assert ask("DELETE", "schedules/nightly")[0] == 200
    wait(lambda: len(heard) == 2)
    assert all(item == {"path": PATH, "what": "schedules", "id": "nightly"} for item in heard)


def test_nothing_is_watched_when_nothing_goes_on(ask, heard, jp_web_app):
    ask("GET", "state")
    ask("POST", "pipeline")
    assert jp_web_app.settings["nbprod"].changes._task is None
    assert heard == []


def test_work_that_goes_on_keeps_the_server_awake(ask, wait, jp_web_app):
    """A hub ends servers that seem idle; the run would end with it."""
    before = jp_web_app.settings["last_activity_times"].get("nbprod")
    ask("POST", "run")
    wait(lambda: jp_web_app.settings["last_activity_times"].get("nbprod") != before)
    wait(lambda: jp_web_app.settings["nbprod"].changes._task.done())
