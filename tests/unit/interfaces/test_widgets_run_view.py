"""A run as HTML and text: as it goes on and when it is over."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET

import pytest

from nbprod.core.errors import StageFailed, Where
from nbprod.core.pipeline import Edge, Pipeline, Stage
from nbprod.core.run import Event, GateResult, Run, RunStatus, StageRun, StageStatus
from nbprod.core.words import STAGES, clip, number, seconds
from nbprod.interfaces.widgets import RunView, run_html
from nbprod.interfaces.widgets.render import page

PIPELINE = Pipeline(
    "churn.ipynb",
    (Stage("load", (1,), ()), Stage("train", (2,), ())),
    edges=(Edge("load", "train", ("df", "<raw>")),),
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
    gates=(GateResult("accuracy >= 0.9", True), GateResult("<b>", False)),
    error=StageFailed("NB501", "ValueError: a < b", "executed notebook: x.ipynb", Where("churn.ipynb", 9, "c9", 2)),
    notes=("kept <elsewhere>",),
)


def svg_of(html: str) -> ET.Element:
    """Return the picture, which must be well-formed."""
    (text,) = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    return ET.fromstring(text)


def texts(svg: ET.Element) -> list[str]:
    return [node.text or "" for node in svg.iter("{http://www.w3.org/2000/svg}text")]


def test_a_run_is_told_by_icon_and_word_and_escaped(project):
    html = run_html(RUN, PIPELINE)
    for text in ("✗ failed", "✓ done", "0.214 s", "accuracy", "<b>0.9142</b>", "held", "did not hold", "cell 9 line 2"):
        assert text in html
    assert "accuracy &gt;= 0.9" in html
    assert "a &lt; b" in html
    for raw in ("<raw>", "<elsewhere>", "<code><b>", "<script", "<style"):
        assert raw not in html


def test_the_picture_has_states_words_and_the_last_news(project):
    svg = svg_of(run_html(RUN, PIPELINE))
    assert texts(svg) == ["load", "✓ done 0.214 s", "df, <raw>", "train", "✗ failed", "ValueError: a < b"]
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "Pipeline of churn.ipynb: load done; train failed"
    titles = [node.text for node in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["cell 9 raised", "load → train: df, <raw>"]
    styles = [node.get("style") or "" for node in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert f"fill:{STAGES[0]}" in styles[1]
    assert f"fill:{STAGES[1]}" in styles[3]
    assert "--jp-error-color1" in styles[2]


def test_every_colour_has_a_fallback(project):
    html = run_html(RUN, PIPELINE)
    variables = re.findall(r"var\(--jp-[a-z0-9-]+(.)", html)
    assert variables
    assert set(variables) == {","}


def test_who_cannot_see_the_picture_reads_a_table(project):
    html = run_html(RUN, PIPELINE)
    assert "<summary" in html
    rows = re.findall(r"<tr>(.*?)</tr>", html.split("stages as a table")[1])
    assert [[re.sub("<[^>]*>", "", cell) for cell in row.split("</td>")[:-1]] for row in rows[1:]] == [
        ["load", "✓ done", "0.214 s", "df, &lt;raw&gt;"],
        ["train", "✗ failed", "", "ValueError: a &lt; b"],
    ]


def test_a_run_without_its_notebook_is_drawn_from_its_stages(project):
    assert texts(svg_of(run_html(RUN)))[0] == "load"
    assert svg_of(RunView(RUN).to_html()).get("aria-label", "").endswith("train failed")


def test_a_run_whose_notebook_is_there_has_its_edges(project, make_notebook):
    make_notebook(project / "churn.ipynb", [("stage:load", "df = 1"), ("stage:train", "model = df")])
    svg = svg_of(run_html(RUN))
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}path"))) == 2


def test_the_view_follows_the_events(capsys):
    view = RunView(PIPELINE)
    view.show()
    assert view.to_html().count("not run") > 1
    view.listen(Event("run-started", data={"run": "8c21aa00", "stages": ["load", "train"], "parameters": {"n": 5}}))
    assert "n=5" in view.to_html()
    view.listen(Event("stage-started", "load"))
    view.listen(Event("cell-started", "load", {"cell": 3}))
    assert texts(svg_of(view.to_html())) == ["load", "◐ running 0 s", "cell 3", "train", "○ waiting"]
    assert "◐ running load" in view.to_html()
    view.listen(Event("output", "load", {"cell": 1}))
    view.listen(Event("stage-finished", "load", {"status": "succeeded", "seconds": 0.2, "outputs": ["df"]}))
    assert "✓ done 0.2 s" in view.to_html()
    view.listen(Event("stage-started", "gate"))
    assert "◐ running gate 0 s" in view.to_html()
    view.listen(Event("run-finished", data=RUN.as_json()))
    view.close()
    assert "✗ failed" in view.to_html()
    assert capsys.readouterr().out.startswith("churn.ipynb · ✗ failed · run 8c21\n  ✓ done     load")


def test_seconds_of_what_runs_go_on():
    run = {"notebook": "n.ipynb", "status": "running", "began": time.time() - 75, "stages": []}
    assert " · 75 s" in page(run)


def test_a_view_that_nobody_shows_draws_nothing(capsys):
    view = RunView(PIPELINE)
    view.listen(Event("run-started", data={"run": "8c21aa00", "stages": ["load", "train"]}))
    view.listen(Event("run-finished", data=RUN.as_json()))
    view.close()
    assert capsys.readouterr().out == ""
    assert "✗ failed" in view._repr_html_()
    assert repr(view).startswith("churn.ipynb · ✗ failed")


def test_a_run_that_told_of_no_end_was_stopped():
    view = RunView(PIPELINE)
    view.listen(Event("run-started", data={"run": "8c21aa00", "stages": ["load", "train"]}))
    view.close()
    assert "■ stopped" in view.to_html()
    assert "skipped" in view.to_html()


def test_a_traceback_is_folded_away_without_its_colours(project):
    error = {**RUN.error.as_json(), "traceback": ["\x1b[31mValueError\x1b[0m: a < b"]}
    html = page({**RUN.as_json(), "error": error})
    assert "<pre>ValueError: a &lt; b</pre>" in html


@pytest.mark.parametrize(("value", "text"), [(0.2143, "0.214 s"), (12.345, "12.3 s"), (1234.5, "1234 s")])
def test_seconds_have_three_digits(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.912345, "0.9123"), (12000, "12,000"), (True, "True"), ("yes", "yes"), (1e-7, "1e-07")]
)
def test_numbers_have_four_digits(value, text):
    assert number(value) == text


def test_long_and_wide_texts_are_cut():
    assert clip("a" * 20, 10) == "a" * 9 + "…"
    assert clip("数据数据数据", 8) == "数据数…"
    assert clip("one\ntwo", 10) == "one"
    assert clip("", 10) == ""


def test_without_its_svg_the_picture_can_still_be_read(project):
    """Jupyter takes tags that it does not know out of a notebook that is not trusted, and leaves their texts."""
    (part,) = re.findall(r'<div style="white-space:pre-line.*?</div>', run_html(RUN, PIPELINE), re.DOTALL)
    lines = [line for line in re.sub("<[^>]*>", "", part).splitlines() if line]
    assert lines == [
        "load ✓ done 0.214 s df, &lt;raw&gt;",
        "train ✗ failed ValueError: a &lt; b cell 9 raised",
        "load → train: df, &lt;raw&gt;",
    ]


def test_what_had_to_be_cut_is_told_on_hover(project):
    long = StageRun("a_stage_with_a_long_name", StageStatus.SUCCEEDED, outputs=tuple(f"name_{n}" for n in range(20)))
    run = Run("r", "churn.ipynb", RunStatus.SUCCEEDED, stages=(long,))
    (title,) = [node.text or "" for node in svg_of(run_html(run)).iter("{http://www.w3.org/2000/svg}title")]
    assert title.startswith("a_stage_with_a_long_name · name_0, name_1")
    assert title.endswith("name_19")
