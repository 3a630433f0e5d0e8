from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbprod
from nbprod.worker import sets, snapshot
from nbprod.worker.buffers import Buffers


def words(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    return [f"word {generator.random()}" for _ in range(count)]


def deleted(count: int, seed: int) -> set[str]:
    found = set(words(count, seed))
    for word in sorted(found)[::3]:
        found.discard(word)
    return found | set(words(count // 4, seed + 1000))


MAKERS: dict[str, Callable[[int, int], Any]] = {
    "added": lambda count, seed: set(words(count, seed)),
    "deleted": deleted,
    "joined": lambda count, seed: set(words(count, seed)) | set(words(count, seed + 500)),
    "numbers": lambda count, seed: {hash(word) % 10**6 for word in words(count, seed)},
    "frozen": lambda count, seed: frozenset(words(count, seed)),
    "frozen-set": lambda count, seed: frozenset(set(words(count, seed))),
    "pairs": lambda count, seed: {(word, number) for number, word in enumerate(words(count, seed))},
}


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 11, 19, 33, 80, 400])
@pytest.mark.parametrize("maker", MAKERS)
def test_order_comes_back(maker: str, count: int):
    for seed in range(12):
        value = MAKERS[maker](count, seed)
        recipe = sets.recipes([value]).get(id(value))
        found = sets.build(recipe) if recipe else type(value)(list(value))
        assert found == value
        assert list(found) == list(value)
        assert type(found) is type(value)


def test_a_restored_set_can_be_changed():
    value = MAKERS["deleted"](50, 1)
    found = sets.build(sets.recipes([value])[id(value)]) if sets.recipes([value]) else set(value)
    found.add("more")
    found.discard(next(iter(value)))
    assert len(found) == len(value)


def test_sets_of_objects_and_sets_in_sets():
    value = {object() for _ in range(100)} | {frozenset({("a", i), None}) for i in range(50)}
    assert sets.recipes([value]) == {}
    nested = {frozenset({f"{i}", f"{j}"}) for i in range(9) for j in range(9)}
    for identity, recipe in sets.recipes([nested, *nested]).items():
        assert identity in {id(item) for item in [nested, *nested]}
        assert len(recipe.elements) > 1


def test_sets_keep_identity_and_place(tmp_path: Path):
    buffers = Buffers(str(tmp_path))
    space: dict[str, Any] = {"__name__": "__main__"}
    source = """
class Holder: pass
s = set('the quick brown fox jumps over the lazy dog'.split() * 3) | {str(i) for i in range(40)}
h = Holder(); h.words = s; h.again = [s, {'k': s}]; h.frozen = frozenset(s); h.me = h
"""
    exec(source, space)
    groups, unstorable = snapshot.save(space, ["s", "h"], (), buffers)
    assert unstorable == {}
    assert [group["names"] for group in groups] == [["h", "s"]]
    loaded: dict[str, Any] = {}
    snapshot.load(groups, None, loaded, buffers)
    held = loaded["h"]
    assert held.words is loaded["s"] is held.again[0] is held.again[1]["k"]
    assert held.me is held
    assert list(loaded["s"]) == list(space["s"])
    assert list(held.frozen) == list(space["h"].frozen)


SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from nbprod.worker import snapshot
from nbprod.worker.buffers import Buffers
if sys.argv[3] == "save":
    s = {f"name {i * 7919 % 1000}" for i in range(300)} - {f"name {i}" for i in range(0, 1000, 7)}
    groups, _ = snapshot.save(globals(), ["s"], (), Buffers(sys.argv[2]))
    print(json.dumps([groups, list(s)]))
else:
    space = {}
    snapshot.load(json.loads(sys.argv[3]), None, space, Buffers(sys.argv[2]))
    print(json.dumps(list(space["s"])))
"""


def test_order_comes_back_in_another_process(tmp_path: Path):
    def run(argument: str) -> Any:
        command = [sys.executable, "-c", SCRIPT, str(Path(nbprod.__file__).parent.parent), str(tmp_path), argument]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)

    groups, order = run("save")
    assert run(json.dumps(groups)) == order


def test_sets_too_large_are_told(monkeypatch):
    value = {number * 1024 for number in range(300)}  # numbers, whose hashes are the same in every process
    for number in range(0, 300, 3):
        value.discard(number * 1024)
    value |= {number * 1024 + 1 for number in range(90)}
    order = list(value)
    assert list(set(order)) != order
    monkeypatch.setattr(sets, "LARGEST", 200)
    large: list[int] = []
    assert sets.recipes([value, {1, 2}, set(range(300))], large) == {}
    assert large == [290]
