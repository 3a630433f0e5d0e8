"""Every diagnostic: what raises it, where, and what does not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nbprod.analysis import analyze, readiness, to_json, to_mermaid, to_text

FINDINGS = {
    "undefined": ([("a", "x = nobody")], [("NB201", 1, 1)]),
    "defined later": ([("a", "x = 1\ny = later"), ("b", "later = 1")], [("NB201", 1, 2)]),
    "defined in a skipped cell": ([("skip", "k = 1"), ("a", "x = k")], [("NB201", 2, 1)]),
    "undefined in a called function": ([("setup", "def f():\n    return nobody"), ("a", "x = f()")], [("NB201", 2, 1)]),
    "undefined in a comprehension": ([("a", "x = [nobody for i in range(3)]")], [("NB201", 1, 1)]),
    "deleted": ([("a", "x = 1\ndel x"), ("b", "y = x")], [("NB202", 2, 1)]),
    "cycle": ([("a", "x = 1"), ("b", "y = x + 1"), ("a", "z = y + 1")], [("NB203", 2, 1), ("NB203", 3, 1)]),
    "made by a gate": ([("a", "x = 1"), ("gate", "g = x"), ("b", "y = g")], [("NB201", 3, 1), ("NB204", 3, 1)]),
    "changed after a gate": ([("a", "x = 1"), ("gate", "assert x == 1"), ("b", "x = 2")], [("NB204", 2, 1)]),
    "history": ([("a", "1 + 1"), ("b", "y = _ + Out[1]")], [("NB205", 2, 1), ("NB205", 2, 1)]),
    "run magic without its file": ([("a", "%run other.py")], [("NB216", 1, 1)]),
    "dynamic": ([("a", "x = 1"), ("b", "globals()['y' + str(x)] = 2")], [("NB208", 2, 1)]),
    "input": ([("a", "x = input()")], [("NB209", 1, 1)]),
    "two parameters cells": ([("parameters", "n = 1"), ("parameters", "m = 1"), ("a", "x = n")], [("NB105", 2, 1)]),
    "options contradict": ([("a", "x = 1", {"retries": 1}), ("a", "y = 1", {"retries": 2})], [("NB106", 2, 1)]),
    "syntax": ([("a", "x = 1\nx ="), ("b", "y = 1")], [("NB110", 1, 2)]),
    "null byte": ([("a", "x = '\0'")], [("NB110", 1, 1)]),
    "return outside": ([("a", "return 3")], [("NB110", 1, 1)]),
    "broken magic": ([("a", "%matplotlib inline\nx = (")], [("NB110", 1, 2)]),
    "unknown line magic": ([("a", "x = 1\n%mystery x")], [("NB111", 1, 2)]),
    "unknown cell magic": ([("a", "%%mystery\nx")], [("NB111", 1, 1)]),
    "no code": ([("md", "# only text")], [("NB112", None, None)]),
    "question": ([("a", "import getpass\nx = getpass.getpass()")], [("NB209", 1, 2)]),
    "bad stage name": ([("no good", "x = 1")], [("NB101", 1, 1)]),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_errors_with_their_place(name, analysed):
    cells, expected = FINDINGS[name]
    pipeline = analysed(cells)
    assert [(item.code, item.cell, item.line) for item in pipeline.errors] == expected
    assert all(item.fix for item in pipeline.errors)


WARNINGS = {
    "NB302": "import pandas as pd\ndf = pd.read_csv('/home/ann/x.csv')",
    "NB303": "password = 'hunter22'",
    "NB304": "import numpy as np\nx = np.random.rand()",
    "NB305": "!pip install lightgbm",
    "NB307": "from sklearn.linear_model import Ridge\na = Ridge().fit([[1]], [1])\nb = Ridge().fit([[1]], [1])",
    "NB308": "import requests\nx = requests.get('http://x')",
    "NB320": "words = list(set('abc'))",
    "NB326": "max = 3\ny = max(1, 2)",
}


@pytest.mark.parametrize("code", WARNINGS)
def test_warnings(code, analysed):
    pipeline = analysed([("a", WARNINGS[code])])
    assert code in {item.code for item in pipeline.diagnostics}
    assert not pipeline.errors


FINE = [
    [("a", "try:\n    seen\nexcept NameError:\n    seen = 1")],
    [("a", "def f():\n    return never_called\nx = 1")],
    [("a", "from os.path import *\nx = join('a', 'b')")],
    [("a", "x = 1"), ("b", "y = x"), ("a", "z = 3")],
    [("a", "import numpy as np\nnp.random.seed(0)\nx = np.random.rand()")],
    [("a", "for i in range(3):\n    k = i\nprint(i)"), ("b", "with open('f') as h:\n    t = h.read()\nu = t")],
    [("a", "class A:\n    k = 1\n    j = k + 1\n    def f(self):\n        return A.j")],
    [("a", "def f(x: 'Unknown') -> int:\n    return x\ny = f(1)")],
    [("a", "await_ = 1\nimport asyncio\nawait asyncio.sleep(0)")],
    [("a", "f = lambda: f\nx = f()")],
    [("a", "tokens = ['a']")],
    [("a", "%%html\n<b>x</b>"), ("a", "print?\nx = 1")],
    [("a", "__name__ == '__main__'")],
]


@pytest.mark.parametrize("cells", FINE)
def test_no_false_alarm(cells, analysed):
    found = [item for item in analysed(cells).diagnostics if item.severity != "info"]
    assert not found


PATCHES = [
    "import math\nmath.pi = 3",
    "import math\nsetattr(math, 'pi', 3)",
    "import pandas as pd\npd.DataFrame.rows = len",
    "import pandas as pd\n@pd.api.extensions.register_dataframe_accessor('geo')\nclass G:\n    pass",
    "import math\ndef patch():\n    math.e = 2\npatch()",
    "import codecs\ncodecs.register_error('z', print)",
]


@pytest.mark.parametrize("source", PATCHES)
def test_a_changed_library_is_told(source, analysed):
    pipeline = analysed([("a", source), ("b", "x = 1")])
    assert not pipeline.errors
    assert "NB207" in {item.code for item in pipeline.diagnostics}
    assert pipeline.stage("a").patches
    assert "NB207" not in {item.code for item in analysed([("a", source)]).diagnostics}


def test_a_library_changed_in_a_setup_cell_is_changed_in_every_stage(analysed):
    pipeline = analysed([("setup", PATCHES[0]), ("a", "x = 1"), ("b", "y = 1")])
    assert "NB207" not in {item.code for item in pipeline.diagnostics}
    assert [stage.patches for stage in pipeline.stages] == [(), ()]
    assert all(any("math.pi = 3" in step.source for step in stage.steps) for stage in pipeline.stages)


ADVICE = {
    "only shows": ([("a", "x = [1]"), ("b", "print(x)")], ["NB324"]),
    "shows and leaves": ([("a", "x = [1]"), ("b", "print(x)\ny = len(x)")], []),
    "shows in two cells": ([("a", "x = [1]"), ("b", "print(x)"), ("b", "import math\nprint(x, x)")], ["NB324"]),
    "draws": ([("a", "import random\nrandom.seed(0)"), ("b", "print(random.random())")], []),
    "only defines": ([("a", "import math\ndef f(): return math.pi"), ("a", "x = f()")], ["NB323"]),
    "defines with options": ([("a", "import math", {"retries": 2}), ("a", "x = math.pi")], []),
    "does everything": (
        [
            ("a", "import pandas as pd\nfrom sklearn.linear_model import Ridge"),
            ("a", "df = pd.read_csv('x.csv')"),
            ("a", "X, y = df[['a']], df['b']"),
            ("a", "m = Ridge()"),
            ("a", "m.fit(X, y)"),
            ("a", "s = m.score(X, y)"),
        ],
        ["NB322", "NB323"],
    ),
    "unread parameter": ([("parameters", "n = 1\nm = 2"), ("a", "x = n")], ["NB314"]),
    "parameter of a shell line": ([("parameters", "n = 1"), ("a", "!echo {n}\nx = 1")], []),
    "overwritten parameter": ([("parameters", "n = 1"), ("a", "n = 5\nx = n")], ["NB315"]),
    "parameter read, then changed": ([("parameters", "n = 1"), ("a", "n = n + 1\nx = n")], []),
    "parameters that do more": ([("parameters", "n = len(open('x').read())"), ("a", "x = n")], ["NB316"]),
}


@pytest.mark.parametrize("name", ADVICE)
def test_advice(name, analysed):
    cells, expected = ADVICE[name]
    found = {item.code for item in analysed(cells).diagnostics if item.code in ("NB314", "NB315", "NB316")}
    found |= {item.code for item in analysed(cells).diagnostics if "NB322" <= item.code <= "NB324"}
    assert sorted(found) == expected


def test_outputs_older_than_the_code(book):
    found = book(["x = 1", "y = 2", "z = 3"])

    def saved(*counts, shown=None):
        output = ({"output_type": "error", "ename": "KeyError"},)
        cells = [
            replace(cell, execution_count=count, outputs=output if number == shown else ())
            for number, (cell, count) in enumerate(zip(found.cells, counts, strict=True), 1)
        ]
        return [(item.code, item.cell) for item in analyze([replace(found, cells=tuple(cells))]).diagnostics]

    assert saved(1, 2, 3) == []
    assert saved(None, None, None) == []
    assert saved(1, 2, None) == []
    assert saved(1, None, 2) == [("NB309", 2)]
    assert saved(1, 2, None, shown=3) == [("NB309", 3), ("NB310", 3)]
    assert saved(1, 2, 3, shown=2) == [("NB310", 2)]


def test_a_notebook_of_another_language(book):
    found = book([("a", "library(dplyr)\nx <- 3")], metadata={"language_info": {"name": "R"}})
    assert [(item.code, item.cell) for item in analyze([found]).diagnostics] == [("NB113", None)]


def test_a_cycle_names_both_cells(analysed):
    error = analysed([("a", "x = 1"), ("b", "y = x + 1"), ("a", "z = y + 1")]).errors[0]
    assert "cell 2" in error.message
    assert "cell 1" in error.message
    assert "a → b → a" in error.message or "b → a → b" in error.message


def test_undefined_suggests(analysed):
    assert "`model`" in analysed([("a", "model = 1\nx = modle")]).errors[0].fix
    assert "cell 2" in analysed([("a", "y = late"), ("b", "late = 1")]).errors[0].fix


def test_secret_in_an_output(book):
    cell = book([("a", "x = 1")]).cells[0]
    shown = replace(cell, outputs=({"output_type": "stream", "text": ["postgres://me:hunter2@host/db\n"]},))
    pipeline = analyze([replace(book([]), cells=(shown,))])
    assert "NB303" in {item.code for item in pipeline.diagnostics}


@pytest.mark.parametrize(
    "output",
    [
        {"text": ["postgres://me:***@host/db\n"]},
        {"data": {"text/html": "<style>#sk-container-id-1 .sk-estimator-doc-link-of-fitted {}</style>"}},
        {"data": {"image/png": "AKIAABCDEFGHIJKLMNOP"}},
        {"text": "see https://example.org:8080/a@b"},
    ],
)
def test_no_secret_in_an_output(output, book):
    cell = book([("a", "x = 1")]).cells[0]
    pipeline = analyze([replace(book([]), cells=(replace(cell, outputs=(output,)),))])
    assert "NB303" not in {item.code for item in pipeline.diagnostics}


SECRETS = [
    "api_key = 'f3b1c9d2e8a74b55'",
    "c = connect(user='me', password='hunter22')",
    "settings = {'auth_token': 'Zk3v9QpL7xWm2'}",
    "os.environ['SECRET_KEY'] = 'a8f5f167f44f4964e6c998dee827110c'",
    "%env API_KEY=f3b1c9d2e8a74b55",
    "k = '-----BEGIN RSA PRIVATE KEY-----MIIE'",
    "u = 'postgresql://me:pa55word@host/db'",
    "client = OpenAI('sk-proj-Abc123Def456Ghi789Jkl012')",
]
NO_SECRETS = [
    "token = 'word'",
    "password = os.environ['DB_PASSWORD']",
    "key = 'customer_id'",
    "df.sort_values(by='x', key='abs')",
    "secret_name = 'prod/db1'",
    "auth = 'oauth2'",
    "password = '<your password>'",
    "api_key = 'YOUR_API_KEY'",
    "token_column = 'token1234x'",
    "n_tokens = 5000",
    "password = nbprod.secret('DB_PASSWORD')",
    "url = 'postgresql://{user}:{password}@host/db'",
]


@pytest.mark.parametrize("source", SECRETS)
def test_secrets(source, analysed):
    found = [item for item in analysed([("a", f"import os\n{source}")]).diagnostics if item.code == "NB303"]
    assert [item.line for item in found] == [2]


@pytest.mark.parametrize("source", NO_SECRETS)
def test_no_secrets(source, analysed):
    found = analysed([("a", f"import os, nbprod\n{source}")]).diagnostics
    assert "NB303" not in {item.code for item in found}


def test_out_of_order(book):
    found = book(["x = 1", "y = 2"])
    cells = tuple(replace(cell, execution_count=count) for cell, count in zip(found.cells, (5, 2), strict=True))
    assert [item.code for item in analyze([replace(found, cells=cells)]).diagnostics] == ["NB301"]


def test_readiness_counts_ten_steps(analysed):
    pipeline = analysed([("parameters", "n = 1"), ("a", "x = n"), ("gate", "assert x")])
    assert readiness(pipeline, {}).percent == 30
    found = readiness(
        pipeline,
        {
            "ran": True,
            "verified": True,
            "pinned": True,
            "recorded": True,
            "image": True,
            "monitored": True,
            "scheduled": True,
        },
    )
    assert (found.percent, found.next, len(found.steps)) == (100, None, 10)
    shown = readiness(pipeline, {}).as_json()
    assert shown["steps"][0] == {"name": "runs top to bottom", "done": False, "next": "nbprod run book.ipynb"}


def test_graph_in_three_formats(analysed):
    pipeline = analysed([("parameters", "n = 1  # rows"), ("a", "x = [n]"), ("b", "y = len(x)")])
    assert to_json(pipeline) == {
        "stages": [
            {"name": "a", "cells": [2], "reads": [], "writes": ["x"]},
            {"name": "b", "cells": [3], "reads": ["x"], "writes": ["y"]},
        ],
        "edges": [{"from": "a", "to": "b", "names": ["x"]}],
        "parameters": [{"name": "n", "type": "int", "default": 1, "help": "rows"}],
    }
    json.dumps(
        to_json(analysed([("parameters", "n = float('nan')\ns = {1, 2}\nb = b'x'\nc = 1j"), ("a", "1")])),
        allow_nan=False,
    )
    assert '"a"' in to_mermaid(pipeline)
    assert "x ← a" in to_text(pipeline)
