from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from nbprod.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Late:
    """Made by ours."""

    name: str
    sizes: tuple[int, ...] = ()
    facts: dict[str, int] = field(default_factory=dict, compare=False)
    hidden: str = field(default="", repr=False)
    word: str = field(default="w", kw_only=True)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("no name")


@dataclasses.dataclass(frozen=True, slots=True)
class Early:
    """Made by the standard library's."""

    name: str
    sizes: tuple[int, ...] = ()
    facts: dict[str, int] = field(default_factory=dict, compare=False)
    hidden: str = field(default="", repr=False)
    word: str = field(default="w", kw_only=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """Has a `repr` of its own."""

    name: str

    def __repr__(self) -> str:
        return "shown"


def test_as_the_standard_one() -> None:
    given: dict[str, Any] = {"name": "a", "sizes": (1,), "facts": {"b": 1}, "hidden": "h"}
    late, early = Late(**given), Early(**given)
    assert repr(late) == repr(early).replace("Early", "Late")
    assert dataclasses.asdict(late) == dataclasses.asdict(early)
    assert (late == Late(**{**given, "facts": {}}), late == Late("b")) == (True, False)
    assert late != early
    assert hash(late) == hash(early) == hash(Late("a", (1,), {}, "h", word="w"))
    assert Late.__slots__ == Early.__slots__
    assert Late.__match_args__ == Early.__match_args__
    assert not hasattr(late, "__dict__")


def test_replaced_copied_and_pickled() -> None:
    late = Late("a", (1, 2))
    assert dataclasses.replace(late, name="b") == Late("b", (1, 2))
    for again in (copy.copy(late), copy.deepcopy(late), pickle.loads(pickle.dumps(late))):
        assert again == late
        assert again.facts == late.facts


@pytest.mark.parametrize("change", [lambda x: setattr(x, "name", "b"), lambda x: delattr(x, "name")])
def test_nothing_changes_it(change: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        change(Late("a"))


def test_wrong_arguments_are_told_as_usual() -> None:
    with pytest.raises(TypeError, match=r"Late.__init__\(\) missing 1 required positional argument: 'name'"):
        Late()  # type: ignore[call-arg]  # on purpose
    with pytest.raises(ValueError, match="no name"):
        Late("")


def test_own_methods_stay() -> None:
    assert repr(Shown("a")) == "shown"
