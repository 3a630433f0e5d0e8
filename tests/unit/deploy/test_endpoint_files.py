"""Names, ports, requests that cannot be sent: all that needs no process."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from nbprod import deploy
from nbprod.config import Project
from nbprod.core.errors import DeployError, UnavailableError, UsageError
from nbprod.core.model import Image, Model
from nbprod.deploy.launch import CannotListen, listen, refusal
from nbprod.deploy.state import Files, Status, names

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("given", "name"), [("churn", "churn"), ("my model!", "my-model"), ("../../etc", "etc")])
def test_names_can_be_files_and_hosts(given: str, name: str):
    assert deploy.endpoint_name(given) == name


def test_a_name_of_nothing_is_refused():
    with pytest.raises(DeployError):
        deploy.endpoint_name("???")


def test_ports():
    with listen("127.0.0.1", None) as one, listen("127.0.0.1", None) as other:
        port = one.getsockname()[1]
        assert port >= 8642
        assert other.getsockname()[1] != port
        with pytest.raises(CannotListen, match=f"port {port}"):
            listen("127.0.0.1", port)
    with pytest.raises(CannotListen):
        listen("127.0.0.1", 70_000)
    with pytest.raises(CannotListen):
        listen("192.0.2.1", None)


def test_a_status_that_outlived_its_processes_is_stopped(tmp_path: Path):
    files = Files(tmp_path, "churn")
    status = Status("churn", "churn", None, "/m", "", "127.0.0.1", 1, "healthy", "", 1, 2**22 + 1, "x", 2**22 + 2, "y")
    files.write(status)
    assert names(tmp_path) == ["churn"]
    assert files.read_status() == status
    assert status.now() == "stopped"
    files.forget()
    assert names(tmp_path) == []
    assert files.read_status() is None


def test_the_servers_own_words_tell_why_it_did_not_start(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text('{"code": "old", "message": "", "hint": ""}\n')
    offset = log.stat().st_size
    with log.open("a") as stream:
        stream.write("noise\n" + json.dumps({"code": "NB721", "message": "lacks msgspec", "hint": "pip"}) + "\n3\n")
    assert refusal(log, offset)["code"] == "NB721"
    log.write_text("Traceback\nKilled\n")
    assert "Killed" in refusal(log, 0)["message"]


def test_unknown_endpoints_are_named(project: Path):
    found = Project.find(project)
    assert deploy.endpoints(found) == []
    for act in (deploy.stop, deploy.logs, deploy.sample):
        with pytest.raises(DeployError, match="there is no endpoint nope"):
            act(found, "nope")


def test_docker_without_an_engine_is_unavailable(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{project}/no.sock")
    with pytest.raises(UnavailableError, match="no Docker engine"):
        deploy.deploy(Model("m", "/m"), Project.find(project), target="docker", image=Image("m:1", "", 0))
    with pytest.raises(UsageError, match="no target named nowhere"):
        deploy.deploy(Model("m", "/m"), Project.find(project), target="nowhere")


def test_an_endpoint_that_is_not_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(DeployError, match="does not answer"):
            deploy.predict(url, [{}])
    with pytest.raises(UsageError):
        deploy.predict("file:///etc/passwd", [{}])


def test_an_endpoint_that_is_something_else():
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_error(404, "no such thing")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        Thread(target=server.handle_request).start()
        with pytest.raises(DeployError, match="404 no such thing"):
            deploy.predict(f"http://127.0.0.1:{server.server_port}", [{}])
