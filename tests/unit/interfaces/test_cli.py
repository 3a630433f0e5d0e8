"""The command line's frame: usage errors, JSON errors, exit codes; verbs that need no run."""

from __future__ import annotations

import json

import pytest

from nbprod.interfaces import cli
from nbprod.interfaces.cli.app import VERBS, nbprod
from nbprod.interfaces.cli.screen import seconds


@pytest.fixture
def churn(project, make_notebook):
    return make_notebook(
        project / "small.ipynb",
        [
            ("parameters", "n = 3  # how many\nname = 'a'"),
            ("setup", "import math"),
            ("stage:load", "data = list(range(n))"),
            ("stage:total", "total = math.fsum(data)"),
        ],
    )


def test_every_verb_has_a_command_and_help(capsys):
    for verb in VERBS:
        assert nbprod.get_command(None, verb) is not None
        assert cli.run([verb, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


def test_unknown_verb_suggests_one(capsys):
    assert cli.run(["chek"]) == 2
    assert "Did you mean check?" in capsys.readouterr().err


def test_usage_error_as_json(capsys):
    assert cli.run(["run", "--json", "--jobs", "0", "x.ipynb"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NB911"


def test_missing_notebook(project, capsys):
    assert cli.run(["check", "none.ipynb", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["error"]["code"] == "NB001"
    assert found["error"]["where"]["notebook"] == "none.ipynb"


def test_check_as_json(churn, capsys):
    assert cli.run(["check", str(churn), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(item["code"], item["severity"], item["cell"], item["line"]) for item in found["diagnostics"]] == [
        ("NB314", "info", 1, 2)
    ]
    assert 0 <= found["readiness"]["percent"] <= 100
    assert {"name", "done", "next"} <= set(found["readiness"]["steps"][0])


def test_check_finds_a_name_nobody_defines(project, make_notebook, capsys):
    path = make_notebook(project / "bad.ipynb", [("stage:a", "x = 1"), ("stage:b", "y = x + zz")])
    assert cli.run(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert "NB201" in out
    assert "cell 2 line 1" in out
    assert "^^" in out


def test_graph_as_json(churn, capsys):
    assert cli.run(["graph", str(churn), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [stage["name"] for stage in found["stages"]] == ["load", "total"]
    assert found["edges"] == [{"from": "load", "to": "total", "names": ["data"]}]
    assert found["parameters"][0] == {"name": "n", "type": "int", "default": 3, "help": "how many"}


def test_tag_and_untag(churn, capsys):
    assert cli.run(["tag", str(churn), "4", "sum"]) == 0
    assert '"stage": "sum"' in churn.read_text()
    assert cli.run(["tag", str(churn), "4", "none"]) == 0
    assert '"stage": "sum"' not in churn.read_text()
    assert cli.run(["tag", str(churn), "4", "9bad"]) != 0


def test_explain(capsys):
    assert cli.run(["check", "--explain", "NB201"]) == 0
    assert capsys.readouterr().out.strip()


def test_parameter_without_a_value(churn, capsys):
    assert cli.run(["run", str(churn), "-p", "n"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err


def test_doctor_says_what_is_missing(project, capsys):
    assert cli.run(["doctor", "--json"]) == 0
    names = {item["name"] for item in json.loads(capsys.readouterr().out)["checks"]}
    assert {"python", "mlflow", "papermill"} <= names


def test_init_keeps_what_exists(project, capsys):
    (project / ".gitignore").write_text("mine\n")
    assert cli.run(["init", "."]) == 0
    assert (project / ".gitignore").read_text() == "mine\n"
    assert (project / "example.ipynb").is_file()


def test_three_significant_digits():
    assert [seconds(value) for value in (0.2149, 4.125, 41.66, 612.3)] == ["0.21 s", "4.12 s", "41.7 s", "612 s"]


def test_suggest_and_apply(project, make_notebook, capsys):
    cells = ["import json", "n = 3", "rows = json.load(open('a.json'))[:n]", "total = sum(rows)", "total"]
    path = make_notebook(project / "plain.ipynb", cells)
    before = path.read_text()
    assert cli.run(["suggest", "plain.ipynb"]) == 0
    shown = capsys.readouterr().out
    assert "cell 3    load             json.load(), open()" in shown
    assert "nbprod suggest plain.ipynb --apply" in shown
    assert path.read_text() == before
    assert cli.run(["suggest", "plain.ipynb", "--apply", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["applied"]
    assert [item["stage"] or item["role"] for item in found["cells"]] == [
        "setup",
        "parameters",
        "load",
        "load",
        "exploration",
    ]
    written = [cell["metadata"].get("nbprod") for cell in json.loads(path.read_text())["cells"]]
    assert written == [{"role": "setup"}, {"role": "parameters"}, {"stage": "load"}, {"stage": "load"}, None]
    assert cli.run(["suggest", "plain.ipynb", "--apply"]) == 0
    assert "nothing to tag" in capsys.readouterr().out


def test_a_note_is_shown_once(project, make_notebook, capsys):
    cell = "from sklearn.tree import DecisionTreeClassifier\n{0} = DecisionTreeClassifier().fit([[0], [1]], [0, 1])"
    make_notebook(project / "two.ipynb", [("stage:a", cell.format("one")), ("stage:b", cell.format("other"))])
    assert cli.run(["run", "two.ipynb"]) == 0
    assert capsys.readouterr().out.count("several names may hold the model") == 1
