"""Tests of worker.unseen."""

from __future__ import annotations

import enum
from typing import ClassVar

import pytest

from nbprod.worker.trouble import Boundary
from nbprod.worker.unseen import Literals


def literals(namespace, *references, made=()):
    steps = [{"kind": "replay", "source": f"{name} = []"} for name in references]
    imported = {"kind": "replay", "source": "from tools import imported"}
    spec = {"stage": "train", "steps": [*steps, imported], "made": list(made), "references": list(namespace)}
    return Literals(spec, namespace)


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1], lambda value: value.append(2)),
        ([[1], [2]], lambda value: value[0].append(2)),
        ({"a": [1]}, lambda value: value["a"].append(object())),
        ({1, 2}, lambda value: value.add(3)),
        ([1, 2], lambda value: value.reverse()),
    ],
)
def test_a_literal_that_changed_ends_the_stage(value, change):
    held = literals({"x": value}, "x")
    held.check()
    change(value)
    with pytest.raises(Boundary, match="stage train changed `x`") as caught:
        held.check()
    assert "x = x" in caught.value.hint


def test_one_of_the_stages_own_is_compared_with_what_its_cell_says():
    namespace = {"n": 3}
    held = literals(namespace, "x", made=["x = [n, 'a']\n", "y = dict(a=1)", "z = [gone]", "def f(): pass"])
    namespace |= {"x": [3, "a"], "y": {"a": 2}, "z": [1]}
    held.check()
    namespace["x"].append(1)
    with pytest.raises(Boundary, match="`x`"):
        held.check()


def test_what_is_no_plain_literal_is_left_alone():
    shared: list[int] = []
    namespace = {"f": len, "pair": [shared, shared], "n": 1, "held": [object()]}
    held = literals(namespace, *namespace, "absent")
    shared.append(1)
    namespace["held"].append(1)
    held.check()


def test_what_is_imported_is_its_modules_own():
    namespace = {"imported": [1]}
    held = literals(namespace)
    namespace["imported"].append(2)
    held.check()


def test_what_is_bound_anew_is_another():
    namespace = {"x": [1], "y": [2]}
    held = literals(namespace, "x", "y")
    del namespace["x"]
    namespace["y"] = [3]
    held.check()


class Kind(enum.Enum):
    ONE = 1


class Counter:
    count = 0
    seen: ClassVar[list[int]] = []

    def up(self):
        return self.count


def function():
    return 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Counter", lambda: setattr(Counter, "count", 1)),
        ("Counter", lambda: Counter.seen.append(1)),
        ("Counter", lambda: setattr(Counter, "up", lambda self: 2)),
        ("function", lambda: setattr(function, "calls", 1)),
        ("Kind", lambda: setattr(Kind.ONE, "label", "one")),
    ],
)
def test_a_definition_that_changed_ends_the_stage(name, change, monkeypatch):
    for definition in (Counter, function, Kind):
        monkeypatch.setattr(definition, "__module__", "__main__")
    held = literals({"Counter": Counter, "function": function, "Kind": Kind, "enum": enum, "print": print})
    held.check()
    change()
    with pytest.raises(Boundary, match=f"`{name}`"):
        held.check()
