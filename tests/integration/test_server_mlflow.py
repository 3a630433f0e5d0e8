"""MLflow's pages as a child of the Jupyter server: one a project, started when asked for, ended when idle."""

from __future__ import annotations

import threading
import time
import urllib.request

import pytest
from jupyter_rest import *  # noqa: F403

from nbprod.config import Project
from nbprod.core.errors import UnavailableError
from nbprod.interfaces.server.mlflow import Mlflow, on_this_machine


@pytest.fixture
def here(project):
    return Project.find(project)


@pytest.fixture
def mlflow():
    made = Mlflow(idle=1.0)
    yield made
    made.close()


def version(url):
    with urllib.request.urlopen(f"{url}/version", timeout=10) as answer:
        return answer.read().decode()


def test_it_is_started_once_and_ends_when_nobody_asks(here, mlflow):
    urls = []
    asking = [threading.Thread(target=lambda: urls.append(mlflow.url(here))) for _ in range(3)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(set(urls)) == 1
    assert version(urls[0])
    process = mlflow._all[here.home].process
    assert process.wait(60) == 0
    last = time.monotonic() + 30
    while mlflow._all and time.monotonic() < last:
        time.sleep(0.02)
    assert mlflow._all == {}


def test_one_that_does_not_start_tells_why(here, mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://nowhere.invalid/x")
    with pytest.raises(UnavailableError, match="did not start") as refused:
        mlflow.url(here)
    assert "mlflow-ui.log" in refused.value.hint
    assert mlflow._all == {}


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("https://user:secret@mlflow.example/path", "https://mlflow.example/path"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_a_tracking_server_has_pages_of_its_own(here, mlflow, monkeypatch, uri, url):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert mlflow.url(here) == url


def test_a_workspace_elsewhere_is_named(here, mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks://prod")
    with pytest.raises(UnavailableError, match="pages of its own"):
        mlflow.url(here)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000", "http://localhost/x", "http://[::1]:5000", "http://127.9.9.9"]
)
def test_what_only_this_machine_reaches(url):
    assert on_this_machine(url)
    assert not on_this_machine("https://mlflow.example")
    assert not on_this_machine("https://127.example")


def test_the_front_end_gets_an_address_it_can_reach(ask, raw, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert ask("POST", "mlflow") == (200, {"url": "nbprod/mlflow/sub%20folder/small.ipynb/-/"})
    assert raw("mlflow/sub%20folder/small.ipynb/-/").code == 502
    assert raw("mlflow/sub%20folder/small.ipynb/-", follow_redirects=False).headers["Location"].endswith("/-/")
    assert raw("mlflow/../outside.ipynb/-/").code == 404
    assert (
        raw("mlflow/sub%20folder/small.ipynb/-/", method="POST", body="x", headers={"Authorization": "none"}).code
        == 403
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert ask("POST", "mlflow") == (200, {"url": "https://mlflow.example"})
    assert raw("mlflow/sub%20folder/small.ipynb/-/").code == 404
