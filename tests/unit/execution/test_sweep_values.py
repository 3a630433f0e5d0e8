"""Texts that list values, and the trials that come of a grid."""

from __future__ import annotations

import pytest

from nbprod import analysis, notebooks
from nbprod.core.errors import PlanError
from nbprod.core.sweep import Sweep, Trial, TrialStatus
from nbprod.execution import alternatives, combinations, recorded


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,3", ["1", "2", "3"]),
        (" 1 , 2 ", ["1", "2"]),
        ("7", ["7"]),
        ("", [""]),
        ("a,", ["a", ""]),
        ("[1, 2],[3]", ["[1, 2]", "[3]"]),
        ("(1, (2, 3)),{'a': 1, 'b': 2}", ["(1, (2, 3))", "{'a': 1, 'b': 2}"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ('"it\'s, so",x', ['"it\'s, so"', "x"]),
        ("['a,b', 'c)'],[]", ["['a,b', 'c)']", "[]"]),
        (r"'a\',b',c", [r"'a\',b'", "c"]),
        ("don't,won't", ["don't", "won't"]),
        ("[1,2", ["[1,2"]),
        ("1),2", ["1)", "2"]),
    ],
)
def test_split(text, values):
    assert alternatives(text) == values


@pytest.fixture
def pipeline(project, make_notebook):
    cells = [
        ("parameters", "n = 1\nrate = 0.5\nname = 'a'\nsizes = [1]\nflag = False"),
        ("stage:load", "x = n * rate"),
        ("stage:score", "roc = {'auc': x}\nloss = x\nf1 = 1", {"metrics": ["roc", "loss"]}),
    ]
    path = make_notebook(project / "nb.ipynb", cells)
    return analysis.analyze([notebooks.read(path, "nb.ipynb")])


def test_all_combinations_typed_the_last_fastest(pipeline):
    found = combinations(pipeline, {"n": ["1", "2"], "rate": ["1", "0.5"]})
    assert found == [{"n": 1, "rate": 1.0}, {"n": 1, "rate": 0.5}, {"n": 2, "rate": 1.0}, {"n": 2, "rate": 0.5}]
    assert all(type(item["rate"]) is float for item in found)


def test_values_count_once_and_quotes_of_a_text_go(pipeline):
    assert combinations(pipeline, {"n": ["2", " 2", 2]}) == [{"n": 2}]
    assert combinations(pipeline, {"flag": ["true", "False", "True"]}) == [{"flag": True}, {"flag": False}]
    assert combinations(pipeline, {"name": ["'a,b'", "b", "it's"]}) == [
        {"name": "a,b"},
        {"name": "b"},
        {"name": "it's"},
    ]
    assert combinations(pipeline, {"sizes": ["[1, 2]", "[3]"]}) == [{"sizes": [1, 2]}, {"sizes": [3]}]


@pytest.mark.parametrize(
    ("grid", "code", "text"),
    [
        ({}, "NB408", "a parameter with values"),
        ({"n": []}, "NB408", "values for n"),
        ({"m": ["1"]}, "NB401", "no parameter m"),
        ({"n": ["1", "x"]}, "NB402", "'x' is not"),
        ({"n": range(1001)}, "NB408", "1,001 trials"),
    ],
)
def test_refused_before_anything_runs(pipeline, grid, code, text):
    with pytest.raises(PlanError, match=text) as caught:
        combinations(pipeline, grid)
    assert caught.value.code == code


def test_metrics_that_some_stage_records(pipeline):
    for metric in ("loss", "roc.auc"):
        recorded(pipeline, metric)
    with pytest.raises(PlanError, match="records the metric f1") as caught:
        recorded(pipeline, "f1")
    assert caught.value.hint == "stage score makes it: %%mlops stage score --metric f1"
    with pytest.raises(PlanError) as caught:
        recorded(pipeline, "lossy")
    assert (caught.value.code, caught.value.hint) == ("NB407", "metrics: loss, roc")


def test_best():
    done = TrialStatus.SUCCEEDED
    trials = tuple(Trial(number, {"n": number}, "r", done, value) for number, value in ((1, 2.0), (2, 1.0), (3, 1.0)))
    trials += (Trial(4, {"n": 4}, None, TrialStatus.FAILED),)
    assert Sweep("s", "nb.ipynb", "loss", trials=trials).best.number == 2
    assert Sweep("s", "nb.ipynb", "loss", True, trials).as_json()["best"] == 1
    assert Sweep("s", "nb.ipynb", "loss", True, trials[3:]).as_json()["best"] is None
