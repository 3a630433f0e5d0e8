"""What runs again, what is reused, and what is said about it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nbprod.core.errors import MissingValue, PlanError
from nbprod.core.run import RunStatus
from nbprod.store import history, load_run

CELLS = (
    ("parameters", "n = 2\nm = 10  # unused by double"),
    ("stage:load", "xs = [int(v) for v in open('data.csv').read().split(',')]"),
    ("stage:double", "ys = [v * n for v in xs]\nprint('doubled', ys)"),
    (
        "stage:total",
        "total = sum(ys) + m\naccuracy = 0.93",
        {"metrics": ["accuracy", "total"], "gates": ["accuracy > 0.9"]},
    ),
)


@pytest.fixture
def three(bench):
    (bench.root / "data.csv").write_text("1,2,3")
    return bench.cells(*CELLS)


def test_run_reuse_parameters_files_and_cut_off(three, statuses):
    first = three.run()
    assert first.status is RunStatus.SUCCEEDED, first.error
    assert statuses(first) == {"load": "succeeded", "double": "succeeded", "total": "succeeded"}
    assert first["total"] == 22
    assert first.stage("load")["xs"] == [1, 2, 3]
    assert first.metrics == {"accuracy": 0.93, "total": 22.0}
    assert [(gate.expression, gate.held, gate.stage) for gate in first.gates] == [("accuracy > 0.9", True, "total")]
    shown = nbformat.read(first.stages[1].notebook, 4)
    nbformat.validate(shown)
    assert [cell.outputs[0].text for cell in shown.cells if cell.outputs] == ["doubled [2, 4, 6]\n"]

    again = three.run()
    assert set(statuses(again).values()) == {"cached"}
    assert {stage.reason for stage in again.stages} == {f"unchanged since run {first.id[:4]}"}
    assert (again.metrics, again.gates, again["total"]) == (first.metrics, first.gates, 22)

    other = three.run(parameters={"n": "5"})
    assert statuses(other) == {"load": "cached", "double": "succeeded", "total": "succeeded"}
    assert other.stages[1].reason == "n 2 → 5"
    assert other.stages[2].reason == "upstream double changed ys"
    assert other["total"] == 40

    assert set(statuses(three.run(parameters={"n": "2"})).values()) == {"cached"}, "the default, given"

    (three.root / "data.csv").write_text("1, 2, 3")
    plan = {item.stage: (item.action, item.reason) for item in three.plan().stages}
    assert plan["load"] == ("run", "file data.csv changed")
    assert plan["double"] == ("run", "upstream load runs")
    cut = three.run()
    assert statuses(cut) == {"load": "succeeded", "double": "cached", "total": "cached"}, "equal values wake nobody"

    assert set(statuses(three.run(force=True)).values()) == {"succeeded"}
    part = three.run(start="total")
    assert statuses(part) == {"load": "cached", "double": "cached", "total": "succeeded"}
    short = three.run(stop="double")
    assert statuses(short) == {"load": "cached", "double": "cached", "total": "skipped"}
    assert [run.id for run in history(three.project)][:2] == [short.id, part.id]
    assert load_run(three.project, first.id[:6])["ys"] == [2, 4, 6]
    with pytest.raises(MissingValue, match="has no value tota") as missing:
        first["tota"]
    assert "total" in missing.value.hint
    with pytest.raises(PlanError, match="no stage"):
        three.run(start="nowhere")


def test_code_environment_and_local_modules(bench, statuses, monkeypatch):
    helper = bench.root / "helper.py"
    helper.write_text("def f(x):\n    return x + 1\n")
    monkeypatch.setenv("COUNTRY", "de")
    cells = [
        ("stage:a", "import helper\na = helper.f(1)"),
        ("stage:b", "import os\nb = os.environ['COUNTRY']"),
        ("stage:c", "c = 3  # a comment"),
    ]
    bench.cells(*cells)
    assert bench.run().status is RunStatus.SUCCEEDED
    cells[2] = ("stage:c", "c = 3      # another")
    bench.cells(*cells)
    assert set(statuses(bench.run()).values()) == {"cached"}, "comments are no code"
    helper.write_text("def f(x):\n    return x + 2\n")
    changed = bench.run()
    assert statuses(changed) == {"a": "succeeded", "b": "cached", "c": "cached"}
    assert changed.stages[0].reason == "module helper.py changed"
    assert changed["a"] == 3
    monkeypatch.setenv("COUNTRY", "at")
    moved = bench.run()
    assert statuses(moved) == {"a": "cached", "b": "succeeded", "c": "cached"}
    assert moved.stages[1].reason == "environment variable COUNTRY changed"
    bench.cells(*cells[:2], ("stage:c", "c = 4"))
    assert bench.run().stages[2].reason == "code of cell 3 changed"


def test_written_files_are_put_back(bench, statuses):
    bench.cells(
        ("stage:write", "with open('out.txt', 'w') as file:\n    _ = file.write('hello')"),
        ("stage:read", "text = open('out.txt').read()"),
    )
    assert bench.run()["text"] == "hello"
    (bench.root / "out.txt").unlink()
    again = bench.run()
    assert set(statuses(again).values()) == {"cached"}
    assert (bench.root / "out.txt").read_text() == "hello"


def test_nothing_changed_loads_and_starts_nothing_heavy(three):
    three.run()
    code = (
        "import json, sys\n"
        "from nbprod import analysis, execution, notebooks\nfrom nbprod.config import Project\n"
        "from nbprod.core.run import RunOptions\nfrom pathlib import Path\n"
        "pipeline = analysis.analyze([notebooks.read(Path('nb.ipynb'), 'nb.ipynb')])\n"
        "run = execution.run(pipeline, Project.find('.'), RunOptions())\n"
        "print(json.dumps([sorted({str(s.status) for s in run.stages}), sorted({n.partition('.')[0] for n in sys.modules})]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=three.root)
    statuses, modules = json.loads(done.stdout)
    assert statuses == ["cached"]
    heavy = {
        "nbformat",
        "IPython",
        "numpy",
        "pandas",
        "papermill",
        "mlflow",
        "jupyter_client",
        "cloudpickle",
        "traitlets",
    }
    assert not heavy & set(modules)


def test_volatile_stages_run_every_time(bench, statuses):
    bench.cells(("stage:now", "import time\nmoment = time.time()"), ("stage:use", "kept = 1"))
    bench.run()
    again = bench.run()
    assert statuses(again) == {"now": "succeeded", "use": "cached"}
    assert again.stages[0].reason.startswith("volatile")
    assert statuses(bench.run(cache_for=3600.0))["now"] == "cached"
    assert statuses(bench.run(cache_for=3600.0, trigger="schedule"))["now"] == "succeeded"


def test_damaged_snapshots_are_not_trusted(three, statuses):
    run = three.run()
    manifest = three.root / run.stages[1].snapshot
    manifest.write_text(manifest.read_text().replace("ys", "zs"))
    again = three.run()
    assert statuses(again) == {"load": "cached", "double": "succeeded", "total": "cached"}
    assert again.stages[1].reason == "its snapshot is damaged or gone"
    Path(again.stages[0].snapshot).unlink()
    assert statuses(three.run())["load"] == "succeeded"


def test_gate_and_test_cells_never_fail_a_run(bench):
    bench.cells(
        ("stage:a", "accuracy = 0.5"), ("gate", "assert accuracy > 0.9, 'too low'"), ("test", "assert accuracy < 1")
    )
    run = bench.run()
    assert run.status is RunStatus.SUCCEEDED
    assert [(gate.held, gate.detail) for gate in run.gates] == [
        (False, "gate: AssertionError: too low"),
        (True, "test"),
    ]


def test_the_run_is_told_and_kept(three):
    heard = []
    run = three.run(listeners=[heard.append])
    kinds = [event.kind for event in heard]
    assert (kinds[0], kinds[-1]) == ("run-started", "run-finished")
    assert kinds.count("stage-started") == kinds.count("stage-finished") == 3
    kept = json.loads((three.root / ".nbprod" / "runs" / run.id / "run.json").read_text())
    assert kept["status"] == "succeeded"
    assert kept["stages"][1]["cells"] == [3]
    lines = (three.root / ".nbprod" / "runs" / run.id / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == kinds
