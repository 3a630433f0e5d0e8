"""Writing tags back: one value changes in the file, every other byte stays."""

from __future__ import annotations

import json

import pytest

from nbprod import notebooks
from nbprod.core.errors import NotebookError, UsageError
from nbprod.core.notebook import Tag

CELLS = [
    {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# Übung\n", "text"]},
    {"cell_type": "code", "execution_count": 3, "id": "a", "metadata": {"tags": ["mine"], "x": 1.50}, "outputs": [], "source": ["x = 'é'\n", "y"]},
    {"cell_type": "code", "execution_count": None, "id": "b", "metadata": {}, "outputs": [], "source": "z = 1"},
]  # fmt: skip
BOOK = {
    "cells": CELLS,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "P"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
STYLES = {
    "jupyter": {"indent": 1, "ensure_ascii": False},
    "two spaces": {"indent": 2, "ensure_ascii": False},
    "tabs": {"indent": "\t", "ensure_ascii": False},
    "escaped": {"indent": 1, "ensure_ascii": True},
    "one line": {"ensure_ascii": False},
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "sorted": {"indent": 1, "sort_keys": True, "ensure_ascii": False},
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ending", ["", "\n"])
@pytest.mark.parametrize("cell", [2, "b"])
def test_tag_and_untag_gives_the_file_back(style, ending, cell, tmp_path):
    path = tmp_path / "n.ipynb"
    text = json.dumps(BOOK, **STYLES[style]) + ending
    path.write_bytes(text.encode())
    notebooks.write_tag(path, cell, Tag("stage", "load", {"retries": 2, "timeout": 600.0}))
    tagged = path.read_text(encoding="utf-8")
    expected = json.loads(text)
    expected["cells"][1 if cell == 2 else 2]["metadata"]["nbprod"] = {"stage": "load", "retries": 2, "timeout": "10m"}
    assert json.loads(tagged) == expected
    assert tagged == json.dumps(expected, **{**STYLES[style], "sort_keys": False}) + ending or style == "sorted"
    notebooks.write_tag(path, cell, None)
    assert path.read_bytes() == text.encode()


def test_windows_line_ends_and_odd_layout_stay(tmp_path):
    path = tmp_path / "n.ipynb"
    text = (
        json.dumps(BOOK, indent=1, ensure_ascii=False).replace("\n", "\r\n").replace('"nbformat": 4', '"nbformat"  :4')
    )
    path.write_bytes(text.encode())
    notebooks.write_tag(path, "b", Tag("gate"))
    changed = path.read_bytes().decode()
    assert "\n" not in changed.replace("\r\n", "")
    assert '"nbformat"  :4' in changed
    notebooks.write_tag(path, "b", None)
    assert path.read_bytes().decode() == text


def test_a_magic_stays_a_magic(tmp_path):
    path = tmp_path / "n.ipynb"
    book = json.loads(json.dumps(BOOK))
    book["cells"][1]["source"] = ["%%mlops stage a --retries 1\n", "x = 1"]
    path.write_text(json.dumps(book))
    notebooks.write_tag(path, "a", Tag("stage", "b"))
    cell = json.loads(path.read_text())["cells"][1]
    assert cell["source"] == ["%%mlops stage b\n", "x = 1"]
    assert "nbprod" not in cell["metadata"]
    notebooks.write_tag(path, "a", None)
    assert json.loads(path.read_text())["cells"][1]["source"] == ["x = 1"]


def test_cell_tags_give_way_to_metadata(tmp_path):
    path = tmp_path / "n.ipynb"
    book = json.loads(json.dumps(BOOK))
    book["cells"][1]["metadata"]["tags"] = ["mine", "stage:a"]
    path.write_text(json.dumps(book))
    notebooks.write_tag(path, "a", Tag("stage", "b"))
    assert json.loads(path.read_text())["cells"][1]["metadata"] == {
        "tags": ["mine"],
        "x": 1.5,
        "nbprod": {"stage": "b"},
    }


def test_a_cell_without_metadata_gets_some(tmp_path):
    path = tmp_path / "n.ipynb"
    book = json.loads(json.dumps(BOOK))
    del book["cells"][2]["metadata"]
    path.write_text(json.dumps(book, indent=1))
    notebooks.write_tag(path, "b", Tag("skip"))
    assert notebooks.read(path).cells[2].tag.role == "skip"


def test_same_tag_writes_nothing(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(BOOK))
    notebooks.write_tag(path, "b", Tag("skip"))
    before = path.stat()
    notebooks.write_tag(path, "b", Tag("skip"))
    assert path.stat().st_ino == before.st_ino


def test_mode_is_kept_and_nothing_else_left(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(BOOK))
    path.chmod(0o640)
    notebooks.write_tag(path, "b", Tag("skip"))
    assert path.stat().st_mode & 0o777 == 0o640
    assert [item.name for item in tmp_path.iterdir()] == ["n.ipynb"]


@pytest.mark.parametrize(("cell", "expected"), [("m", "NB009"), (1, "NB009"), (9, "NB008"), ("none", "NB008")])
def test_cells_that_cannot_be_tagged(cell, expected, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(BOOK))
    with pytest.raises(NotebookError) as caught:
        notebooks.write_tag(path, cell, Tag("skip"))
    assert caught.value.code == expected


def test_a_bad_tag_is_not_written(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(BOOK))
    with pytest.raises(UsageError):
        notebooks.write_tag(path, "b", Tag("stage", "no good"))
    assert json.loads(path.read_text()) == BOOK


def test_several_tags_at_once(tmp_path):
    cells = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": f"x = {n}",
            "outputs": [],
            "execution_count": None,
        }
        for n in range(4)
    ]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n")
    one_by_one = tmp_path / "o.ipynb"
    one_by_one.write_text(path.read_text())
    tags = {1: Tag("setup"), "c2": Tag("stage", "a"), 4: Tag("stage", "b")}
    notebooks.write_tags(path, tags)
    for cell, tag in tags.items():
        notebooks.write_tag(one_by_one, cell, tag)
    assert path.read_text() == one_by_one.read_text()
    with pytest.raises(NotebookError):
        notebooks.write_tags(path, {1: None, 9: None})
    assert path.read_text() == one_by_one.read_text()
