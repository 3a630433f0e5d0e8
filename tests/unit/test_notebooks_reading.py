"""Reading notebooks: every kind of bad file, the three ways to tag, what runs of a cell."""

from __future__ import annotations

import json

import pytest

from nbprod import notebooks
from nbprod.core.errors import NotebookError, UsageError
from nbprod.core.notebook import Tag


def document(*cells, **fields):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **fields})


def code(source, identity="a", **metadata):
    return {
        "cell_type": "code",
        "id": identity,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


BAD = {
    "empty": (b"", "NB006"),
    "blank": (b" \n", "NB006"),
    "not UTF-8": (b'{"cells": "\xff\xfe"}', "NB005"),
    "not JSON": (b"print(1)", "NB002"),
    "deep": (b"[" * 100_000, "NB002"),
    "huge number": (b'{"nbformat": ' + b"1" * 5000 + b"}", "NB002"),
    "a list": (b"[1]", "NB003"),
    "another object": (b'{"a": 1}', "NB003"),
    "no cells": (b'{"nbformat": 4}', "NB003"),
    "cells of numbers": (b'{"nbformat": 4, "cells": [1]}', "NB003"),
    "source of numbers": (b'{"nbformat": 4, "cells": [{"source": [1]}]}', "NB003"),
    "nbformat 5": (b'{"nbformat": 5, "cells": []}', "NB004"),
    "nbformat text": (b'{"nbformat": "4", "cells": []}', "NB004"),
    "nbformat 3, broken": (b'{"nbformat": 3, "worksheets": 7}', "NB004"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_a_code(name, tmp_path):
    content, expected = BAD[name]
    path = tmp_path / "bad.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError) as caught:
        notebooks.read(path)
    assert caught.value.code == expected


def test_missing_file(tmp_path):
    with pytest.raises(NotebookError) as caught:
        notebooks.read(tmp_path / "none.ipynb")
    assert caught.value.code == "NB001"


def test_byte_order_mark_is_no_error(tmp_path):
    path = tmp_path / "bom.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + document(code("x = 1")).encode())
    assert notebooks.read(path).cells[0].source == "x = 1"


def test_nbformat_3_is_upgraded(tmp_path):
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "code", "language": "python", "input": ["x = 1"], "outputs": [], "collapsed": False}
                ]
            }
        ],
    }
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(old))
    book = notebooks.read(path)
    assert [(cell.id, cell.source) for cell in book.cells] == [("cell-1", "x = 1")]


def test_ids_are_invented_before_4_5_and_where_doubled():
    old = notebooks.parse(document(code("1", "x"), code("2", "y"), nbformat_minor=4), "n.ipynb")
    new = notebooks.parse(document(code("1", "x"), code("2", "x")), "n.ipynb")
    assert [cell.id for cell in old.cells] == ["cell-1", "cell-2"]
    assert [cell.id for cell in new.cells] == ["x", "cell-2"]


def test_kernel_and_metadata_are_kept():
    metadata = {"kernelspec": {"name": "py312", "language": "python"}, "x": {"y": 1}}
    book = notebooks.parse(document(metadata=metadata), "dir/churn.ipynb")
    assert (book.kernel, book.language, book.metadata, book.name) == ("py312", "python", metadata, "churn")


SAME = [
    code("x = 1", nbprod={"stage": "train", "retries": 2, "timeout": "10m", "resources": {"cpu": 2, "mem": "4Gi"}}),
    code("%%mlops stage train --retries 2 --timeout 10m --resources cpu=2,mem=4Gi\nx = 1"),
    code("\n%%mlops stage train --retries=2 --timeout 600 --resources mem=4Gi,cpu=2\nx = 1"),
]


@pytest.mark.parametrize("cell", SAME)
def test_forms_of_a_tag_say_the_same(cell):
    tag = notebooks.parse(document(cell), "n.ipynb").cells[0].tag
    assert (tag.role, tag.stage) == ("stage", "train")
    assert tag.options == {"retries": 2, "timeout": 600.0, "resources": {"cpu": 2.0, "mem": 4 * 2**30}}


@pytest.mark.parametrize("role", ["parameters", "setup", "serve", "gate", "test", "skip"])
def test_roles(role):
    cells = [
        code("1", "a", nbprod={"role": role}),
        code("1", "b", tags=[f"nbprod:{role}"]),
        code(f"%%mlops {role}\n1", "c"),
    ]
    assert [cell.tag.role for cell in notebooks.parse(document(*cells), "n.ipynb").cells] == [role] * 3


def test_papermills_own_tag_and_others():
    cells = [
        code("1", "a", tags=["parameters"]),
        code("1", "b", tags=["stage:load", "mine"]),
        code("1", "c", tags=["mine"]),
    ]
    tags = [cell.tag for cell in notebooks.parse(document(*cells), "n.ipynb").cells]
    assert [tag and (tag.role, tag.stage) for tag in tags] == [("parameters", None), ("stage", "load"), None]


PROBLEMS = {
    "NB101": [code("1", nbprod={"stage": "1 load"}), code("1", nbprod={"stage": "skip"}), code("1", tags=["stage:a b"]), code("%%mlops stage\n1"), code("1", nbprod={"stage": "a" * 64})],
    "NB102": [
        code("1", nbprod={"role": "train"}), code("%%mlops stag x\n1"), code("%%mlops\n1"), code("1", nbprod={"stage": "a", "retry": 1}), code("%%mlops stage a --retry 1\n1"),
        code("%%mlops stage a --retries\n1"), code("%%mlops skip --retries 1\n1"), code("1", nbprod={"role": "gate", "retries": 1}), code("1", nbprod=7), code("%%mlops stage 'a\n1"),
    ],
    "NB103": [code("%%mlops stage a\n1", nbprod={"stage": "b"}), code("1", nbprod={"stage": "a", "role": "skip"}), code("1", tags=["stage:a", "stage:b"]), code("%%mlops stage a --retries 1\n1", nbprod={"stage": "a", "retries": 2})],
    "NB104": [
        code("1", nbprod={"stage": "a", "timeout": "soon"}), code("1", nbprod={"stage": "a", "retries": -1}), code("1", nbprod={"stage": "a", "retries": True}), code("1", nbprod={"stage": "a", "cache": "yes"}),
        code("1", nbprod={"stage": "a", "resources": {"ram": 1}}), code("1", nbprod={"stage": "a", "resources": 3}), code("1", nbprod={"stage": "a", "reads": 3}), code("1", nbprod={"stage": "a", "timeout": float("nan")}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("expected", "cell"), [(key, cell) for key, cells in PROBLEMS.items() for cell in cells])
def test_wrong_tags_are_problems_with_the_cell(expected, cell):
    book = notebooks.parse(document(code("0", "first"), cell), "n.ipynb")
    assert [(item.code, item.severity, item.cell, item.cell_id) for item in book.problems] == [
        (expected, "error", 2, "a")
    ]


def test_tags_that_agree_are_no_problem():
    book = notebooks.parse(document(code("%%mlops stage a\n1", nbprod={"stage": "a"}, tags=["stage:a"])), "n.ipynb")
    assert not book.problems
    assert book.cells[0].tag.stage == "a"


BODIES = {
    "%%mlops stage a\nx = 1": "# %%mlops stage a\nx = 1",
    "\n\n  %%mlops stage a\nx = 1": "\n\n# %%mlops stage a\nx = 1",
    "%%mlops stage a\n%%time\nx = 1": "%%time\nx = 1",
    "%%mlops stage a\n\n%%time\nx = 1": "\n%%time\nx = 1",
    "%%mlopsy\nx": "%%mlopsy\nx",
    "%load_ext nbprod\nx = 1": "# %load_ext nbprod\nx = 1",
    "x = 1\n%mlops run": "x = 1\n# %mlops run",
    "%load_ext nbprodder": "%load_ext nbprodder",
    "%%time\nx": "%%time\nx",
    "%%mlops stage a\r\nx = 1": "# %%mlops stage a\r\nx = 1",
    "": "",
}


@pytest.mark.parametrize("source", BODIES)
def test_what_runs_of_a_cell(source):
    assert notebooks.strip_magic(source) == BODIES[source]


LINES = [
    "%%mlops stage train",
    "%%mlops stage train --retries 2 --timeout 10m --no-cache",
    "%%mlops stage train --cache-for 1d --resources cpu=2,mem=4Gi,gpu=1",
    "%%mlops stage train --reads a.csv --reads 'b c.csv' --metric acc --gate 'accuracy >= 0.9'",
    "%%mlops stage train --python .venv-gpu --model clf",
    "%%mlops gate",
]


@pytest.mark.parametrize("line", LINES)
def test_the_magic_line_is_written_as_it_is_read(line):
    assert notebooks.format_tag(notebooks.parse_magic(line)) == line


def test_a_wrong_line_shows_the_grammar():
    with pytest.raises(UsageError) as caught:
        notebooks.parse_magic("%%mlops stage")
    assert caught.value.hint == notebooks.GRAMMAR
    assert isinstance(notebooks.parse_magic("%%mlops skip"), Tag)
