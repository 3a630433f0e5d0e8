"""`verify`, the judge: equal, differing, by chance, refused, reused; in forked workers."""

from __future__ import annotations

import json

import pytest

import nbprod
from nbprod.core.errors import BoundaryError, StageFailed, UsageError
from nbprod.interfaces.cli import run as main

pytestmark = pytest.mark.usefixtures("forked_stages", "project")


@pytest.fixture
def verify(project, make_notebook):
    def run(*cells, name="nb.ipynb", parameters=None, **options):
        return nbprod.verify(make_notebook(project / name, list(cells)), parameters, **options)

    return run


def told(found):
    return {item.name: item for item in found.differences}


def test_values_at_every_boundary_and_displays_are_compared(verify):
    found = verify(
        ("parameters", "n = 2"),
        "import numpy as np\n\nclass Box:\n    def __init__(self, items):\n        self.items = items\n\nK = 3",
        ("stage:make", "a = list(range(n))\nb = [a, a]\nbox = Box(a)\nprint('made', len(a))"),
        ("stage:use", "box.items.append(K)\narray = np.arange(n)\nview = array[1:]\nb"),
        ("stage:end", "view[0] = 9\ntotal = array.sum() + len(b[0])\ntotal"),
        ("gate", "assert total > 0\nprint('held')"),
        ("gate", "assert total < 0, 'too much'"),
        "b[0]",
        parameters={"n": 4},
    )
    assert found.equal, found.differences
    assert found.displays == 5, "three stages, and two gates of which one did not hold"
    assert found.compared > 15
    assert [(item.cell, item.why) for item in found.left_out] == [(8, "it only shows something and no stage needs it")]
    assert {entry["stage"] for entry in found.stages} == {"make", "use", "end", "gate"}


def test_chance_is_told_with_its_cell_and_its_fix(verify):
    found = verify(
        ("stage:a", "import numpy as np\nsample = np.random.rand(5)"),
        ("stage:b", "total = sample.sum()\nsteady = 1\nprint(total)"),
    )
    assert not found.equal
    names = told(found)
    assert {"sample", "total"} <= names.keys()
    assert "steady" not in names
    assert {item.name for item in found.non_deterministic} == names.keys()
    first = found.differences[0]
    assert (first.name, first.cell) == ("sample", 1)
    assert "not deterministic" in first.cause
    assert "cell 1 line 2: np.random.rand draws random numbers without a seed" in first.cause
    assert "seed" in first.fix


def test_the_clock_is_left_out(verify):
    found = verify(
        ("stage:a", "import time\nbegun = time.time()\nx = [1]"),
        ("stage:b", "x.append(2)\nprint('seconds:', time.time() - begun)"),
    )
    assert found.equal, found.differences
    assert {(item.name, item.cell) for item in found.left_out} == {("begun", 1), ("", 2)}


def test_a_difference_has_both_values_and_its_cause(verify):
    found = verify(
        ("stage:a", "import os\nfirst = os.getpid()\nkept = 1"),
        ("stage:b", "same = os.getpid() == first\nprint('same', same)"),
    )
    names = told(found)
    assert not found.equal
    assert not names["first"].deterministic
    same = names["same"]
    assert (same.cell, same.stage, same.notebook, same.pipeline) == (2, "b", "True", "False")
    assert same.deterministic
    assert "os.getpid gives another value in every process" in same.cause
    output = names["output"]
    assert (output.notebook, output.pipeline) == ("same True", "same False")
    assert output.outputs[0][0]["text"] == ["same True\n"]


def test_a_change_that_the_pipeline_misses_is_found_where_it_is_read(verify, monkeypatch):
    from nbprod.execution import specs

    real = specs.stage_spec

    def without_change(planner, stage, *rest):
        spec = real(planner, stage, *rest)
        if stage.name == "b":
            spec["steps"] = [{**step, "source": "pass"} if step["kind"] == "cell" else step for step in spec["steps"]]
        return spec

    monkeypatch.setattr(specs, "stage_spec", without_change)
    found = verify(("stage:a", "x = [1]"), ("stage:b", "x.append(2)"), ("stage:c", "y = len(x)\nz = 0"))
    names = told(found)
    assert names.keys() == {"x", "y"}
    assert (names["x"].notebook, names["x"].pipeline) == ("list of 2: [1, 2]", "list of 1: [1]")
    assert "y" in names
    assert "made from x" in names["y"].cause


def test_definitions_are_compared_though_they_are_not_stored(verify, monkeypatch):
    from nbprod.execution import specs

    real = specs.stage_spec

    def changed(planner, stage, *rest):
        spec = real(planner, stage, *rest)
        spec["steps"] = [{**step, "source": step["source"].replace("K = 3", "K = 4")} for step in spec["steps"]]
        return spec if stage.name == "a" else real(planner, stage, *rest)

    monkeypatch.setattr(specs, "stage_spec", changed)
    found = verify("K = 3\n\ndef double(x):\n    return 2 * x", ("stage:a", "x = double(1)"), ("stage:b", "y = x + K"))
    assert found.equal, "stage a does not read K"
    found = verify("K = 3", ("stage:a", "x = min(K, 2)"), ("stage:b", "y = x + K"))
    (item,) = found.differences
    assert (item.name, item.notebook, item.pipeline) == ("K", "3", "4")


def test_a_cell_that_fails_in_the_pipeline_only_is_a_difference(verify, monkeypatch):
    found = verify(("stage:a", "import os\npid = os.getpid()"), ("stage:b", "assert pid == os.getpid()\nx = 1"))
    failed = [item for item in found.differences if item.kind == "error"]
    assert [(item.cell, item.stage, item.notebook) for item in failed] == [(2, "b", "runs")]
    assert "AssertionError" in failed[0].pipeline


def test_the_notebooks_own_failure_is_told(verify):
    with pytest.raises(StageFailed, match="the notebook itself, run top to bottom, fails: ZeroDivisionError") as raised:
        verify(("stage:a", "x = 1"), ("stage:b", "x / 0"))
    assert (raised.value.where.cell, raised.value.where.line) == (2, 1)


def test_what_cannot_be_stored_is_left_out_or_refused(verify):
    found = verify(("stage:a", "g = (i for i in range(3))\nn = 3"), ("stage:b", "m = n + 1"))
    assert found.equal
    assert [(item.name, item.cell) for item in found.left_out] == [("g", 1)]
    with pytest.raises(BoundaryError, match="g, a generator made in stage a, cannot cross to stage b") as refused:
        verify(("stage:a", "g = (i for i in range(3))"), ("stage:b", "m = sum(g)"))
    assert refused.value.where.cell == 1
    assert "make g in stage b" in refused.value.hint


def test_effects_elsewhere_are_refused_before_anything_runs(verify, project, tmp_path):
    outside = tmp_path / "outside.csv"
    cells = ("stage:a", f"x = 1\nopen('ran', 'w').close()\nopen({str(outside)!r}, 'w').write('x')")
    with pytest.raises(
        UsageError, match=r"cell 1 line 3  open\(.*outside.csv'\) writes outside the project"
    ) as refused:
        verify(cells)
    assert "--allow-effects" in refused.value.hint
    assert not outside.exists()
    found = verify(cells, allow_effects=True)
    assert found.equal
    assert len(found.effects) == 1
    assert outside.exists()
    assert not (project / "ran").exists(), "what the notebook writes into its folder is written into a copy"


def test_long_work_is_confirmed(verify):
    asked = []
    cells = (("stage:a", "import time\ntime.sleep(0.05)\nx = 1"),)
    verify(*cells, confirm=lambda seconds: bool(asked.append(seconds)))
    assert asked == [], "nothing is known of how long it takes"
    nbprod.run("nb.ipynb")
    with pytest.raises(UsageError, match="verify would take about") as refused:
        verify(*cells, confirm=lambda seconds: bool(asked.append(seconds)))
    assert "--yes" in refused.value.hint
    assert len(asked) == 1
    assert 0.05 < asked[0] < 100


def test_saved_outputs_are_compared_with_the_pipeline(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:a", "x = 2\nprint(x)"), ("stage:b", "x + 1"), ("stage:c", "x")])
    with pytest.raises(UsageError, match="no saved outputs"):
        nbprod.verify(path, reuse=True)
    content = json.loads(path.read_text())
    stream = {"output_type": "stream", "name": "stdout", "text": ["2\n"]}
    result = {"output_type": "execute_result", "execution_count": 2, "data": {"text/plain": ["3"]}, "metadata": {}}
    for cell, output in zip(content["cells"], (stream, result), strict=False):
        cell.update(outputs=[output], execution_count=1)
    path.write_text(json.dumps(content))
    found = nbprod.verify(path, reuse=True)
    assert found.equal, found.differences
    assert (found.reused, found.displays) == (True, 2)
    assert [(item.cell, item.why) for item in found.left_out] == [(3, "it has not been run in the file")]
    content["cells"][1]["outputs"][0]["data"]["text/plain"] = ["4"]
    path.write_text(json.dumps(content))
    (item,) = nbprod.verify(path, reuse=True).differences
    assert (item.cell, item.notebook, item.pipeline) == (2, "4", "3")
    assert "older than the code" in item.cause


def test_the_command_line(verify, project, capsys, make_notebook):
    make_notebook(project / "same.ipynb", [("stage:a", "x = 1\nprint(x)"), ("stage:b", "y = x + 1"), "x"])
    assert main(["verify", "same.ipynb", "--html", "report.html"]) == 0
    shown = capsys.readouterr().out
    assert "✓ notebook" in shown
    assert "5 values, 1 display compared" in shown
    assert "left out cell 3: it only shows something" in shown
    assert shown.endswith("equal\n")
    page = (project / "report.html").read_text()
    assert "✓ equal" in page
    assert 'src="http' not in page
    make_notebook(
        project / "chance.ipynb", [("stage:a", "import random\nx = random.random()\nprint(x)"), ("stage:b", "x")]
    )
    assert main(["verify", "chance.ipynb"]) == 1
    shown = capsys.readouterr().out
    assert "differs  x " in shown
    assert "not deterministic" in shown
    assert main(["verify", "chance.ipynb", "--json", "--html", "report.html"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found.keys() >= {"equal", "compared", "differences", "left_out"}
    assert found["differences"][0].keys() >= {"name", "cell", "notebook", "pipeline", "cause", "fix"}
    assert "<h4>pipeline</h4>" in (project / "report.html").read_text()
    make_notebook(project / "far.ipynb", [("stage:a", "!make deploy")])
    assert main(["verify", "far.ipynb", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NB918"


def test_readiness_knows_what_was_verified(verify, project, make_notebook):
    from nbprod import api

    def state():
        return {step.name: step.done for step in api.check("nb.ipynb").readiness.steps}["verified"]

    assert verify(("stage:a", "x = 1")).equal
    assert state()
    make_notebook(project / "nb.ipynb", [("stage:a", "x = 2")])
    assert not state()
