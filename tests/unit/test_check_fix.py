"""`check --fix`: what is mended, that nothing else in the file changes, and that a second time changes nothing."""

from __future__ import annotations

import json

import pytest

from nbprod import api
from nbprod.core.errors import NotebookError

HEAD = (
    "import numpy as np\nimport pandas as pd\nfrom sklearn.ensemble import RandomForestClassifier\n"
    "from sklearn.model_selection import KFold, train_test_split"
)
LOAD = "df = pd.DataFrame({'a': [1, 2]})"
FIXES = {
    "a call": ("NB304", "m = RandomForestClassifier()", "m = RandomForestClassifier(random_state=0)"),
    "arguments": (
        "NB304",
        "parts = train_test_split(\n    df,  # all of it\n    test_size=0.5,\n)",
        "parts = train_test_split(\n    df,  # all of it\n    test_size=0.5, random_state=0\n)",
    ),
    "within another": (
        "NB304",
        "x = df.sample(1).sample(1) if len(df) else df.sample(2)",
        "x = df.sample(1, random_state=0).sample(1, random_state=0) if len(df) else df.sample(2, random_state=0)",
    ),
    "beside letters of two bytes": (
        "NB304",
        "ä = 'é'; m = KFold(3, shuffle=True)",
        "ä = 'é'; m = KFold(3, shuffle=True, random_state=0)",
    ),
    "a generator": ("NB304", "rng = np.random.default_rng()", "rng = np.random.default_rng(0)"),
    "the global one": ("NB304", "y = 1\nx = np.random.rand()", "y = 1\nnp.random.seed(0)\nx = np.random.rand()"),
    "in a loop": (
        "NB304",
        "for i in range(2):\n    x = np.random.rand()",
        "np.random.seed(0)\nfor i in range(2):\n    x = np.random.rand()",
    ),
    "below a magic": (
        "NB304",
        "%matplotlib inline\nx = np.random.rand()",
        "%matplotlib inline\nnp.random.seed(0)\nx = np.random.rand()",
    ),
    "a timed cell": ("NB304", "%%time\nx = np.random.rand()", "%%time\nnp.random.seed(0)\nx = np.random.rand()"),
    "a mixture's own sample": (
        "NB304",
        "from sklearn.mixture import GaussianMixture\ng = GaussianMixture(2, random_state=0).fit(df)\nx, _ = g.sample(4)",
        "from sklearn.mixture import GaussianMixture\ng = GaussianMixture(2, random_state=0).fit(df)\n"
        "np.random.seed(0)\nx, _ = g.sample(4)",
    ),
    "a mixture on the spot": (
        "NB304",
        "import sklearn.mixture as m\nx = m.GaussianMixture(2, random_state=0).fit(df).sample(4)",
        "import sklearn.mixture as m\nnp.random.seed(0)\nx = m.GaussianMixture(2, random_state=0).fit(df).sample(4)",
    ),
    "python's own": (
        "NB304",
        "import random\nx = random.random()",
        "import random\nrandom.seed(0)\nx = random.random()",
    ),
    "a set in a list": ("NB320", "w = list(set(df.a))", "w = sorted(set(df.a))"),
    "a set in a tuple": ("NB320", "w = tuple({c for c in 'abc'})", "w = tuple(sorted({c for c in 'abc'}))"),
    "an install line": ("NB305", "!pip install -q lightgbm\nx = 1", "x = 1"),
    "nothing but installs": (
        "NB305",
        "%%time\n!pip install lightgbm\n!pip install shap",
        "%%time\n# !pip install lightgbm\n# !pip install shap",
    ),
    "an install magic": ("NB305", "x = 1\n%pip install 'pandas>=2' xgboost[gpu]", "x = 1\n"),
    "an install in a block": (
        "NB305",
        "try:\n    x = 1\nexcept ImportError:\n    !pip install lightgbm",
        "try:\n    x = 1\nexcept ImportError:\n    pass  # !pip install lightgbm",
    ),
}
LEFT = {
    "a file of requirements": ("NB305", "!pip install -r more.txt"),
    "a secret": ("NB303", "password = 'hunter22'"),
    "a path elsewhere": ("NB302", "df = pd.read_csv('/home/ann/x.csv')"),
    "a draw in a function": ("NB304", "%%timeit\nnp.random.rand()"),
}


def sources(path):
    return ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def codes(found):
    return {item.code for item in found}


@pytest.mark.parametrize("name", FIXES)
def test_mended(name, project, make_notebook):
    code, before, after = FIXES[name]
    path = make_notebook(project / "n.ipynb", [("setup", HEAD), ("stage:a", LOAD), ("stage:b", before)])
    assert code in codes(api.check(path).pipeline.diagnostics)
    found = api.check(path, fix=True)
    assert sources(path) == [HEAD, LOAD, after]
    assert code in codes(found.fixed)
    assert code not in codes(found.pipeline.diagnostics)
    again = path.read_bytes()
    assert api.check(path, fix=True).fixed == ()
    assert path.read_bytes() == again


@pytest.mark.parametrize("name", LEFT)
def test_left_to_people(name, project, make_notebook):
    code, source = LEFT[name]
    path = make_notebook(project / "n.ipynb", [("setup", HEAD), ("stage:a", LOAD), ("stage:b", source)])
    before = path.read_bytes()
    found = api.check(path, fix=True)
    assert (found.fixed, found.diff, path.read_bytes()) == ((), (), before)
    assert code in codes(found.pipeline.diagnostics)


def test_only_one_seed_for_a_notebook(project, make_notebook):
    cells = [("setup", HEAD), ("stage:a", "x = np.random.rand()"), ("stage:b", "y = np.random.rand()")]
    path = make_notebook(project / "n.ipynb", cells)
    api.check(path, fix=True)
    assert sources(path)[1:] == ["np.random.seed(0)\nx = np.random.rand()", "y = np.random.rand()"]


def test_requirements_are_added_once(project, make_notebook):
    (project / "requirements.txt").write_text("Light_GBM==4.0\npandas", encoding="utf-8")
    path = make_notebook(project / "n.ipynb", [("stage:a", "!pip install light-gbm shap==0.46\nx = 1")])
    api.check(path, fix=True)
    assert (project / "requirements.txt").read_text(encoding="utf-8") == "Light_GBM==4.0\npandas\nshap==0.46\n"


def test_a_path_within_the_project(project, make_notebook):
    source = f"f = open({str(project / 'data' / 'x.csv')!r})\nbase = '{project}/data/'\nlog = '{project}/books/log.txt'"
    path = make_notebook(project / "books" / "n.ipynb", [("stage:a", source)])
    api.check(path, fix=True)
    assert sources(path) == ['f = open("../data/x.csv")\nbase = "../data/"\nlog = "log.txt"']


def test_a_path_in_a_notebook_that_changes_its_folder(project, make_notebook):
    source = f"import os\nos.chdir('..')\nf = open('{project}/x.csv')"
    path = make_notebook(project / "n.ipynb", [("stage:a", source)])
    assert api.check(path, fix=True).fixed == ()


def test_definitions_in_a_stage(project, make_notebook):
    cells = [("stage:load", "import math\ndef f(x):\n    return math.pi * x"), ("stage:load", "y = f(1)")]
    path = make_notebook(project / "n.ipynb", cells)
    assert codes(api.check(path, fix=True).fixed) == {"NB323"}
    tags = [cell["metadata"]["nbprod"] for cell in json.loads(path.read_text())["cells"]]
    assert tags == [{"role": "setup"}, {"stage": "load"}]


def test_a_connection_is_made_again(project, make_notebook):
    cells = [
        ("setup", "import sqlite3\nimport pandas as pd"),
        ("stage:a", "path = open('where.txt').read()\nconn = sqlite3.connect(path)\nx = pd.read_sql('select 1', conn)"),
        ("stage:b", "# the second\ny = pd.read_sql('select 2', conn)"),
    ]
    path = make_notebook(project / "n.ipynb", cells)
    assert codes(api.check(path, fix=True).fixed) == {"NB325"}
    assert sources(path)[2] == "# the second\nconn = sqlite3.connect(path)\ny = pd.read_sql('select 2', conn)"


@pytest.mark.parametrize(
    "cells",
    [
        [("stage:a", "conn = sqlite3.connect(':memory:')"), ("stage:b", "y = pd.read_sql('select 2', conn)")],
        [
            ("stage:a", "p = open('w').read()\nconn = sqlite3.connect(p)\nconn.execute('insert into t values (1)')"),
            ("stage:b", "y = pd.read_sql('select 2', conn)"),
        ],
    ],
)
def test_a_connection_that_must_not_be_made_again(cells, project, make_notebook):
    path = make_notebook(project / "n.ipynb", [("setup", "import sqlite3\nimport pandas as pd"), *cells])
    found = api.check(path, fix=True)
    assert found.fixed == ()
    assert "NB325" in codes(found.pipeline.diagnostics)


def test_magics_that_ruff_does_not_know(project, make_notebook):
    (project / "pyproject.toml").write_text("[tool.ruff.lint]\nselect = ['E', 'F']\n", encoding="utf-8")
    cells = ["import os", "%%mlops stage load --retries 2\nx = os.sep"]
    path = make_notebook(project / "n.ipynb", cells)
    assert codes(api.check(path, fix=True).fixed) == {"NB312"}
    cell = json.loads(path.read_text())["cells"][1]
    assert (cell["metadata"]["nbprod"], cell["source"]) == ({"stage": "load", "retries": 2}, ["x = os.sep"])


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "[tool.ruff.lint]\nselect = ['E', 'F']\nignore = ['F401']",
        "[tool.ruff.lint]\nselect = ['E']",
        "[tool.ruff]\nextend-exclude = ['*.ipynb']",
        "[tool.ruff.lint]\nunfixable = ['F401']",
        "[tool.ruff.lint.per-file-ignores]\n'*.ipynb' = ['F']",
        "[tool.black]\npython-cell-magics = ['mlops']",
    ],
)
def test_settings_that_do_no_harm(settings, project, make_notebook):
    (project / "pyproject.toml").write_text(settings, encoding="utf-8")
    path = project / "n.ipynb"
    make_notebook(path, ["%%mlops stage load\nx = 1"])
    assert "NB312" not in codes(api.check(path).pipeline.diagnostics)


def with_output(path, output):
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"][0]["outputs"] = [output]
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


SHOWN = {
    "NB303": {"output_type": "stream", "name": "stdout", "text": ["key AKIAABCDEFGHIJKLMNOP\n"]},
    "NB313": {"output_type": "display_data", "metadata": {}, "data": {"image/png": "x" * 1_000_001}},
}


@pytest.mark.parametrize("code", SHOWN)
def test_outputs_are_cleared_and_the_rest_stays(code, project, make_notebook):
    path = make_notebook(project / "n.ipynb", [("stage:a", "x = 1  # ünï\n"), ("md", "# title"), ("stage:b", "y = x")])
    clean = path.read_bytes()
    with_output(path, SHOWN[code])
    found = api.check(path, fix=True)
    assert codes(found.fixed) == {code}
    assert path.read_bytes() == clean
    assert found.diff == ("n.ipynb cell 1: 1 outputs cleared",)


def test_a_secret_is_never_shown(project, make_notebook):
    secret = "hunter22x"
    source = (
        f"!pip install lightgbm\npassword = '{secret}'\ntoken = 'ghp_{'a1' * 18}'\nurl = 'pg://me:{secret}@host/db'"
    )
    path = make_notebook(project / "n.ipynb", [("stage:a", source)])
    found = api.check(path, fix=True)
    shown = [*found.diff, *(str(found.line(item)) for item in found.pipeline.diagnostics), json.dumps(found.as_json())]
    assert "lightgbm" in "".join(shown)
    assert [text for text in shown if secret in text or "a1a1" in text] == []


def test_the_json_says_what_was_fixed(project, make_notebook):
    path = make_notebook(project / "n.ipynb", [("stage:a", "w = list(set('abc'))")])
    assert "fixed" not in api.check(path).as_json()
    found = api.check(path, fix=True).as_json()
    assert [(item["code"], item["cell"], item["line"], item["fix"]) for item in found["fixed"]] == [
        ("NB320", 1, 1, "sorted(set('abc'))")
    ]
    assert found["diagnostics"] == []


def test_several_notebooks_are_mended_together(project, make_notebook):
    first = make_notebook(project / "01.ipynb", [("stage:a", "import numpy as np\nw = list(set('abc'))")])
    second = make_notebook(project / "02.ipynb", [("stage:b", "x = w[0]\ny = np.random.rand()")])
    found = api.check([first, second], fix=True)
    assert {item.notebook for item in found.fixed} == {"01.ipynb", "02.ipynb"}
    assert sources(second) == ["x = w[0]\nnp.random.seed(0)\ny = np.random.rand()"]


def test_an_old_format_is_not_written(project):
    code = {"cell_type": "code", "language": "python", "input": "w = list(set('abc'))", "outputs": [], "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [code], "metadata": {}}]}
    path = project / "old.ipynb"
    path.write_text(json.dumps(old), encoding="utf-8")
    assert codes(api.check(path).pipeline.diagnostics) == {"NB320"}
    with pytest.raises(NotebookError, match="NB004"):
        api.check(path, fix=True)
    assert json.loads(path.read_text()) == old


def test_an_edit_that_would_make_an_error_is_not_made(project, make_notebook):
    cells = [
        ("setup", "import random"),
        ("stage:a", "x = random.random()"),
        ("stage:b", "y = random.random()"),
        ("stage:a", "z = random.random()\nw = list(set('abc'))"),
    ]
    path = make_notebook(project / "n.ipynb", cells)
    before = len(api.check(path).pipeline.errors)
    found = api.check(path, fix=True)
    assert len(found.pipeline.errors) == before
    assert sources(path)[3] == "z = random.random()\nw = sorted(set('abc'))"
