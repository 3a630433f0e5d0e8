"""Comparing stored values of two processes, and what they share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.worker import compare, snapshot
from nbprod.worker.buffers import Buffers
from nbprod.worker.judge import judge
from nbprod.worker.sharing import shape


@pytest.fixture
def judged(tmp_path):
    def side(name, values):
        buffers = Buffers(str(tmp_path / name))
        groups, unstorable = snapshot.save(dict(values), sorted(values), (), buffers)
        assert not unstorable
        return {"buffers": str(tmp_path / name), "groups": groups}

    def judge_them(one, other):
        found = judge(side("one", one), side("other", other), sorted(one), {})
        return {item["name"]: (item["where"], item["reason"]) for item in found}

    return judge_them


VALUES = {
    "number": 1,
    "nan": float("nan"),
    "text": "a",
    "array": np.arange(3.0),
    "table": pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
    "series": pd.Series([1, 2], name="s"),
    "many": {"a": [1, {2, 3}], "b": (4, None)},
}


def test_equal_values_are_equal(judged):
    assert judged(VALUES, dict(VALUES)) == {}


@pytest.mark.parametrize(
    ("name", "value", "where", "reason"),
    [
        ("number", 2, "1 instead of 2", ""),
        ("number", 1.0, "int instead of float", "type"),
        ("number", np.int64(1), "int instead of numpy.int64", "type"),
        ("nan", 0.0, "nan instead of 0.0", ""),
        ("array", np.array([0.0, 1.0, 5.0]), "1 of 3 values differ", ""),
        ("array", np.arange(3), "dtype float64 instead of int64", ""),
        ("table", pd.DataFrame({"a": [1, 3], "b": ["x", None]}), "['a']", ""),
        ("series", pd.Series([1, 2], name="t"), "name", ""),
        ("many", {"a": [1, {2, 4}], "b": (4, None)}, "[1]", ""),
        ("many", {"b": (4, None), "a": [1, {2, 3}]}, "another order", "order"),
    ],
)
def test_a_difference_says_where(judged, name, value, where, reason):
    found = judged(VALUES, {**VALUES, name: value})
    assert list(found) == [name]
    assert where in found[name][0]
    assert found[name][1] == reason


def test_what_names_share_is_compared(judged):
    inner = [1]
    together = {"a": inner, "b": {"inner": inner}}
    apart = {"a": [1], "b": {"inner": [1]}}
    assert judged(together, together) == {}
    assert judged(together, apart)["a, b"][1] == "aliases"
    assert judged(apart, together)["a, b"][1] == "aliases"
    assert judged({"x": [inner, inner]}, {"x": [[1], [1]]})["x"][1] == "aliases"
    array = np.arange(4)
    assert judged({"a": array, "v": array[1:]}, {"a": array, "v": array[1:].copy()})["a, v"][1] == "aliases"


def test_what_cannot_be_loaded_is_told(judged, tmp_path):
    one = {"buffers": str(tmp_path / "gone"), "groups": [{"names": ["x"], "skeleton": "sha256:00", "buffers": []}]}
    (told,) = judge(one, one, ["x"], {})
    assert "cannot be loaded" in told["where"]


def test_recursive_values_and_figures():
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert compare.equal(one, other) is None
    figure = pytest.importorskip("matplotlib.figure")
    first, second, third = figure.Figure(), figure.Figure(), figure.Figure()
    for fig, last in ((first, 3), (second, 3), (third, 4)):
        fig.subplots().plot([1, last])
    assert compare.equal(first, second) is None
    assert compare.equal(first.axes[0], second.axes[0]) is None
    assert compare.equal(first.axes[0].lines, second.axes[0].lines) is None
    assert "figure differs" in compare.equal(first, third)


trees = st.recursive(st.integers(0, 3), lambda parts: st.lists(parts, max_size=3), max_leaves=12)


@given(trees)
def test_a_copy_has_the_same_shape(tree):
    import copy

    assert shape([tree, tree]) == shape([duplicate := copy.deepcopy(tree), duplicate])
    assert compare.equal(tree, duplicate) is None


def test_estimators_are_compared_by_parameters_and_what_was_fitted(judged):
    linear = pytest.importorskip("sklearn.linear_model")
    rows, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    one = linear.Ridge().fit(rows, y)
    assert judged({"m": one}, {"m": linear.Ridge().fit(rows, y)}) == {}
    assert "alpha" in judged({"m": one}, {"m": linear.Ridge(alpha=2.0).fit(rows, y)})["m"][0]
    assert "coef_" in judged({"m": one}, {"m": linear.Ridge().fit(rows, y * 2)})["m"][0]
