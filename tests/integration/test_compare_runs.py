"""Two runs side by side: everything of either, and what is not the same."""

from __future__ import annotations

import base64
import json

import pytest

from nbprod import api
from nbprod.core.errors import MissingValue, StageFailed
from nbprod.core.run import RunOptions

PNG = base64.b64encode(b"\x89PNG picture").decode()
CELLS = [
    ("parameters", "depth = 3\nname = 'a'  # of the sample\nunread = 1"),
    ("setup", "from IPython.display import SVG, display\ndef half(x):\n    return x / 2"),
    ("stage:load", "rows = list(range(10))\nlabel = name"),
    ("md", "# fit"),
    ("stage:train", "score = half(len(rows) * depth)", {"metrics": ["score"]}),
    (
        "stage:show",
        "display({'image/png': 'PNG', 'text/plain': 'p'}, raw=True)\ndisplay(SVG(f'<svg><text>{score}</text></svg>'))\nscore",
    ),
]


@pytest.fixture
def path(project, make_notebook):
    return write(make_notebook, project / "nb.ipynb", CELLS)


def write(make_notebook, path, cells):
    made = make_notebook(path, cells)
    made.write_text(made.read_text(encoding="utf-8").replace("'PNG'", f"'{PNG}'"), encoding="utf-8")
    return made


def by_name(entries):
    return {entry["name"]: (entry["first"], entry["second"]) for entry in entries}


def test_parameters_metrics_and_pictures(path):
    first, second = api.run(path), api.run(path, {"depth": "5"})
    found = api.compare_runs(first.id[:6], second.id, path)
    json.dumps(found, allow_nan=False)
    assert (found["first"]["run"], found["second"]["run"]) == (first.id, second.id)
    assert by_name(found["parameters"]) == {"depth": (3, 5), "name": ("a", "a")}
    assert by_name(found["metrics"]) == {"score": (15.0, 25.0)}
    assert found["stages"] == [
        {"name": "load", "first": "succeeded", "second": "cached", "changed": False},
        {"name": "train", "first": "succeeded", "second": "succeeded", "changed": True},
        {"name": "show", "first": "succeeded", "second": "succeeded", "changed": True},
    ]
    assert found["code"] == []
    png, svg = found["pictures"]
    assert (png["stage"], png["cell"], png["first"]) == ("show", 6, f"data:image/png;base64,{PNG}")
    assert png["second"] == png["first"]
    kind, _, content = svg["second"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<text>25.0</text>" in base64.b64decode(content)
    assert b"<text>15.0</text>" in base64.b64decode(svg["first"].partition(",")[2])


def test_code_of_stages_that_differ(path, make_notebook):
    first = api.run(path)
    changed = [*CELLS[:1], ("setup", CELLS[1][1].replace("x / 2", "x / 4")), *CELLS[2:5], ("stage:late", "z = score")]
    second = api.run(write(make_notebook, path, changed))
    found = api.compare_runs(first.id, second.id, path)
    assert [entry["stage"] for entry in found["code"]] == ["train"]
    diff = found["code"][0]["diff"]
    assert diff[:2] == [f"--- train of run {first.id}", f"+++ train of run {second.id}"]
    assert [line for line in diff[3:] if line[0] in "+-"] == ["-    return x / 2", "+    return x / 4"]
    assert [(stage["name"], stage["first"], stage["second"], stage["changed"]) for stage in found["stages"]] == [
        ("load", "succeeded", "cached", False),
        ("train", "succeeded", "succeeded", True),
        ("late", None, "succeeded", True),
        ("show", "succeeded", None, True),
    ]
    assert all(entry["second"] is None and entry["first"] for entry in found["pictures"])


def test_the_same_again_and_a_run_that_failed(path, make_notebook):
    first = api.run(path)
    again = api.run(path, options=RunOptions(force=True))
    same = api.compare_runs(first.id, again.id, path)
    assert [stage["changed"] for stage in same["stages"]] == [False] * 3
    make_notebook(path, [*CELLS[:4], ("stage:train", "score = 1 / 0")])
    with pytest.raises(StageFailed) as caught:
        api.run(path)
    found = api.compare_runs(first.id, caught.value.run.id, path)
    assert by_name(found["stages"])["train"] == ("succeeded", "failed")
    assert by_name(found["metrics"]) == {"score": (15.0, None)}
    assert "+score = 1 / 0" in found["code"][0]["diff"]
    with pytest.raises(MissingValue, match="there is no run 0000"):
        api.compare_runs(first.id, "0000", path)


def test_a_file_that_only_the_run_saw(project, make_notebook):
    data = project / "data.txt"
    path = make_notebook(project / "nb.ipynb", [("stage:load", "x = open('data.' + 'txt').read()")])
    runs = []
    for text in ("a", "b"):
        data.write_text(text)
        runs.append(api.run(path))
    assert runs[0].stages[0].fingerprint == runs[1].stages[0].fingerprint
    assert api.compare_runs(runs[0].id, runs[1].id, path)["stages"][0]["changed"]


def test_jobs_of_papermill_have_code_and_pictures_too(path):
    one, two = api.run(path), api.run(path, {"depth": "4"}, options=RunOptions(engine="papermill", force=True))
    found = api.compare_runs(one.id, two.id, path)
    assert found["code"] == []
    assert [(entry["cell"], bool(entry["first"] and entry["second"])) for entry in found["pictures"]] == [(6, True)] * 2
