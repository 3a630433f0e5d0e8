"""Parameters: texts to values, values to source."""

from __future__ import annotations

import datetime
import math

import pytest

from nbprod.core.errors import PlanError
from nbprod.core.pipeline import Parameter, Pipeline
from nbprod.execution.overrides import canonical, derived_notes, effective, parameters, source

KINDS = {
    "n": ("int", "100"),
    "rate": ("float", "0.1"),
    "name": ("str", "'a'"),
    "fast": ("bool", "True"),
    "items": ("list", "[1, 2]"),
    "table": ("dict", "{}"),
    "day": ("date", "datetime.date(2024, 1, 1)"),
    "free": ("NoneType", "None"),
    "twice": ("expression", "n * 2"),
}


@pytest.fixture
def pipeline():
    found = tuple(Parameter(name, kind, None, text, cell=1) for name, (kind, text) in KINDS.items())
    found += (Parameter("label", "str", None, "None", optional=True),)
    return Pipeline("nb.ipynb", (), (), found, (), ())


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n", "7", 7),
        ("n", "-1_000", -1000),
        ("rate", "1", 1.0),
        ("rate", "1e-3", 0.001),
        ("name", "has = sign", "has = sign"),
        ("name", "'quoted'", "'quoted'"),
        ("name", "7", "7"),
        ("name", "null", "null"),
        ("label", "null", None),
        ("label", "x", "x"),
        ("fast", "false", False),
        ("fast", "True", True),
        ("items", "[(1, 2), 'b']", [(1, 2), "b"]),
        ("table", "{1: 2}", {1: 2}),
        ("day", "2024-02-29", datetime.date(2024, 2, 29)),
        ("free", "3", 3),
        ("free", "text", "text"),
        ("free", "null", None),
        ("n", 7, 7),
        ("rate", 2, 2.0),
        ("day", datetime.date(2024, 1, 2), datetime.date(2024, 1, 2)),
    ],
)
def test_a_text_becomes_a_value_of_the_parameters_type(pipeline, name, text, value):
    found = parameters(pipeline, {name: text})[name]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [("n", "1.5"), ("n", "true"), ("n", "x"), ("fast", "1"), ("items", "(1,)"), ("day", "tomorrow"), ("rate", "a"),
     ("n", None), ("name", 3)],
)  # fmt: skip
def test_a_wrong_type_is_refused_and_all_are_listed(pipeline, name, text):
    with pytest.raises(PlanError) as refused:
        parameters(pipeline, {name: text})
    assert refused.value.code == "NB402"
    assert "n: int = 100" in refused.value.hint


def test_an_unknown_name_is_refused_with_a_guess(pipeline):
    with pytest.raises(PlanError, match="did you mean name") as refused:
        parameters(pipeline, {"nam": "x"})
    assert refused.value.code == "NB401"
    assert "rate: float = 0.1" in refused.value.hint


def test_source_makes_an_equal_value():
    values = [
        1, True, None, "a'b", 2.5, [1, (2,), {"k": {3}}], b"x", datetime.date(2024, 1, 2), -math.inf,
        datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC), (),
    ]  # fmt: skip
    for value in values:
        assert eval(source(value), {}) == value
    assert math.isnan(eval(source([math.nan]), {})[0])


def test_an_override_equal_to_the_default_is_the_default(pipeline):
    assert canonical("[1,  2]") == source([1, 2])
    assert effective(pipeline, {"items": [1, 2]}) == effective(pipeline, {})
    assert effective(pipeline, {"n": 5})["n"] == "5"


def test_what_is_derived_from_an_override_is_noted(pipeline):
    assert "twice keeps" in derived_notes(pipeline, {"n": 1})[0]
    assert derived_notes(pipeline, {"n": 1, "twice": 2}) == []
