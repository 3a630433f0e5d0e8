"""`api.fixes`: what `check --fix` would do, told to an editor that does it itself."""

from __future__ import annotations

import json

import pytest

from nbprod import api

CELLS = [
    "import numpy as np\n!pip install lightgbm",
    ("stage:load", "x = np.random.rand()  # ünï"),
    ("md", "# between"),
    ("stage:sort", "w = list(set('abc'))\nv = tuple({1, 2})"),
    ("stage:show", "print(x, w)"),
]
SHOWN = {"output_type": "stream", "name": "stdout", "text": ["key AKIAABCDEFGHIJKLMNOP\n"]}


@pytest.fixture
def path(project, make_notebook):
    made = make_notebook(project / "n.ipynb", CELLS)
    content = json.loads(made.read_text(encoding="utf-8"))
    content["cells"][4]["outputs"] = [SHOWN]
    made.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return made


def applied(content, found):
    """Make the edits as an editor would."""
    cells = {cell["id"]: cell for cell in content["cells"]}
    for edit in found["cells"]:
        cell = cells[edit["cell_id"]]
        if "source" in edit:
            cell["source"] = edit["source"].splitlines(keepends=True)
        cell["metadata"] = edit.get("metadata", cell["metadata"])
        if edit["clear_outputs"]:
            cell["outputs"] = []
    return content


def test_an_editor_gets_what_check_would_write(path):
    before = path.read_bytes()
    found = api.fixes(path)
    assert path.read_bytes() == before
    assert not path.with_name("requirements.txt").exists()
    edited = applied(json.loads(before), found)
    fixed = api.check(path, fix=True)
    assert edited == json.loads(path.read_text(encoding="utf-8"))
    assert {item["code"] for item in found["fixed"]} == {item.code for item in fixed.fixed}
    assert found["requirements"] == path.with_name("requirements.txt").read_text().splitlines()
    assert api.fixes(path) == {"cells": [], "requirements": [], "fixed": []}


def test_only_one_finding_of_a_draft(path, tmp_path):
    draft = tmp_path / "draft.ipynb"
    draft.write_text(
        path.read_text(encoding="utf-8").replace("list(set('abc'))", "list(set('abcd'))"), encoding="utf-8"
    )
    found = api.fixes(path, draft=draft, code="NB320", cell_id="c4")
    assert [item["code"] for item in found["fixed"]] == ["NB320"]
    source = "w = sorted(set('abcd'))\nv = tuple({1, 2})"
    assert found["cells"] == [{"cell_id": "c4", "clear_outputs": False, "source": source}]
    assert found["requirements"] == []
    assert api.fixes(path, draft=draft, code="NB320", cell_id="c2")["cells"] == []
    cleared = api.fixes(path, draft=draft, cell_id="c5")
    assert cleared["cells"] == [{"cell_id": "c5", "clear_outputs": True}]
