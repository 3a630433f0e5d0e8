"""Which stages are stale: their code is not that of their last run."""

from __future__ import annotations

import pytest

from nbprod import api
from nbprod.core.errors import StageFailed
from nbprod.store import Ledger

CELLS = [("parameters", "n = 2"), ("stage:load", "xs = [1, 2, n]"), ("stage:total", "total = sum(xs)")]


@pytest.fixture
def path(project, make_notebook):
    return make_notebook(project / "nb.ipynb", CELLS)


def test_stale_from_the_edit_until_the_run(path, make_notebook):
    assert api.stale_stages(path) == [], "nothing ran yet"
    api.run(path)
    assert api.stale_stages(path) == []
    changed = [*CELLS[:2], ("stage:total", "total = sum(xs) + 1"), ("stage:new", "y = total")]
    make_notebook(path, changed)
    assert api.stale_stages(path) == ["total"], "a stage that never ran is not stale"
    make_notebook(path, [*CELLS[:2], ("stage:total", "total = sum(xs)  # the same code")])
    assert api.stale_stages(path) == []
    make_notebook(path, [("parameters", "n = 3"), *CELLS[1:]])
    assert api.stale_stages(path) == ["load"]


def test_going_back_to_what_is_still_stored(path, make_notebook):
    api.run(path)
    make_notebook(path, [*CELLS[:2], ("stage:total", "total = 0")])
    api.run(path)
    make_notebook(path, CELLS)
    assert api.stale_stages(path) == ["total"]
    assert {stage.status for stage in api.run(path).stages} == {"cached"}
    assert api.stale_stages(path) == [], "the older snapshot is what the last run had"


def test_a_run_that_goes_on_counts_as_far_as_it_got(path, make_notebook):
    api.run(path)
    make_notebook(path, [("stage:load", "xs = [4]"), ("stage:total", "total = 7")])
    seen = []

    def look(event):
        if event.kind == "stage-finished":
            seen.append(api.stale_stages(api.analyze(path), path))

    api.run(path, listeners=[look])
    assert seen == [["total"], []]


def test_a_failed_stage_stays_stale(path, make_notebook, project):
    api.run(path)
    make_notebook(path, [*CELLS[:2], ("stage:total", "total = 1 / 0")])
    with pytest.raises(StageFailed):
        api.run(path)
    assert api.stale_stages(path) == ["total"]


def test_all_stages_are_asked_for_at_once(path, project):
    api.run(path)
    pipeline = api.analyze(path)
    with Ledger(project / ".nbprod") as ledger:
        statements = []
        ledger._link.set_trace_callback(statements.append)
        found = ledger.codes(pipeline.notebook)
        ledger._link.set_trace_callback(None)
    assert found == {stage.name: stage.code_digest for stage in pipeline.stages}
    assert len(statements) == 2
