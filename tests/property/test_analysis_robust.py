"""Whatever a notebook holds, reading and analysing it raises nothing but what is meant."""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import replace

import pytest
from fuzzing.mutants import mutant, survive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod import notebooks
from nbprod.analysis import analyze, suggest, to_json, to_mermaid, to_text
from nbprod.core.errors import NotebookError
from nbprod.core.notebook import Cell, Notebook, Tag

SEEDS = [
    "import pandas as pd\nfrom sklearn.linear_model import Ridge as R\n%matplotlib inline",
    "df = pd.read_csv('a.csv', nrows=n)\ndf['x'] = df.y.apply(lambda v: v * k)",
    "class A(B, metaclass=M):\n    k: int = 1\n    @property\n    def f(self, *a, b=[], **c) -> 'A':\n        global g\n        g = nonlocal_ = self.k\n        return lambda: (yield)",
    "def gen(x, /, y, *, z=k):\n    def inner():\n        nonlocal y\n        y += 1\n        return y\n    yield from (i for i in x if (w := i))\n    return inner",
    "for i, (a, *b) in enumerate(xs):\n    if i > 3: break\n    xs[i:j] += [a]\nelse:\n    del xs[0], a.b, (c, d)",
    "try:\n    import x.y as z\nexcept (ImportError, ValueError) as e:\n    raise\nelse:\n    z = None\nfinally:\n    with open('f', 'w') as h, g() as [p, q]:\n        h.write(f'{p!r:>{q}}')",
    "match v:\n    case {'k': [1, *rest], **kw} | A(x=1, y=z): pass\n    case str() as s if s: pass\n    case _: ...",
    "x = !ls -l\n!pip install y\n%time z = f(x)\nget_ipython().run_line_magic('cd', '..')\nprint?",
    "%%time\nmodel.fit(X, y).predict(X)\nnp.random.seed(0); random.shuffle(xs)",
    "%%capture out\nawait f()\nasync def g():\n    async for i in h: yield i\n    async with k as l: return [j async for j in i]",
    "os.environ['A'] = getattr(a, 'b')(*c, **d)[e:f, ...] @ g if not h else -i\nfrom m import *",
    "x = 1\nx\n%run a.ipynb\nx + y\n%run -i b.py 1 2\ny",
    "con = sqlite3.connect(path)\ncon.execute('INSERT')\ndf.query('a > @b', inplace=True)\na, b = b, a",
]
TAGS = [
    "stage:a",
    "stage:b",
    "stage:c",
    "parameters",
    "nbprod:setup",
    "nbprod:serve",
    "nbprod:gate",
    "nbprod:test",
    "nbprod:skip",
    "stage:",
    "nbprod:x",
    None,
    None,
]


def mutated(source: str, chance: random.Random) -> str:
    """Return a source with a few characters or lines removed, doubled, swapped or put in."""
    text = source
    for _ in range(chance.randint(0, 4)):
        position, other = chance.randint(0, len(text)), chance.randint(0, len(text))
        low, high = min(position, other), min(max(position, other), min(position, other) + 6)
        kind = chance.randint(0, 4)
        if kind == 0:
            text = text[:low] + text[high:]
        elif kind == 1:
            text = (
                text[:low]
                + chance.choice(
                    [
                        "(",
                        ")",
                        "\n",
                        "    ",
                        "%",
                        "!",
                        "=",
                        ":",
                        "'",
                        '"""',
                        "\\",
                        "\0",
                        "é",
                        "\ud800",
                        "@",
                        "?",
                        "#",
                        "global x\n",
                        "lambda ",
                        "%%",
                    ]
                )
                + text[low:]
            )
        elif kind == 2:
            text = text[:high] + text[low:]
        elif kind == 3:
            lines = text.split("\n")
            chance.shuffle(lines)
            text = "\n".join(lines)
        else:
            text = text.replace(chance.choice("xyabfdz"), chance.choice(["print", "df", "x", "np", "_", "sum", "f"]))
    return text


def document(chance: random.Random) -> str:
    cells = []
    for _ in range(chance.randint(0, 8)):
        tag = chance.choice(TAGS)
        source = mutated(chance.choice(SEEDS), chance)
        if chance.random() < 0.1:
            source = f"%%mlops {chance.choice(['stage a', 'stage', 'gate', 'stage a --retries x'])}\n{source}"
        cells.append(
            {
                "cell_type": chance.choice(["code"] * 9 + ["markdown"]),
                "metadata": {"tags": [tag]} if tag else {},
                "source": source,
            }
        )
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": chance.choice([2, 5])})


def notebook(seed: int) -> Notebook:
    """Return a notebook with the files that its `%run` lines may name."""
    chance = random.Random(seed)
    found = notebooks.parse(document(chance), "n.ipynb")
    script = mutated(chance.choice(SEEDS), chance)
    runs = {"b.py": Notebook("b.py", (Cell(0, "script", "code", script, script),))}
    return replace(found, runs={**runs, "a.ipynb": notebooks.parse(document(chance), "a.ipynb")})


def check(seed: int) -> None:
    found = notebook(seed)
    pipeline = analyze([found, replace(notebook(seed + 1), path="m.ipynb")] if seed % 7 == 0 else [found])
    json.dumps([to_json(pipeline), [item.message for item in pipeline.diagnostics]])
    assert to_text(pipeline)
    assert to_mermaid(pipeline)
    # the steps of a pipeline without errors are Python or magics that the analysis could read
    if seed % 5 == 0:
        suggested = suggest(found)
        assert {item.code for item in suggested.pipeline.errors} <= {item.code for item in analyze([found]).errors}
    order = {stage.name: index for index, stage in enumerate(pipeline.stages)}
    if not pipeline.errors:
        assert all(order[edge.source] < order[edge.target] for edge in pipeline.edges)


@pytest.mark.parametrize("block", range(8))
def test_mutated_notebooks(block):
    for seed in range(block * 50, block * 50 + 50):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(100))
def test_many_mutated_notebooks(block):
    for seed in range(1000 + block * 100, 1100 + block * 100):
        check(seed)


def test_broken_notebooks(tmp_path):
    for seed in range(300):
        survive(mutant(random.Random(seed)), tmp_path / "n.ipynb")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "n.ipynb"
    path.write_bytes(content)
    with contextlib.suppress(NotebookError):
        notebooks.read(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
cells = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw", "odd"]),
        "metadata": st.dictionaries(st.sampled_from(["nbprod", "tags", "x"]), values, max_size=2),
        "source": st.text(max_size=30) | st.lists(st.text(max_size=10), max_size=3),
    },
    optional={"id": values, "outputs": values, "execution_count": values},
)


@settings(max_examples=150, deadline=None)
@given(st.lists(cells, max_size=4), values, st.sampled_from([0, 4, 5]))
def test_any_cells(found, metadata, minor):
    document = {"cells": found, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    analyze([notebooks.parse(json.dumps(document), "n.ipynb")])


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
good = st.fixed_dictionaries(
    {
        "cell_type": st.just("code"),
        "metadata": st.dictionaries(st.sampled_from(["x", "y"]), texts, max_size=2),
        "source": texts | st.lists(texts, max_size=3),
        "outputs": st.just([]),
        "execution_count": st.none(),
    }
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(good, min_size=1, max_size=3), st.sampled_from([None, 0, 1, 2, "\t"]), st.booleans(), st.data())
def test_tagging_and_untagging_is_identity(tmp_path_factory, found, indent, ascii_only, data):
    cells = [{**cell, "id": f"c{number}"} for number, cell in enumerate(found)]
    text = json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=indent, ensure_ascii=ascii_only
    )
    path = tmp_path_factory.mktemp("identity") / "n.ipynb"
    path.write_text(text, encoding="utf-8", newline="")
    number = data.draw(st.integers(1, len(cells)))
    if notebooks.read(path).cells[number - 1].tag is not None or "%%mlops" in text:
        return
    notebooks.write_tag(path, number, Tag("stage", "a", {"retries": 1}))
    assert notebooks.read(path).cells[number - 1].tag == Tag("stage", "a", {"retries": 1})
    notebooks.write_tag(path, number, None)
    assert path.read_text(encoding="utf-8") == text
