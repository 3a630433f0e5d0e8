from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nbprod import analysis, notebooks, store
from nbprod.api.notebook import analyze, read
from nbprod.config import Project
from nbprod.store import pipelines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    path = tmp_path / "nb.ipynb"
    write(path, "import helper", "%%mlops stage one\nx = helper.f()", "%%mlops stage two\ny = x + 1")
    (tmp_path / "helper.py").write_text("def f():\n    return 1\n")
    return path


def write(path: Path, *sources: str) -> None:
    cells = [{"cell_type": "code", "source": text, "metadata": {}, "outputs": []} for text in sources]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}))


def kept(path: Path) -> store.KeptPipeline:
    project = Project.find(path)
    return store.KeptPipeline(project, read(path, project))


def test_a_pipeline_is_derived_once(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = analyze(notebook)

    def refuse(*_: object) -> None:
        raise AssertionError("analysed again")

    monkeypatch.setattr(analysis, "analyze", refuse)
    assert analyze(notebook) == first


@pytest.mark.parametrize("what", ["cell", "module", "new module", "our code"])
def test_it_is_derived_anew_when_something_changed(notebook: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    analyze(notebook)
    assert kept(notebook).get() is not None
    if what == "cell":
        write(notebook, "import helper", "%%mlops stage one\nx = helper.f()", "%%mlops stage two\ny = x + 2")
    elif what == "module":
        (notebook.parent / "helper.py").write_text("def f():\n    return 2\n")
    elif what == "new module":
        (notebook.parent / "helper.py").write_text("import beside\ndef f():\n    return 1\n")
        analyze(notebook)
        (notebook.parent / "beside.py").write_text("")
    else:
        monkeypatch.setattr(pipelines, "_code", lambda: [("other.py", 1, 1)])
    assert kept(notebook).get() is None


def test_one_that_cannot_be_read_is_derived_anew(notebook: Path) -> None:
    analyze(notebook)
    place = kept(notebook)
    with store.Ledger(place.project.home) as ledger:
        ledger.remember(place.key, place.stamp, "bm8gcGlja2xl")
    assert place.get() is None
    assert notebooks.read(notebook).path == analyze(notebook).notebook
