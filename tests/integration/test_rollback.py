"""Endpoints and their past: versions, going back and forth, health."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from model_directory import write_model

from nbprod import api, deploy
from nbprod.config import Project
from nbprod.core.errors import DeployError
from nbprod.core.model import Model
from nbprod.deploy.process import alive, started
from nbprod.interfaces import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROW = {"age": 30}
SOURCE = "rows = [{{'age': 30}}]\ndef predict(row: dict):\n    return {}.0\n"


@pytest.fixture
def place(project: Path) -> Iterator[Project]:
    found = Project.find(project)
    yield found
    for item in deploy.endpoints(found):
        deploy.stop(found, item.endpoint)


@pytest.fixture
def put(place: Project) -> Callable[[int], Model]:
    """Deploy a model that answers a number, made by the run of that number."""

    def run(number: int) -> Model:
        path = place.home / "models" / f"run{number}"
        if not path.exists():
            write_model(path, SOURCE.format(number), "m")
        model = Model("m", str(path))
        deploy.deploy(model, place)
        return model

    return run


def answers() -> float:
    return float(api.predict("m", [ROW])["predictions"][0])


def listed() -> list[tuple[str, bool]]:
    return [(Path(item["model_path"]).name, item["current"]) for item in api.versions("m")]


def test_back_twice_and_forth(put: Callable[[int], Model], place: Project):
    for number in (1, 2, 3, 3):
        put(number)
    url = api.endpoint("m").url
    assert listed() == [("run3", True), ("run2", False), ("run1", False)]
    back = api.rollback("m")
    assert (back.endpoint, back.url, answers()) == ("m", url, 2.0)
    assert listed() == [("run3", False), ("run2", True), ("run1", False)]
    api.rollback("m")
    assert answers() == 1.0
    with pytest.raises(DeployError, match="no model was deployed before this one") as caught:
        api.rollback("m")
    assert caught.value.code == "NB734"
    assert answers() == 1.0
    api.rollback("m", version="run3")
    assert (answers(), listed()[0]) == (3.0, ("run3", True))


def test_what_was_deployed_after_going_back_goes_back_to_what_served(put: Callable[[int], Model]):
    for number in (1, 2):
        put(number)
    api.rollback("m")
    put(3)
    api.rollback("m")
    assert answers() == 1.0, "2 was taken back before 3 was deployed"


def test_versions_are_those_registered_since(put: Callable[[int], Model], place: Project, capsys):
    for number in (1, 2):
        put(number)
    assert [item["version"] for item in api.versions("m")] == [None, None]
    for number in (1, 2):
        folder = place.home / "runs" / f"run{number}"
        folder.mkdir(parents=True)
        (folder / "registered.json").write_text(json.dumps({"version": str(number + 6), "uri": f"models:/m/{number}"}))
    first = api.versions("m")[-1]
    assert (first["version"], first["model"], first["target"], first["current"]) == ("7", "m", "local", False)
    assert first["deployed"].endswith("+00:00")
    with pytest.raises(DeployError, match="version 4 was never deployed") as caught:
        api.rollback("m", version="4")
    assert caught.value.hint == "deployed: 8, 7"
    assert cli.run(["rollback", "m", "--to", "7", "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["endpoint"], found["target"], found["version"]) == ("m", "local", "7")
    assert "putting back version 7" in told.err
    assert api.predict("m", [ROW])["model"] == {"name": "m", "version": "7"}
    assert cli.run(["rollback", "m", "--to", "8"]) == 0
    assert "v8" in capsys.readouterr().out
    assert cli.run(["rollback", "nobody", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NB720"


def test_a_model_that_is_gone_or_no_longer_answers_alike_changes_nothing(put: Callable[[int], Model]):
    first, _ = put(1), put(2)
    sample = Path(first.path) / "sample.json"
    changed = json.loads(sample.read_text())
    sample.write_text(json.dumps({**changed, "predictions": [5.0]}))
    with pytest.raises(DeployError, match="differently from the notebook"):
        api.rollback("m")
    assert (answers(), listed()[0]) == (2.0, ("run2", True))
    shutil.rmtree(first.path)
    with pytest.raises(DeployError, match="is gone") as caught:
        api.rollback("m")
    assert caught.value.code == "NB735"
    assert answers() == 2.0


def test_the_endpoint_answers_while_it_goes_back(put: Callable[[int], Model]):
    url = ""
    for number in (1, 2):
        put(number)
        url = api.endpoint("m").url
    got: list[float] = []
    refused: list[DeployError] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                got.extend(deploy.predict(url, [ROW])["predictions"])
            except DeployError as error:
                refused.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    api.rollback("m")
    over.set()
    asking.join()
    assert refused == []
    assert set(got) <= {1.0, 2.0}
    assert answers() == 1.0


def test_stopping_forgets(put: Callable[[int], Model], place: Project):
    put(1)
    put(2)
    deploy.stop(place, "m")
    with pytest.raises(DeployError, match="no endpoint m"):
        api.versions("m")
    put(3)
    assert listed() == [("run3", True)]


def test_a_line_cut_short_is_passed_over(put: Callable[[int], Model], place: Project):
    put(1)
    with (place.home / "endpoints" / "m.history").open("a") as file:
        file.write('{"target": "loc\n')
    put(2)
    assert listed() == [("run2", True), ("run1", False)]


def test_health(put: Callable[[int], Model]):
    put(1)
    idle = api.health("m")
    assert idle == {
        "endpoint": "m",
        "state": "healthy",
        "version": None,
        "requests": 0,
        "errors": 0,
        "rows": 0,
        "p50_ms": None,
        "p95_ms": None,
    }
    api.predict("m", [ROW, ROW])
    with pytest.raises(DeployError):
        api.predict("m", [{"age": "x"}])
    busy = api.health("m")
    assert (busy["requests"], busy["errors"], busy["rows"]) == (2, 1, 2)
    assert 0 < busy["p50_ms"] <= busy["p95_ms"]


def test_health_of_one_that_does_not_answer(put: Callable[[int], Model]):
    put(1)
    endpoint = api.endpoint("m")
    server = endpoint.detail["pid"]
    os.kill(server, signal.SIGSTOP)
    try:
        silent = api.health("m")
    finally:
        os.kill(server, signal.SIGCONT)
    assert (silent["state"], silent["requests"], silent["p50_ms"]) == ("unhealthy", 0, None)
    both = [(pid, started(pid)) for pid in (endpoint.detail["supervisor"], server)]
    for pid, token in both:
        os.kill(pid, signal.SIGKILL)
        while alive(pid, token):
            threading.Event().wait(0.02)
    assert api.health("m")["state"] == "stopped"


def test_targets(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    local, docker = api.targets(project)
    assert local == {"name": "local", "available": True, "missing": None}
    assert (docker["name"], docker["available"]) == ("docker", False)
    assert "no Docker engine answers" in docker["missing"]
