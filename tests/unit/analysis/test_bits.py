"""Sets as masks behave as sets do."""

from __future__ import annotations

import itertools

from nbprod.analysis.bits import Bits, Index, Lines
from nbprod.analysis.facts import Definition, Facts
from nbprod.analysis.reach import Reaches


def test_they_are_sets():
    index = Index()
    for first, second in itertools.product([set(), {"a"}, {"a", "b"}, {"c"}, {"b", "c", "d"}], repeat=2):
        one, two = Bits(index, index.mask(first)), Bits(index, index.mask(second))
        assert (one | two, one & two, one - two) == (first | second, first & second, first - second)
        assert (first | two, first & two, first - two) == (first | second, first & second, first - second)
        assert (one <= two, one == two, bool(one), len(one)) == (
            first <= second,
            first == second,
            bool(first),
            len(first),
        )
        assert set(one) == first
        assert ("a" in one, "zz" in one) == ("a" in first, False)
    assert repr(Bits(index, index.mask("a"))) == "{'a'}"


def test_lines_are_those_known_or_the_other():
    index = Index()
    lines = Lines(Bits(index, index.mask("ab")), {"a": 3, "z": 9}, 7)
    assert dict(lines) == {"a": 3, "b": 7}
    assert lines.get("z") is None
    assert len(lines) == 2


def test_code_leads_to_code_in_chains_and_in_rings():
    names, codes = Index(), {}
    reaches = Reaches(names, lambda name: codes.get(name, 0))
    graph = {"a": "b", "b": "cd", "c": "a", "d": "e", "e": "", "f": "fe", "g": "x"}
    number = {
        key: reaches.number(Definition(key, Facts(reads=dict.fromkeys(reads, 1)))) for key, reads in graph.items()
    }
    codes |= {key: 1 << value for key, value in number.items()}

    def reached(key):
        return "".join(sorted(item.name for item in reaches.definitions.unmask(reaches.of(codes[key]).definitions)))

    assert {key: reached(key) for key in "gfedcba"} == {
        "a": "abcde", "b": "abcde", "c": "abcde", "d": "de", "e": "e", "f": "ef", "g": "g",
    }  # fmt: skip
    codes["x"] = codes["f"]
    reaches.forget(names.mask("x"))
    assert reached("g") == "efg"


def test_a_chain_of_thousands_is_no_recursion():
    names, codes = Index(), {}
    reaches = Reaches(names, lambda name: codes.get(name, 0))
    for number in range(5000):
        facts = Facts(reads={f"f{number + 1}": 1})
        codes[f"f{number}"] = 1 << reaches.number(Definition(f"f{number}", facts))
    assert reaches.of(codes["f0"]).definitions.bit_count() == 5000
