"""Literals that every stage makes anew keep their identity inside stored values."""

from __future__ import annotations

from typing import Any

from nbprod.worker import constants


def test_every_mutable_part_of_a_literal_has_a_key_of_its_own() -> None:
    space = {"a": [1, {"k": [2]}], "t": ([3], 4), "n": 5, "other": [6]}
    found = constants.known(space, {"a", "t", "n", "absent"})
    assert found == {
        id(space["a"]): ("a", 0),
        id(space["a"][1]): ("a", 1),
        id(space["a"][1]["k"]): ("a", 2),
        id(space["t"][0]): ("t", 1),
    }


def test_a_name_bound_here_is_meant_when_it_holds_the_same() -> None:
    space = {"a": [1, [2]]}
    assert constants.resolve(space, ("a", 0), [1, [2]]) is space["a"]
    assert constants.resolve(space, ("a", 1), [2]) is space["a"][1]
    other = [7]
    assert constants.resolve(space, ("a", 0), other) is other


def test_values_loaded_without_the_name_share_one_object_which_the_name_then_means() -> None:
    space: dict[str, object] = {}
    first = constants.resolve(space, ("a", 0), [1])
    assert constants.resolve(space, ("a", 0), [1]) is first
    assert constants.known(space, {"a"}) == {id(first): ("a", 0)}
    space["a"] = [1]
    constants.adopt(space)
    assert space["a"] is first
    assert constants.resolve({}, ("a", 0), [1]) is not first


def test_a_part_that_was_loaded_first_takes_its_place_in_the_literal() -> None:
    space: dict[str, Any] = {}
    part = constants.resolve(space, ("a", 2), [2])
    space["a"] = [1, {"k": [1]}, [2], {"again": 3}]
    constants.adopt(space)
    assert space["a"] == [1, {"k": [1]}, [2], {"again": 3}]
    assert space["a"][2] is part is constants.resolve(space, ("a", 2), [2])


def test_a_large_literal_is_told_as_a_whole() -> None:
    space = {"a": [[0] for _ in range(constants.LARGEST + 1)]}
    assert constants.known(space, {"a"}) == {id(space["a"]): ("a", 0)}
