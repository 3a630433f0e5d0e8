"""Texts that say what a sweep tries: values, ranges, intervals; and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod import analysis, notebooks
from nbprod.core.errors import PlanError
from nbprod.core.pipeline import Parameter, Pipeline
from nbprod.core.sweep import Choices, Interval, Sweep, Trial, TrialStatus
from nbprod.execution.sweeping import alternatives, count, recorded
from nbprod.execution.sweeping.axes import axes, of_record, text_of


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
        ("parameters", "n = 1\nrate = 0.5\nname = 'a'\nsizes = [1]\nflag = False\nfree = None\nday: date = None"),
        ("stage:load", "x = n * rate"),
        ("stage:score", "roc = {'auc': x}\nloss = x\nf1 = 1", {"metrics": ["roc", "loss"]}),
    ]
    path = make_notebook(project / "nb.ipynb", cells)
    return analysis.analyze([notebooks.read(path, "nb.ipynb")])


@pytest.mark.parametrize(
    ("name", "given", "values"),
    [
        ("n", "2, 2,1", [2, 1]),
        ("n", ["2", " 2", 2], [2]),
        ("n", "2:10:2", [2, 4, 6, 8, 10]),
        ("n", "2:9:3", [2, 5, 8]),
        ("n", "3:1:-1", [3, 2, 1]),
        ("n", "1:3", [1, 2, 3]),
        ("n", "1:3,7,-2:-1", [1, 2, 3, 7, -2, -1]),
        ("n", "1e1:3e1:1e1", [10, 20, 30]),
        ("n", "1:3:1.0", [1, 2, 3]),
        ("rate", "1,0.5", [1.0, 0.5]),
        ("rate", "0.1:0.5:0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("rate", "1:2:.25", [1.0, 1.25, 1.5, 1.75, 2.0]),
        ("rate", "1:3", [1.0, 2.0, 3.0]),
        ("flag", "true,False,True", [True, False]),
        ("name", "'a,b',b,it's", ["a,b", "b", "it's"]),
        ("name", "1:3,0.1..0.5,12:30", ["1:3", "0.1..0.5", "12:30"]),
        ("sizes", "[1, 2],[3]", [[1, 2], [3]]),
        ("free", "1:3", [1, 2, 3]),
        ("free", "None,'1:3',tree", [None, "1:3", "tree"]),
    ],
)
def test_values_of_the_parameters_type(pipeline, name, given, values):
    found = axes(pipeline, {name: given})[name]
    assert found == Choices(tuple(values))
    assert [type(value) for value in found.values] == [type(value) for value in values]
    assert axes(pipeline, {name: text_of(found, kinds(pipeline)[name])})[name] == found


@pytest.mark.parametrize(
    ("name", "given", "interval"),
    [
        ("rate", "0.001..0.1", Interval(0.001, 0.1)),
        ("rate", "1e-4..1:log", Interval(0.0001, 1.0, log=True)),
        ("rate", "-1..1", Interval(-1.0, 1.0)),
        ("rate", ".5...75", Interval(0.5, 0.75)),
        ("n", "2..10", Interval(2, 10, whole=True)),
        ("n", ["1..1000:log"], Interval(1, 1000, log=True, whole=True)),
        ("free", "1..3", Interval(1, 3, whole=True)),
        ("free", "1..3.5", Interval(1, 3.5)),
    ],
)
def test_intervals(pipeline, name, given, interval):
    found = axes(pipeline, {name: given})[name]
    assert found == interval
    assert axes(pipeline, {name: text_of(found, kinds(pipeline)[name])})[name] == found


@pytest.mark.parametrize(
    ("space", "code", "text"),
    [
        ({"n": []}, "NB408", "values for n"),
        ({"n": "1:2000"}, "NB408", "2,000 values"),
        ({"m": "1"}, "NB401", "no parameter m"),
        ({"m": "1..2"}, "NB401", "no parameter m"),
        ({"n": "1,x"}, "NB402", "'x' is not"),
        ({"n": "1:2:0.5"}, "NB402", "'1.5' is not"),
        ({"n": "0.5..2"}, "NB402", "'0.5' is not"),
        ({"n": "5:1"}, "NB409", "do not lead"),
        ({"n": "1:5:0"}, "NB409", "step of nothing"),
        ({"rate": "0.1:0.5"}, "NB409", "no step"),
        ({"rate": "0.5..0.1"}, "NB409", "not below"),
        ({"rate": "0..1:log"}, "NB409", "no logarithm"),
        ({"rate": "0.1..0.5,1"}, "NB409", "one of several"),
    ],
)
def test_refused_before_anything_runs(pipeline, space, code, text):
    with pytest.raises(PlanError, match=text) as caught:
        axes(pipeline, space)
    assert caught.value.code == code


def test_how_many_trials_come_of_it(pipeline):
    assert count(pipeline, {"n": "1:3", "name": "a,b"}) == 6
    assert count(pipeline, {"n": "1:3", "rate": "0.1..1"}) == 20
    assert count(pipeline, {}) == 0


def kinds(pipeline) -> dict[str, str]:
    return {parameter.name: parameter.type for parameter in pipeline.parameters}


def of_type(kind: str) -> Pipeline:
    return Pipeline("nb.ipynb", (), (), (Parameter("p", kind, None, "None"),), (), ())


VALUES = {
    "int": st.integers(-(10**9), 10**9),
    "float": st.floats(allow_nan=False),
    "str": st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12),
    "any": st.one_of(
        st.none(), st.booleans(), st.integers(), st.text("ab,:.1'\"[", max_size=8), st.tuples(st.integers())
    ),
}


def _told_apart(value):
    return type(value), value  # True is not 1, but 0.0 is -0.0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw makes hypothesis's own tables
@given(st.data())
def test_a_text_says_the_same_again(data):
    kind = data.draw(st.sampled_from(sorted(VALUES)))
    found = Choices(tuple(data.draw(st.lists(VALUES[kind], min_size=1, max_size=4, unique_by=_told_apart))))
    assert axes(of_type(kind), {"p": text_of(found, kind)})["p"] == found


@given(st.integers(-50, 50), st.integers(0, 40), st.integers(1, 9))
def test_a_range_has_its_end_when_a_step_meets_it(start, steps, step):
    found = axes(of_type("int"), {"p": f"{start}:{start + steps * step}:{step}"})["p"]
    assert found == Choices(tuple(start + at * step for at in range(steps + 1)))
    tenths = axes(of_type("float"), {"p": f"{start / 10}:{(start + steps * step) / 10}:{step / 10}"})["p"]
    assert tenths == Choices(tuple((start + at * step) / 10 for at in range(steps + 1)))


def test_a_value_is_found_by_what_is_on_record(pipeline):
    found = axes(pipeline, {"sizes": "[1],[2]", "free": [True, 1, (2,)]})
    assert of_record(found["free"], 1) == 1
    assert of_record(found["free"], 1) is not True
    assert of_record(found["free"], [2]) == (2,)
    assert of_record(Interval(0.0, 1.0), 0.25) == 0.25


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
    told = Trial(1, {}, reports={0: 1.5, 1: math.nan}).as_json()
    assert told["reports"] == [[0, 1.5], [1, None]]
