"""Types and JSON values of a signature, beside MLflow's rules; and the YAML the directory is written in."""

from __future__ import annotations

import datetime
import decimal
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from nbprod.worker.model_files import yaml as emit
from nbprod.worker.model_schema import column_type, plain, signature


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2]), "long"),
        (pd.Series([1, 2], dtype="int32"), "integer"),
        (pd.Series([1, 2], dtype="int8"), "integer"),
        (pd.Series([1, 2], dtype="uint32"), "long"),
        (pd.Series([1.0]), "double"),
        (pd.Series([1.0], dtype="float32"), "float"),
        (pd.Series([True]), "boolean"),
        (pd.Series(["a"]), "string"),
        (pd.Series(["a", None], dtype=object), "string"),
        (pd.Series([1, 2], dtype=object), "long"),
        (pd.Series([1, None], dtype="Int64"), "long"),
        (pd.Series([True, None], dtype="boolean"), "boolean"),
        (pd.Series(pd.to_datetime(["2024-01-01"])), "datetime"),
        (pd.Series([datetime.date(2024, 1, 1)], dtype=object), "datetime"),
        (pd.Series(pd.Categorical(["a", "b"])), "string"),
        (pd.Series(pd.Categorical([1, 2])), "long"),
    ],
)
def test_column_type(values: Any, expected: str) -> None:
    assert column_type(values) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (math.nan, None),
        (math.inf, None),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2024-01-01"), "2024-01-01T00:00:00"),
        (datetime.date(2024, 1, 1), "2024-01-01"),
        (decimal.Decimal("1.5"), 1.5),
        (b"a", "YQ=="),
        (np.array([[1.0, math.nan]]), [[1.0, None]]),
        (pd.Series(["a", None]), ["a", None]),
        ({"a": (1, np.int8(2))}, {"a": [1, 2]}),
        (pd.DataFrame({"a": [1], "b": ["x"]}), [{"a": 1, "b": "x"}]),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([1.5]), [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]),
        (np.array(["a"]), [{"type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1]}}]),
        ([1, 2], [{"type": "long", "required": True}]),
        ([1, 2.5], [{"type": "double", "required": True}]),
        ("a", [{"type": "string", "required": True}]),
        (pd.Series([1.0, None], name="y"), [{"type": "double", "name": "y", "required": False}]),
        (
            [{"a": 1}, {"b": "x"}],
            [
                {"type": "long", "name": "a", "required": False},
                {"type": "string", "name": "b", "required": False},
            ],
        ),
        ([{"a": [1]}], None),
        ([[1]], None),
    ],
)
def test_signature(value: Any, expected: Any) -> None:
    assert signature(value) == expected


@pytest.mark.parametrize(
    "content",
    [
        {"a": {"b": {"c": "d"}, "e": None, "f": True, "g": 1}},
        {"list": ["a", {"pip": ["x==1", "y"]}, "- z"], "empty": [], "none": {}},
        {"odd": 'quotes " and: colons # and\nlines', "word": "null", "yes": "yes", "number": "3.11", "é": "ü"},
        {"json": '[{"type": "long", "name": "a: b"}]', "date": "2024-01-01", "space": " x", "trail": "x ", "at": "@x"},
    ],
)
def test_yaml(content: Any) -> None:
    assert yaml.safe_load(emit(content)) == content
