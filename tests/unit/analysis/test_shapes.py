"""Cells that differ by names and numbers alone are told from one of them as if each were looked at."""

from __future__ import annotations

import ast
import random
from dataclasses import fields

import pytest

from nbprod.analysis import cells, memory, pipeline, shapes
from nbprod.analysis.facts import Definition, Facts
from tests.unit.analysis.conftest import notebook_of

PIECES = [
    "{a} = {n}\n{b} = {a} + {n}\nprint({b})",
    "{a} = [{b}, {n}]\n{a}.append({b})  # {c}\n{a}",
    "{a} = pd.DataFrame({{'a': {b}}})\n{a}['b'] = {a}['a'] * {n}",
    "{a}.fit({b}, {c})\n{c} = {a}.predict({b})",
    "{a} = unknown({b}, inplace={c}, {c}={c})",
    "({a}, {b}) = {b}, {a} = {c}, {n}",
    "def {a}(x, {b}={n}):\n    return x + {b} + {c}",
    "def {a}(x):\n    return {b}.append(x)",
    "for {a} in {b}:\n    {c}[{a}] = f'{{{a}:.2f}} {{{b}!r}}'",
    "del {a}\n{a} = {b} = {n}",
    "if {a}:\n    {b} = {c}\nelse:\n    {b} = {n}",
    "{a} = [{b} for {b} in {c} if {b} > {n}]",
    "with open('{a}.txt', 'w') as {b}:\n    {b}.write({c})",
    "{a} = lambda {b}: {b} + {c}\n{c} = sorted({b}, key={a})",
    "import {a}np as {a}\n{b} = {a}.random.rand({n})",
    "{a} = duckdb.sql('select * from {b}').df()",
    "{a}.query('x > @{b}')",
    "m.{a} = {b}",
    "def f{i}(x, y={b}):\n    x.append(y)\n    return f{p}({a})\n{b} = f{p}({c}, f{i})\n{c} = f{i}({b}, y={a})",
    "def f{i}(x):\n    {a}.append(x)\n    return {a}\n{b} = f{p}({c})\ndef {a}(x): return f{i}(x)",
    "async def f{i}(x, *rest):\n    yield {a} + len(rest)\n{b} = list(map(f{p}, f{i}({c})))",
]


def told(book):
    pipeline._LAST.clear()
    found = pipeline.find([book])
    facts = [
        {item.name: _plain(getattr(statement.facts, item.name)) for item in fields(Facts)}
        for statement in found.statements
    ]
    dumps = [ast.dump(statement.node, include_attributes=True) for statement in found.statements]
    return found.pipeline, facts, dumps


def tree(text):
    return ast.parse(text).body


def _plain(value):
    if isinstance(value, Definition):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(Definition) if item.name != "facts"} | {
            item.name: _plain(getattr(value.facts, item.name)) for item in fields(Facts)
        }
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=str)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("seed", range(12))
def test_cells_of_a_known_shape_are_told_as_if_each_were_looked_at(monkeypatch, seed):
    chance = random.Random(seed)
    names = ["x", "y", "z", "df", "model", "seen"][: chance.randint(3, 6)]
    texts = [
        chance.choice(PIECES).format(
            **dict(zip("abc", chance.choices(names, k=3), strict=True)),
            n=chance.randint(0, 9),
            i=number,
            p=chance.randint(0, 30),
        )
        for number in range(40)
    ]
    texts[0] = "import __main__ as m" if seed % 4 == 0 else texts[0]
    book = notebook_of([(f"s{number // 8}", text) for number, text in enumerate(texts)])
    monkeypatch.setattr(cells, "_KEPT", memory.Kept(0))
    told(book)
    known = told(book)
    monkeypatch.setattr(cells, "shape_of", lambda text, tree: None)
    assert known == told(book)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a=1)", "f(b=1)"),
        ("x.fit", "x.score"),
        ("x = 'a'", "x = 'b'"),
        ("x = 1", "x = 1.0"),
        ("x = y", "x = x"),
        ("x = len", "x = y"),
        ("x = f'{y} {z}'", "x = f'{y} {y}'"),
        ("x = f(y)", "x = f(y, )"),
        ("x, y = y, z", "x, y = y, x"),
    ],
)
def test_cells_of_two_shapes_are_not_taken_for_each_other(one, other):
    shapes.forget()
    found = [shapes.shape_of(text, tree) for text in (one, other, one, other)]
    assert found[:2] == [None, None]
    assert found[2].shape is not found[3].shape


@pytest.mark.parametrize(
    "text", ["def f(a, b=1):\n    return b", "x = f'{y + 1}'", "x = '''y'''", "x = eval(y)", "é = 1"]
)
def test_what_names_do_not_tell_has_no_shape(text):
    assert shapes.shape_of(text, tree) is shapes.shape_of(text, tree) is None
