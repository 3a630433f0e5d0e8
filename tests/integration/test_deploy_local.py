"""Local endpoints: they survive the command, come back, hand over, and are gone when stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from model_directory import write_model
from model_fixtures import models as models

from nbprod import deploy, monitoring
from nbprod.config import Project
from nbprod.core.errors import DeployError
from nbprod.core.model import Endpoint, Model
from nbprod.deploy.process import alive, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROW = {"age": 30, "name": "ann"}
OTHER = "rows = [{'age': 30, 'name': 'ann'}]\ndef predict(row: dict):\n    return -1.5\n"


@pytest.fixture
def place(project: Path) -> Iterator[Project]:
    found = Project.find(project)
    yield found
    for item in deploy.endpoints(found):
        deploy.stop(found, item.endpoint)


@pytest.fixture
def model(models: dict[str, Path]) -> Model:
    return Model("careful", str(models["careful"]), version="1")


def processes(endpoint: Endpoint) -> list[tuple[int, str | None]]:
    return [(pid, started(pid)) for pid in (endpoint.detail["pid"], endpoint.detail["supervisor"])]


def until(true: Callable[[], bool]) -> None:
    """Wait for something another process does; the test run's own limit is the only one."""
    pause = threading.Event()
    while not true():
        pause.wait(0.02)


def test_it_survives_the_command_that_deployed_it(place: Project, model: Model):
    code = (
        "from nbprod import deploy; from nbprod.config import Project; from nbprod.core.model import Model\n"
        f"e = deploy.deploy(Model('careful', {model.path!r}, version='1'), Project.find('.'))\n"
        "print(e.url)"
    )
    # a pipe held open by the endpoint would keep this call from returning
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=place.root)
    url = done.stdout.strip()
    assert deploy.predict(url, [ROW])["predictions"] == [3.0]
    (endpoint,) = deploy.endpoints(place)
    assert (endpoint.endpoint, endpoint.url, endpoint.version, endpoint.state) == ("careful", url, "1", "healthy")
    shown = deploy.processes(place)
    assert {item["pid"] for item in shown} == {endpoint.detail["pid"], endpoint.detail["supervisor"]}
    assert {item["kind"] for item in shown} == {"endpoint"}
    for pid, _ in processes(endpoint):
        assert os.getsid(pid) != os.getsid(0)


def test_it_answers_as_the_notebook_and_logs_what_it_is_asked(place: Project, models: dict[str, Path]):
    churn = Model("churn", str(models["churn"]))
    endpoint = deploy.deploy(churn, place)
    evidence = deploy.compare(churn.path, endpoint.url)
    assert (evidence["equal"], evidence["rows"], evidence["detail"]) == (True, 400, "")
    assert deploy.predict(endpoint.url, [evidence["row"]])["model"] == {"name": "churn", "version": None}
    shown = deploy.sample(place, "churn")
    assert shown["columns"][0] == {"name": "tenure", "type": "number"}
    assert shown["rows"][0] == evidence["row"]
    with pytest.raises(DeployError, match=r"rows\[0\]\.tenure: expected integer"):
        deploy.predict(endpoint.url, [{**evidence["row"], "tenure": "x"}])
    deploy.stop(place, "churn")  # the log is written in full before the server ends
    report = monitoring.report(place, endpoint)
    assert (report["rows"], report["verdict"]) == (401, "stable")


def test_killed_it_comes_back_and_no_request_is_refused(place: Project, model: Model):
    endpoint = deploy.deploy(model, place)
    pid = endpoint.detail["pid"]
    token = started(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid, token))
    assert deploy.predict(endpoint.url, [ROW])["predictions"] == [3.0]  # waits in the supervisor's socket
    until(lambda: deploy.endpoints(place)[0].state == "healthy")
    (again,) = deploy.endpoints(place)
    assert again.detail["pid"] != pid
    assert again.detail["restarts"] == 1
    assert "it is started again" in deploy.logs(place, "careful")


def test_stop_stops(place: Project, model: Model):
    endpoint = deploy.deploy(model, place)
    both = processes(endpoint)
    assert all(alive(*one) for one in both)
    deploy.stop(place, "careful")
    assert not any(alive(*one) for one in both)
    assert deploy.endpoints(place) == []
    assert deploy.processes(place) == []
    with pytest.raises(DeployError, match="does not answer"):
        deploy.predict(endpoint.url, [ROW])
    with pytest.raises(DeployError, match="no endpoint careful"):
        deploy.stop(place, "careful")


def test_stop_finds_the_server_of_a_killed_supervisor(place: Project, model: Model):
    endpoint = deploy.deploy(model, place)
    server, supervisor = processes(endpoint)
    os.kill(supervisor[0], signal.SIGKILL)
    until(lambda: not alive(*supervisor))
    assert deploy.predict(endpoint.url, [ROW])["predictions"] == [3.0]
    assert deploy.endpoints(place)[0].state == "healthy"
    again = deploy.deploy(model, place)
    assert again.url == endpoint.url
    assert not alive(*server)
    os.kill(again.detail["supervisor"], signal.SIGKILL)
    deploy.stop(place, "careful")
    assert not any(alive(*one) for one in processes(again))


def test_a_new_model_takes_over_without_a_refused_request(place: Project, model: Model, tmp_path: Path):
    before = deploy.deploy(model, place)
    other = Model("careful", str(write_model(tmp_path / "other", OTHER, "careful")), version="2")
    answers: list[float] = []
    refused: list[DeployError] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answers.extend(deploy.predict(before.url, [ROW])["predictions"])
            except DeployError as error:
                refused.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    after = deploy.deploy(other, place)
    over.set()
    asking.join()
    assert (after.url, after.version) == (before.url, "2")
    assert refused == []
    assert set(answers) <= {3.0, -1.5}
    assert deploy.predict(after.url, [ROW])["predictions"] == [-1.5]
    assert started(before.detail["pid"]) is None


def test_a_model_that_does_not_come_up_changes_nothing(place: Project, model: Model, tmp_path: Path):
    endpoint = deploy.deploy(model, place)
    wrong = tmp_path / "wrong"
    write_model(wrong, OTHER, "careful")
    sample = json.loads((wrong / "sample.json").read_text())
    sample["predictions"] = [7.0]
    (wrong / "sample.json").write_text(json.dumps(sample))
    with pytest.raises(DeployError, match="differently from the notebook") as caught:
        deploy.deploy(Model("careful", str(wrong)), place)
    assert caught.value.code == "NB744"
    with pytest.raises(DeployError, match="no model directory"):
        deploy.deploy(Model("careful", str(tmp_path)), place)
    assert deploy.predict(endpoint.url, [ROW])["predictions"] == [3.0]
    assert deploy.endpoints(place)[0].version == "1"
    assert deploy.deploy(model, place).url == endpoint.url


def test_a_first_deploy_that_fails_leaves_nothing(place: Project, tmp_path: Path, model: Model):
    with pytest.raises(DeployError, match="no model directory"):
        deploy.deploy(Model("m", str(tmp_path)), place)
    assert deploy.endpoints(place) == []
    with pytest.raises(DeployError, match="cannot be started"):
        deploy.deploy(model, place, python=str(tmp_path / "no-python"))
    assert deploy.processes(place) == []


def test_a_python_without_the_server_is_told_the_one_command(place: Project, model: Model, tmp_path: Path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    with pytest.raises(DeployError) as caught:
        deploy.deploy(model, place, python=str(bare / "bin" / "python"))
    assert caught.value.code == "NB721"
    assert "pip install" in caught.value.hint


def test_ports(place: Project, model: Model):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DeployError, match=f"port {port}") as caught:
            deploy.deploy(model, place, port=port)
        assert caught.value.code == "NB722"
    one = deploy.deploy(model, place, name="one", port=port)
    two = deploy.deploy(model, place, name="two")
    assert one.url.endswith(f":{port}")
    assert two.url != one.url
    moved = deploy.deploy(model, place, name="two", port=None)
    assert moved.url == two.url
    assert {item.endpoint for item in deploy.endpoints(place)} == {"one", "two"}
    deploy.stop(place, "one")
    elsewhere = deploy.deploy(model, place, name="two", port=port)
    assert elsewhere.url == one.url
    with pytest.raises(DeployError, match="does not answer"):
        deploy.predict(two.url, [ROW])


def test_serving_in_a_block(place: Project, model: Model, tmp_path: Path):
    with deploy.serve(model, place) as url:
        assert deploy.predict(url, [ROW])["predictions"] == [3.0]
        port = int(url.rpartition(":")[2])
        with pytest.raises(DeployError, match=f"port {port}"), deploy.serve(model, place, port=port):
            pass
    with pytest.raises(DeployError, match="does not answer"):
        deploy.predict(url, [ROW])
    with pytest.raises(DeployError, match="no model directory"), deploy.serve(Model("m", str(tmp_path)), place):
        pass


def test_a_block_that_is_killed_leaves_no_server(place: Project, model: Model):
    code = (
        "import sys; from nbprod import deploy; from nbprod.config import Project; from nbprod.core.model import Model\n"
        f"with deploy.serve(Model('careful', {model.path!r}), Project.find('.')) as url:\n"
        "    print(url, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.root) as process:
        url = process.stdout.readline().strip()
        assert deploy.predict(url, [ROW])["predictions"] == [3.0]
        process.kill()

    def gone() -> bool:
        try:
            deploy.predict(url, [ROW])
        except DeployError:
            return True
        return False

    until(gone)
