from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse

from nbprod.worker.compare import brief, equal


class Box:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


FRAME = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None], "c": pd.Categorical(["u", "v"])})


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (1, 2, "1 instead of 2"),
        (1, 1.0, "int instead of float"),
        (0.1, 0.1 + 1e-18, None),
        (0.1, 0.1 + 1e-16, "0.1 instead of 0.1000000"),
        (float("nan"), float("nan"), None),
        (0.0, -0.0, "0.0 instead of -0.0"),
        ([1, [2, 3]], [1, [2, 4]], r"\[1\]\[1\]: 3 instead of 4"),
        ([1], [1, 2], "1 items instead of 2"),
        ({"a": 1}, {"b": 1}, "lacks key 'b'"),
        ({"a": 1, "b": 2}, {"a": 1}, "additional key 'b'"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "another order"),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, r"\['a'\]\['b'\]\[0\]: 1 instead of 2"),
        ({1, 2}, {1, 3}, "in one set only"),
        (np.array([1.0, 2.0]), np.array([1.0, 3.0]), r"1 of 2 values differ, first \[1\]: .*2.0.* instead of .*3.0"),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), None),
        (np.array([0.0]), np.array([-0.0]), r"\[0\]"),
        (np.arange(3), np.arange(3.0), "dtype int64 instead of float64"),
        (np.arange(3), np.arange(4), r"shape \(3,\) instead of \(4,\)"),
        (np.array(["a", [1]], object), np.array(["a", [2]], object), r"\[1\]\[0\]: 1 instead of 2"),
        (np.array(["2020", "NaT"], "M8[D]"), np.array(["2020", "NaT"], "M8[D]"), None),
        (FRAME, FRAME.copy(), None),
        (FRAME, FRAME.assign(a=[1.0, 2.0]), r"\['a'\]: 1 of 2 values differ, first \[1\]"),
        (FRAME, FRAME.assign(b=["x", "y"]), r"\['b'\]\[1\]"),
        (FRAME, FRAME.rename(columns={"a": "z"}), r"columns\[0\]: 'a' instead of 'z'"),
        (FRAME, FRAME[:1], "2 rows, 3 columns instead of 1, 3"),
        (FRAME, FRAME.set_index("b"), "columns"),
        (FRAME["a"], FRAME["a"].rename("z"), "name: 'a' instead of 'z'"),
        (sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(2) * [[1], [2]]), r"\[1, 1\]: .*1.0"),
        (Box(a=1, b=[1]), Box(a=1, b=[2]), r"b\[0\]: 1 instead of 2"),
        (Box(a=1), Box(a=1, b=2), "attribute b is on one side only"),
        (Box(a=1), Box(a=1), None),
        ({Box(a=1): [1]}, {Box(a=1): [1]}, None),
        ({Box(a=1): [1]}, {Box(a=2): [1]}, "lacks key"),
    ],
)  # fmt: skip
def test_first_difference(a: Any, b: Any, words: str | None):
    found = equal(a, b)
    if words is None:
        assert found is None
    else:
        assert found is not None
        assert __import__("re").search(words, found), found


def test_tolerance():
    assert equal([1.0, np.array([1.0])], [1.0 + 1e-13, np.array([1.0 - 1e-13])], rtol=1e-12) is None
    assert equal(1.0, 1.1, rtol=1e-12) == "1.0 instead of 1.1"


def test_cycles():
    one: list[Any] = [1]
    one.append(one)
    other: list[Any] = [1]
    other.append(other)
    assert equal(one, other) is None


def test_estimators():
    from sklearn.linear_model import LinearRegression

    x = np.arange(6.0).reshape(3, 2)
    one, other = LinearRegression().fit(x, [1, 2, 4]), LinearRegression().fit(x, [1, 2, 5])
    assert equal(one, LinearRegression().fit(x, [1, 2, 4])) is None
    assert "coef_" in (equal(one, other) or "")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "3"),
        ("x" * 500, "'xxx"),
        (FRAME, "DataFrame, 2 rows, 3 columns"),
        (FRAME["a"], "Series of 2, float64"),
        (np.zeros((2, 3)), "array 2 x 3, float64"),
        (sparse.csr_array(np.eye(2)), "sparse csr 2 x 2, float64, 2 entries"),
        ([1, 2], "list of 2: [1, 2]"),
        (len, "builtin_function_or_method"),
        (Box, "class Box"),
        (Box(), "Box"),
    ],
)
def test_brief_is_one_short_line(value: Any, words: str):
    text = brief(value)
    assert words in text
    assert "\n" not in text
    assert len(text) < 200


def test_brief_survives_a_broken_repr():
    class Broken:
        def __repr__(self) -> str:
            raise ValueError

    assert brief(Broken()).endswith("Broken")
