"""`suggest`: stages for untagged notebooks that read sensibly, cut cheaply, and are sound."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbprod.analysis import analyze
from nbprod.analysis.suggesting import suggest

CHURN = [
    ("md", "# Predicting churn"),
    "import pandas as pd\nfrom sklearn.linear_model import LogisticRegression\nfrom sklearn.model_selection import train_test_split\nfrom sklearn.metrics import accuracy_score",
    "test_size = 0.2\nseed = 1",
    "df = pd.read_csv('churn.csv')",
    "df.head()",
    ("md", "## Cleaning"),
    "df = df.dropna()\ndf['plan'] = df['plan'].str.strip()",
    "df.describe()",
    ("md", "## Features"),
    "X = pd.get_dummies(df.drop(columns='left'))\ny = df['left']",
    "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=test_size, random_state=seed)",
    "model = LogisticRegression()\nmodel.fit(X_train, y_train)",
    "accuracy = accuracy_score(y_test, model.predict(X_test))\naccuracy",
    "assert accuracy > 0.5",
    "df.to_csv('clean.csv')",
]


def tags(found):
    return {item.cell: (item.tag.stage or item.tag.role) if item.tag else None for item in found.cells}


def test_the_usual_notebook(book):
    found = suggest(book(CHURN))
    assert list(tags(found).values()) == [
        "setup", "parameters", "load", None, "clean", None, "features", "split", "train", "evaluate", "gate", "save",
    ]  # fmt: skip
    assert not found.pipeline.errors
    reasons = {item.cell: item.reason for item in found.cells}
    assert reasons[4] == "pd.read_csv()"
    assert reasons[7] == "heading “Cleaning”, df.dropna(), .strip()"
    assert reasons[3] == "plain values at the top: test_size, seed"


def test_what_is_tagged_is_kept(book):
    cells = list(CHURN)
    cells[3] = ("fetch", cells[3])
    cells[11] = ("learn", cells[11])
    found = suggest(book(cells))
    assert tags(found)[4] == "fetch"
    assert tags(found)[12] == "learn"
    assert not {4, 12} & set(found.tags)
    assert not found.pipeline.errors
    again = suggest(replace(book(cells), cells=_applied(book(cells), found)))
    assert not again.tags


def _applied(notebook, found):
    return tuple(replace(cell, tag=found.tags.get(cell.number, cell.tag)) for cell in notebook.cells)


def test_functions_speak_for_the_cells_that_call_them(book):
    cells = [
        "import json\nimport statistics",
        "def load_rows(path):\n    return json.load(open(path))\ndef train_model(rows):\n    return statistics.mean(rows)",
        "rows = load_rows('a.json')",
        "model = train_model(rows)",
    ]
    assert list(tags(suggest(book(cells))).values()) == ["setup", "setup", "load", "train"]


def test_headings_that_name_no_kind_name_a_stage(book):
    cells = [("md", "# Title"), "a = [1, 2]\na.append(3)", ("md", "## 2. Money by the month"), "b = sum(a)\nc = [b]"]
    assert tags(suggest(book(cells))) == {2: "prepare", 4: "money_month"}


def test_a_handle_is_not_cut_from_its_readers(book):
    cells = [
        "import pandas as pd, joblib",
        "rows = pd.read_csv('a.csv')\nhandle = open('b.csv')",
        ("md", "## Cleaning"),
        "rows = rows.dropna()\nmore = handle.read().count(',')",
        ("md", "## Saving"),
        "rows.to_csv('c.csv')",
    ]
    found = tags(suggest(book(cells)))
    assert found[2] == found[4] != found[6]


def test_kinds_that_come_back_get_other_names(book):
    cells = [
        "import pandas as pd",
        "a = pd.read_csv('a.csv')",
        "a = a.dropna().drop_duplicates().fillna(0)",
        "b = pd.read_csv('b.csv')",
    ]
    assert tags(suggest(book(cells))) == {1: "setup", 2: "load", 3: "clean", 4: "load_2"}


def test_values_that_change_are_no_parameters(book):
    cells = ["limit = 3\nseen = []", "seen.append(limit)\nlimit += 1", "total = limit + len(seen)"]
    found = suggest(book(cells))
    assert "parameters" not in tags(found).values()
    assert not found.pipeline.errors


def test_a_list_that_may_change_does_not_keep_values_from_being_parameters(book):
    cells = ["import tools", "seed = 3\ngrid = {'c': [1, 2]}", "found = tools.search(grid, seed)"]
    found = suggest(book(cells))
    assert tags(found)[2] == "parameters"
    assert not found.pipeline.errors


def test_an_assertion_about_what_changes_later_stays_where_it_is(book):
    cells = ["import pandas as pd", "xs = pd.read_csv('a.csv')", "assert len(xs)", "xs = xs.dropna().fillna(0).clip(0)"]
    found = suggest(book(cells))
    assert not found.pipeline.errors
    assert tags(found)[3] is None


def test_what_no_cut_is_sound_for_stays_one_stage(book):
    cells = [
        "import pandas as pd",
        "a = pd.read_csv('x')",
        "a = a.dropna().fillna(0)\nexec(a.text[0])",
        ("md", "## Training"),
        "c = a * 2",
    ]
    found = suggest(book(cells))
    assert not found.pipeline.errors
    assert tags(found) == {1: "setup", 2: "all", 3: "all", 5: "all"}


def test_errors_that_are_there_anyway_do_not_forbid_it(book):
    cells = ["import pandas as pd", "df = pd.read_csv(nowhere)", "df = df.dropna().drop_duplicates()"]
    found = suggest(book(cells))
    assert [item.code for item in found.pipeline.errors] == ["NB201"]
    assert tags(found) == {1: "setup", 2: "load", 3: "clean"}


@pytest.mark.parametrize(
    "cells", [[], [("md", "# only text")], ["1 +"], ["x"], ["%matplotlib inline"], ["import this_is_not_there"]]
)
def test_odd_notebooks(cells, book):
    found = suggest(book(cells))
    codes = {item.code for item in analyze([book(cells)]).errors}
    assert {item.code for item in found.pipeline.errors} <= codes


def test_what_run_brings_in_belongs_to_the_cell_of_the_line(book):
    other = replace(book(["import pandas as pd", "df = pd.read_csv('a.csv')"]), path="other.ipynb")
    main = replace(book(["%run other.ipynb", "df = df.dropna().fillna(0)"]), runs={"other.ipynb": other})
    found = suggest(main)
    assert not found.pipeline.errors
    assert tags(found) == {1: "load", 2: "clean"}
