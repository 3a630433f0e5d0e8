"""A notebook deployed by the command line, again with other parameters, and put back; each step told."""

from __future__ import annotations

import json

import pytest

from nbprod import api, deploy
from nbprod.config import Project
from nbprod.interfaces import cli

CELLS = [
    ("parameters", "factor = 2"),
    ("stage:load", "rows = [{'age': 30}, {'age': 40}]"),
    ("stage:fit", "weight = factor * 1.0"),
    ("serve", "def predict(row: dict):\n    return row['age'] * weight"),
]


@pytest.fixture
def path(project, make_notebook):
    yield make_notebook(project / "price.ipynb", CELLS)
    for item in api.endpoints(project):
        deploy.stop(Project.find(project), item.endpoint)


def test_deployed_twice_and_put_back(path, project, capsys, monkeypatch):
    steps = project / "steps"
    monkeypatch.setenv("NBPROD_STEPS", str(steps))
    assert cli.run(["deploy", str(path), "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["endpoint"], found["target"], found["state"]) == ("price", "local", "healthy")
    assert "starting the endpoint" in told.err
    ends = [line for line in map(json.loads, steps.read_text().splitlines()) if line["state"] != "running"]
    assert [(line["name"], line["state"], line["stage"]) for line in ends] == [
        ("reading the notebook", "succeeded", None),
        ("load", "succeeded", "load"),
        ("fit", "succeeded", "fit"),
        ("starting the endpoint, comparing 2 rows with the notebook", "succeeded", None),
    ]
    assert all(line["seconds"] > 0 for line in ends)

    assert cli.run(["deploy", str(path), "-p", "factor=5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["url"] == found["url"]
    assert api.predict("price", [{"age": 10}])["predictions"] == [50.0]
    assert cli.run(["deploy", str(path), "-p", "factor=5"]) == 0
    assert [item["current"] for item in api.versions("price", path)] == [True, False], (
        "the same model again is no other"
    )

    assert cli.run(["rollback", "price", "--json", "--project", str(project)]) == 0
    assert api.predict("price", [{"age": 10}])["predictions"] == [20.0]
    assert api.health("price", path)["state"] == "healthy"


def test_a_run_that_fails_is_told_as_such_and_deploys_nothing(path, project, make_notebook, capsys, monkeypatch):
    steps = project / "steps"
    monkeypatch.setenv("NBPROD_STEPS", str(steps))
    make_notebook(path, [*CELLS[:2], ("stage:fit", "weight = 1 / 0"), CELLS[3]])
    assert cli.run(["deploy", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["where"]["cell"] == 3
    last = json.loads(steps.read_text().splitlines()[-1])
    assert (last["name"], last["state"]) == ("fit", "failed")
    assert api.endpoints(path) == []
