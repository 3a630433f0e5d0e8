"""Any graph of containers comes back with the same values, types and aliases; digests are equal exactly for equal graphs."""

from __future__ import annotations

import copy
import json
import tempfile
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.worker import snapshot
from nbprod.worker.buffers import Buffers
from nbprod.worker.hashing import group_content

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.complex_numbers(),
)
STEP = st.tuples(
    st.sampled_from(["list", "dict", "tuple", "object", "set", "bytearray"]),
    st.lists(
        st.one_of(ATOMS.map(lambda atom: ("atom", atom)), st.integers(0, 30).map(lambda n: ("part", n))), max_size=4
    ),
)
GRAPHS = st.tuples(
    st.lists(STEP, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=3),
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
)


class Thing:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        for number, part in enumerate(parts):
            setattr(self, f"part_{number}", part)


def build(graph: Any) -> dict[str, Any]:
    """Names bound to a graph with shared parts, and cycles through lists."""
    steps, cycles, tops = graph
    made: list[Any] = []
    for kind, parts in steps:
        values = [value if sort == "atom" else (made[value % len(made)] if made else 0) for sort, value in parts]
        if kind == "set":
            made.append({value for value in values if isinstance(value, str | int | bytes | None)})
        elif kind == "dict":
            made.append(dict(enumerate(values)))
        elif kind == "bytearray":
            made.append(bytearray(len(values)))
        else:
            made.append({"list": list, "tuple": tuple}[kind](values) if kind != "object" else Thing(*values))
    lists = [item for item in made if type(item) is list]
    for one, other in cycles:
        if lists:
            lists[one % len(lists)].append(made[other % len(made)])
    return {f"n{number}": made[top % len(made)] for number, top in enumerate(tops)}


def shape(values: dict[str, Any]) -> Any:
    """A picture of values, types and identities, by a walk that shares nothing with the code under test."""
    seen: dict[int, int] = {}

    def draw(value: Any) -> Any:
        if isinstance(value, list | dict | set | bytearray | Thing):
            if id(value) in seen:
                return ("again", seen[id(value)])
            seen[id(value)] = len(seen)
        if isinstance(value, Thing):
            return ("Thing", [(name, draw(part)) for name, part in sorted(vars(value).items())])
        if isinstance(value, dict):
            return ("dict", [(repr(key), draw(part)) for key, part in value.items()])
        if isinstance(value, set):
            return ("set", sorted(map(repr, value)))
        if isinstance(value, list | tuple):
            return (type(value).__name__, [draw(part) for part in value])
        return (type(value).__name__, repr(value))

    return [(name, draw(value)) for name, value in sorted(values.items())]


def mutable(value: Any, found: dict[int, Any] | None = None) -> dict[int, Any]:
    """Everything that can be changed below `value`, by identity."""
    found = {} if found is None else found
    if id(value) in found:
        return found
    if isinstance(value, list | dict | set | bytearray | Thing):
        found[id(value)] = value
    parts: Any = ()
    if isinstance(value, Thing):
        parts = vars(value).values()
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple):
        parts = value
    for part in parts:
        mutable(part, found)
    return found


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GRAPHS)
def test_graphs_come_back(graph: Any):
    values = build(graph)
    space = {"__name__": "__main__", "Thing": Thing, **values}
    with tempfile.TemporaryDirectory() as folder:
        buffers = Buffers(folder)
        groups, unstorable = snapshot.save(space, values, {"Thing"}, buffers)
        assert unstorable == {}
        loaded: dict[str, Any] = {"Thing": Thing}
        snapshot.load(json.loads(json.dumps(groups)), None, loaded, buffers)
    together = {name: loaded[name] for name in values}
    assert shape(together) == shape(values)
    for group in groups:
        assert group_content({name: loaded[name] for name in group["names"]}) == group["content"]
    reach = {name: mutable(value).keys() for name, value in values.items()}
    of = {name: number for number, group in enumerate(groups) for name in group["names"]}
    for one in values:
        for other in values:
            if reach[one] & reach[other]:
                assert of[one] == of[other]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GRAPHS, GRAPHS)
def test_digests_are_equal_exactly_for_equal_graphs(one: Any, other: Any):
    first, second = build(one), build(other)
    assert group_content(first) == group_content(copy.deepcopy(first)) == group_content(build(one))
    assert (group_content(first) == group_content(second)) == (shape(first) == shape(second))
    changed = copy.deepcopy(first)
    held = [value for item in changed.values() for value in mutable(item).values() if isinstance(value, list)]
    if held:
        held[0].append("changed")
        assert group_content(changed) != group_content(first)
