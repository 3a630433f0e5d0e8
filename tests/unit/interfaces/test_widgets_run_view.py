"""A run as HTML: as it goes on and when it is over."""

from __future__ import annotations

import pytest

from nbprod.core.errors import StageFailed, Where
from nbprod.core.pipeline import Pipeline, Stage
from nbprod.core.run import Event, GateResult, Run, RunStatus, StageRun, StageStatus
from nbprod.interfaces.widgets import RunView, run_html

PIPELINE = Pipeline(
    "churn.ipynb",
    (Stage("load", (1,), ()), Stage("train", (2,), ())),
    edges=(),
    parameters=(),
    roles=(),
    diagnostics=(),
)
RUN = Run(
    "8c21aa00",
    "churn.ipynb",
    RunStatus.FAILED,
    stages=(
        StageRun("load", StageStatus.SUCCEEDED, seconds=0.2143, outputs=("df", "<raw>")),
        StageRun("train", StageStatus.FAILED, reason="cell 9 raised"),
    ),
    metrics={"accuracy": 0.91424},
    gates=(GateResult("accuracy >= 0.9", True),),
    error=StageFailed("NB501", "ValueError: a < b", "executed notebook: x.ipynb", Where("churn.ipynb", 9, "c9", 2)),
)


def test_a_run_is_told_by_icon_and_word_and_escaped():
    html = run_html(RUN)
    for text in ("✗ failed", "✓ load", "0.214 s", "accuracy 0.9142", "gate accuracy &gt;= 0.9 held", "cell 9 line 2"):
        assert text in html
    assert "<raw>" not in html
    assert "a &lt; b" in html


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, without a notebook around."""
    import IPython.display

    found = []
    monkeypatch.setattr(IPython.display, "display", found.append)
    return found


def test_the_view_follows_the_events_and_leaves_plain_html(shown):
    view = RunView(PIPELINE)
    view.show()
    assert view._repr_html_().count("waiting") == 2
    view.listen(Event("run-started", data={"run": "8c21aa00", "stages": ["load", "train"]}))
    view.listen(Event("stage-started", "load"))
    assert "◐ load" in view._repr_html_()
    view.listen(Event("output", "load", {"cell": 1}))
    view.listen(Event("stage-finished", "load", {"status": "succeeded", "seconds": 0.2, "outputs": ["df"]}))
    assert "✓ load" in view._repr_html_()
    view.listen(Event("stage-started", "gate"))
    assert "◐ gate" in view._repr_html_()
    assert shown == []
    view.listen(Event("run-finished", data=RUN.as_json()))
    assert len(shown) == 1
    assert shown[0].data == run_html(RUN)


def test_a_view_that_nobody_shows_draws_nothing(shown):
    view = RunView(PIPELINE)
    view.listen(Event("run-finished", data=RUN.as_json()))
    assert shown == []
    assert "✗ failed" in view._repr_html_()
