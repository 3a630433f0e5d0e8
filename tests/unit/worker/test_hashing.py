from __future__ import annotations

import copy
import datetime
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse

from nbprod.worker import hashing
from nbprod.worker.hashing import content, group_content


def notebook(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)
    return namespace


def nan(bits: int) -> float:
    return float(np.array([bits], "u8").view("f8")[0])


OTHER_NAN = nan(0xFFF8000000000123)


def csr(order: list[int]) -> Any:
    rows, columns, values = np.array([0, 0, 1])[order], np.array([2, 0, 1])[order], np.array([1.0, 2.0, 3.0])[order]
    return sparse.coo_array((values, (rows, columns)), shape=(2, 3))


def unsorted_csr(sort: bool) -> Any:
    matrix = sparse.csr_array((np.array([1.0, 2.0]), np.array([2, 0]), np.array([0, 2, 2])), shape=(2, 3))
    if sort:
        matrix.sort_indices()
    return matrix


def strings(parts: list[list[str | None]]) -> Any:
    return pd.concat([pd.Series(part, dtype="str") for part in parts], ignore_index=True)


SAME = [
    (float("nan"), OTHER_NAN),
    ([1.0, float("nan")], [1.0, OTHER_NAN]),
    ({"a": [float("nan")] * 2}, {"a": [OTHER_NAN] * 2}),
    (np.array([1.0, np.nan]), np.array([1.0, OTHER_NAN])),
    (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    (np.arange(3), np.arange(6)[::2] // 2),
    (np.arange(5_000_000.0).reshape(1000, -1), np.asfortranarray(np.arange(5_000_000.0).reshape(1000, -1))),
    ({"b", "a", "c"}, {"c", "b", "a"}),
    ({(1, "x"), (2, "y")}, {(2, "y"), (1, "x")}),
    ([("x" * 30,), ("x" * 30,)], [("".join(["x"] * 30),)] * 2),
    (csr([0, 1, 2]), csr([2, 0, 1])),
    (unsorted_csr(False), unsorted_csr(True)),
    (strings([["a", None], ["bc"]]), strings([["a"], [None, "bc"]])),
    (strings([["x", "a", "b"]])[1:].reset_index(drop=True), strings([["a", "b"]])),
    (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), pd.DataFrame(np.array([[1, 3], [2, 4]]), columns=["a", "b"])),
    (pd.array([1, None], "Int64"), pd.arrays.IntegerArray(np.array([1, 99]), np.array([False, True]))),
]
DIFFERENT = [
    (1, True),
    (1, 1.0),
    (0.0, -0.0),
    ("1", 1),
    ("a", b"a"),
    (b"a", bytearray(b"a")),
    ([1, 2], (1, 2)),
    ([1, [2]], [[1], 2]),
    ([[], [[]]], [[[]], []]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1, 2}, frozenset({1, 2})),
    (np.float64(1), 1.0),
    (np.float64(1), np.float32(1)),
    (np.int64(1), np.array(1)),
    (np.arange(6), np.arange(6).reshape(2, 3)),
    (np.zeros((0, 2)), np.zeros((2, 0))),
    (np.array([0.0]), np.array([-0.0])),
    (np.arange(3, dtype="i4"), np.arange(3, dtype="i8")),
    (np.array(["a", None], object), np.array([None, "a"], object)),
    (np.array([1, 2], object), np.array([1.0, 2.0], object)),
    (pd.Series([1, 2]), pd.Series([1, 2], index=[1, 0])),
    (pd.Series([1, 2]), pd.Series([1, 2], name="x")),
    (pd.Series([1, 2]), pd.Series([1, 2], dtype="Int64")),
    (pd.Series(["ab", "c"]), pd.Series(["a", "bc"])),
    (pd.Series(["a"], dtype="string"), pd.Series(["a"], dtype=object)),
    (pd.Series([""], dtype="str"), pd.Series([None], dtype="str")),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
    (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"b": [2], "a": [1]})),
    (pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["b", "a"])),
    (pd.Categorical(["a"]), pd.Categorical(["a"], ordered=True)),
    (pd.RangeIndex(2), pd.Index([0, 1])),
    (pd.Index([1], name="a"), pd.Index([1], name="b")),
    (pd.date_range("2020", periods=2, freq="D"), pd.DatetimeIndex(["2020-01-01", "2020-01-02"])),
    (sparse.csr_array(np.eye(2)), sparse.csc_array(np.eye(2))),
    (sparse.csr_array(np.eye(2)), sparse.csr_matrix(np.eye(2))),
    (datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1)),  # noqa: DTZ001 - naive on purpose
    (int, float),
    (len, max),
    (None, ...),
    ("", None),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_content_has_the_same_digest(one: Any, other: Any):
    assert content(one) == content(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_content_has_another_digest(one: Any, other: Any):
    assert content(one) != content(other)
    assert content([one, "x"]) != content([other, "x"])


def test_attributes_of_frames_count():
    one, other = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})
    other.attrs["unit"] = "m"
    assert content(one) != content(other)


def test_what_is_shared_counts():
    part: list[int] = [1]
    assert content([part, part]) != content([[1], [1]])
    assert content([part, part]) == content(copy.deepcopy([part, part]))
    assert content([part, [part]]) != content([part, [[1]]])
    assert group_content({"a": part, "b": part}) != group_content({"a": part, "b": [1]})
    assert group_content({"a": part, "b": [part]}) == group_content({"b": [part], "a": part})
    base = np.arange(10)
    views = group_content({"a": base, "b": base[2:4]})
    assert views != group_content({"a": base, "b": base[2:4].copy()})
    assert views == group_content({"a": (other := base.copy()), "b": other[2:4]})


def test_what_cannot_change_may_be_shared_or_not():
    text = "".join(["a"] * 50)
    day = datetime.date(2020, 1, 1)
    assert content([text, text, day, day]) == content([text, text[:25] + text[25:], day, datetime.date(2020, 1, 1)])
    pair = ("a", 1)
    assert content([pair, pair]) == content([("a", 1), ("".join(["a"]), 1)])


@pytest.mark.parametrize(
    "source",
    [
        "x = []; x.append(x)",
        "class N: pass\nx = N(); x.me = x; x.many = {x}",
        "class N: pass\na, b = N(), N(); a.b, b.a = b, a; x = {a, b}",
        "x = {}; x['me'] = [x]",
        "def x(): return x\nx.me = x",
        "x = None\nfor _ in range(2000): x = [x, object]",
    ],
)
def test_cycles_and_depth(source: str):
    assert content(notebook(source)["x"]) == content(notebook(source)["x"])


def test_sets_of_objects_have_no_order():
    source = "class P:\n  def __init__(s, n): s.n = n\n  def __hash__(s): return 1\nx = {P(n) for n in %s}"
    assert content(notebook(source % "(1, 2, 3)")["x"]) == content(notebook(source % "(3, 1, 2)")["x"])
    assert content(notebook(source % "(1, 2, 3)")["x"]) != content(notebook(source % "(1, 2, 4)")["x"])


def test_layout_of_code_does_not_count():
    plain = notebook("def f(x):\n  return x + 1")["f"]
    moved = notebook("\n\n# moved\ndef f(x):  # comment\n\n  return (x\n     + 1)")["f"]
    assert content(plain) == content(moved)
    assert content(plain) != content(notebook("def f(x):\n  return x + 2")["f"])
    assert content(plain) != content(notebook("def f(x, y=1):\n  return x + 1")["f"])
    closures = [notebook(f"def make(n): return lambda: n\nf = make({n})")["f"] for n in (1, 1, 2)]
    assert content(closures[0]) == content(closures[1]) != content(closures[2])


def test_classes_count_by_what_they_hold():
    source = (
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n  a: int = %s\n  def go(self): return self.a\nx = C()"
    )
    spaces = [notebook(source % n) for n in (1, 1, 2)]
    for name in ("C", "x"):
        digests = [content(space[name]) for space in spaces]
        assert digests[0] == digests[1] != digests[2]


def test_padding_does_not_count():
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    arrays = []
    for fill in (0, 255):
        memory = np.full(kind.itemsize * 3, fill, "u1")
        array = memory.view(kind)
        array["a"], array["b"] = 1, 2.0
        arrays.append(array)
    assert content(arrays[0]) == content(arrays[1])
    long = np.arange(3, dtype=np.longdouble)
    assert content(long) == content(np.array([0, 1, 2]).astype(np.longdouble))
    assert content(long) != content(np.array([0, 1, 3]).astype(np.longdouble))


def test_estimators_fitted_twice_are_the_same():
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"n": np.arange(40.0), "c": list("abcd") * 10, "w": ["one two", "two three"] * 20})
    target = np.arange(40) % 3 == 0

    def fit(seed: int) -> Any:
        columns = [("c", OneHotEncoder(), ["c"]), ("w", CountVectorizer(), "w"), ("n", "passthrough", ["n"])]
        forest = RandomForestClassifier(3, random_state=seed, n_jobs=2)
        search = GridSearchCV(forest, {"max_depth": [2, 3]}, cv=2)
        boosted = HistGradientBoostingClassifier(max_iter=3, random_state=seed).fit(frame[["n"]], target)
        return make_pipeline(ColumnTransformer(columns), search).fit(frame, target), boosted

    one, same, other = fit(0), fit(0), fit(1)
    assert content(one) == content(same) == content(pickle.loads(pickle.dumps(one)))
    assert content(one) != content(other)


def test_values_without_a_pickle_still_have_a_digest():
    import threading

    assert content([threading.Lock()]) == content([threading.Lock()])
    source = "class C:\n  def __init__(s, n): s.n = n\n  def __reduce_ex__(s, p): raise ValueError\nx = C(%s)"
    assert content(notebook(source % 1)["x"]) != content(notebook(source % 2)["x"])


def test_a_type_can_be_registered():
    class Odd:
        def __init__(self, number: int, noise: int) -> None:
            self.number, self.noise = number, noise

    class Child(Odd):
        pass

    assert content(Child(1, 2)) != content(Child(1, 3))
    hashing.register(Odd, lambda hasher, value: hasher.walk(value.number))
    assert content(Child(1, 2)) == content(Child(1, 3)) != content(Child(2, 3))


def test_figures_count_by_what_they_show():
    figure = pytest.importorskip("matplotlib.figure")

    def draw(last: int) -> Any:
        made = figure.Figure()
        axes = made.subplots()
        axes.plot([1, 2, 3], [3, 1, last], label="line")
        axes.set_title("title")
        axes.legend()
        return made

    one = draw(2)
    assert content(one) == content(draw(2)) == content(pickle.loads(pickle.dumps(one))) != content(draw(3))
