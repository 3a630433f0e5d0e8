"""What IPython made of cells is kept beside the runs."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

from nbprod.store import Ledger, kept_texts

LOOK = """
import sys
import nbprod
pipeline = nbprod.analyze("n.ipynb")
print(pipeline.stages[0].writes, "IPython" in sys.modules)
"""


def test_they_are_there_the_next_time(tmp_path):
    project = SimpleNamespace(home=tmp_path)
    with kept_texts(project, "a.ipynb") as texts:
        assert texts.get("1") is None
    assert not (tmp_path / "ledger.sqlite").exists()
    with kept_texts(project, "a.ipynb") as texts:
        texts["1"] = "one"
        assert texts.get("1") == "one"
    with kept_texts(project, "a.ipynb") as texts:
        texts["2"] = "two"
    with kept_texts(project, "a.ipynb") as texts:
        assert [texts.get(key) for key in "123"] == ["one", "two", None]
    with kept_texts(project, "b.ipynb") as texts:
        assert texts.get("1") is None


def test_others_of_another_ipython_are_not_taken(tmp_path):
    project = SimpleNamespace(home=tmp_path)
    with Ledger(tmp_path) as ledger:
        ledger.remember("cells:a.ipynb", "another", {"1": "one"})
    with kept_texts(project, "a.ipynb") as texts:
        assert texts.get("1") is None


def test_a_ledger_that_cannot_be_opened_is_no_reason_to_stop(tmp_path):
    (tmp_path / "ledger.sqlite").write_text("no database")
    with kept_texts(SimpleNamespace(home=tmp_path), "a.ipynb") as texts:
        assert texts.get("1") is None
        texts["1"] = "one"


def test_an_unchanged_notebook_imports_no_ipython(tmp_path):
    (tmp_path / ".git").mkdir()
    cell = {"cell_type": "code", "id": "a", "metadata": {"tags": ["stage:a"]}, "source": "%time x = 1\nfiles = !ls",
            "outputs": [], "execution_count": None}  # fmt: skip
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(book), encoding="utf-8")

    def look():
        command = [sys.executable, "-c", LOOK]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    assert look() == "('files', 'x') True"
    assert look() == "('files', 'x') False"
