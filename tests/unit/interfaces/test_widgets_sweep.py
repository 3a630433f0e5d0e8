"""A sweep as HTML: trials ranked, small plots with labelled axes; and the form that describes one."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from nbprod.core.errors import StageFailed, UsageError, Where
from nbprod.core.leaderboard import board, page, plain, ranked
from nbprod.core.plot import Point, plot, ticks
from nbprod.core.sweep import Sweep, Trial, TrialStatus
from nbprod.interfaces.widgets import SweepView
from nbprod.interfaces.widgets.sweep_form import SweepForm, bounds, middle, spread

SVG = "{http://www.w3.org/2000/svg}"
DONE = TrialStatus.SUCCEEDED
FAILED = StageFailed("NB501", "ValueError: <too> deep", None, Where("nb.ipynb", 3))
STOPPED = StageFailed("NB506", "interrupted in stage fit")


def sweep_of(*trials: Trial, maximize: bool = True) -> dict:
    return Sweep("s1", "<nb>.ipynb", "score", maximize, trials).as_json()


SWEEP = sweep_of(
    Trial(1, {"rate": 0.001, "kind": "<a>"}, "r1aaaa", DONE, 0.5, 1.0),
    Trial(2, {"rate": 0.01, "kind": "<a>"}, "r2aaaa", DONE, 0.9, 1.5),
    Trial(3, {"rate": 0.1, "kind": "b"}, "r3aaaa", DONE, 0.9, 2.0),
    Trial(4, {"rate": 1.0, "kind": "b"}, "r4aaaa", TrialStatus.FAILED, None, 0.2, FAILED),
    Trial(5, {"rate": 1.0, "kind": "c"}, None, TrialStatus.RUNNING),
)


def plots_of(html: str) -> list[ET.Element]:
    return [ET.fromstring(text) for text in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def texts(svg: ET.Element) -> list[str]:
    return [node.text or "" for node in svg.iter(f"{SVG}text")]


def rows_of(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [re.sub("<[^>]*>", "|", row).strip("|").split("||") for row in rows]


def test_the_best_is_first_and_those_without_a_value_last():
    assert [trial["number"] for trial in ranked(SWEEP)] == [2, 3, 1, 4, 5]
    lowest = sweep_of(
        *(Trial(n, {"n": n}, None, DONE, value) for n, value in enumerate([3.0, 1.0, 1.0], 1)), maximize=False
    )
    assert [trial["number"] for trial in ranked(lowest)] == [2, 3, 1]
    assert ranked(sweep_of()) == []


def test_the_table_tells_state_values_metric_and_error():
    html = board(SWEEP)
    assert "◐ running 4 of 5 trials" in html
    assert "best score 0.9" in html
    assert [len(row) >= 4 for row in rows_of(html)] == [True] * 6
    assert "✓ best" in html
    assert html.count("✓ done") == 2
    assert "cell 3 ValueError: &lt;too&gt; deep" in html
    assert "<too>" not in html
    assert "<nb>" not in html
    assert "<a>" not in html
    assert "r2aa" in html


def test_a_trial_that_was_stopped_did_not_fail():
    html = board(
        sweep_of(
            Trial(1, {"n": 1}, "r1", DONE, 0.5, 1.0),
            Trial(2, {"n": 2}, "r2", TrialStatus.FAILED, None, 1.0, STOPPED),
            Trial(3, {"n": 3}, None, TrialStatus.SKIPPED),
        )
    )
    assert html.count("■ stopped") == 2
    assert "■ stopped 1 of 3 trials" in html
    assert "failed" not in html


def test_a_pruned_trial_did_not_fail():
    html = board(
        sweep_of(
            Trial(1, {"n": 1}, "r1", DONE, 0.5, 1.0),
            Trial(2, {"n": 2}, "r2", TrialStatus.PRUNED, None, 0.4, reports={0: 0.1}),
        )
    )
    assert "✓ done 2 of 2 trials" in html
    assert "✂ pruned" in html
    assert "0.4 s" in html


def test_a_search_that_finds_trials_as_it_goes_has_more_to_come():
    told = {**sweep_of(Trial(1, {"n": 1}, "r1", DONE, 0.5, 1.0)), "planned": 4}
    assert "◐ running 1 of 4 trials" in board(told)


def test_the_page_needs_nothing_else_and_is_for_light_and_dark():
    html = page({**SWEEP, "space": {"rate": "0.001..1.0:log"}, "fixed": {"base": "<b>"}, "seed": 7, "search": "random"})
    assert html.startswith("<!doctype html>")
    assert "color-scheme:light dark" in html
    assert "prefers-color-scheme:dark" in html
    assert "random · seed 7 · rate 0.001..1.0:log · base=&lt;b&gt; in all trials" in html
    assert not re.search(r"<script|src=|href=|@import|<b>\.", html)
    assert len(plots_of(html)) == 3


def test_many_trials_are_cut():
    many = sweep_of(*(Trial(n, {"n": n}, f"r{n}", DONE, float(n), 1.0) for n in range(1, 131)))
    html = board(many)
    assert "30 more trials" in html
    assert len(rows_of(html)) == 101


def test_a_sweep_as_text():
    lines = plain(SWEEP).splitlines()
    assert lines[0] == "<nb>.ipynb · ◐ running 4 of 5 trials · best score 0.9 · rate=0.01 kind=<a>"
    assert lines[1].split() == ["✓", "done", "rate=0.01", "kind=<a>", "0.9"]
    assert "too" in lines[4]


def test_axes_are_labelled_and_the_best_is_named():
    course, rate, kind = plots_of(board(SWEEP))
    assert course.get("aria-label") == "score against trial, 3 trials; best 0.9 at trial 2"
    assert {"trial", "score", "best 0.9", "1", "5"} <= set(texts(course))
    assert rate.get("aria-label") == "score against rate, 3 trials; best 0.9 at rate 0.01"
    assert {"rate (log)", "score", "best 0.9", "0.001", "0.01", "0.1", "1"} <= set(texts(rate))
    assert {"kind", "score", "<a>", "b", "c"} <= set(texts(kind))
    assert len(list(rate.iter(f"{SVG}circle"))) == 3
    for circle in rate.iter(f"{SVG}circle"):
        assert 58 <= float(circle.get("cx") or 0) <= 256
        assert 26 <= float(circle.get("cy") or 0) <= 150


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([5, 5], [0.5, 0.5]),
        ([1, 2, 3], [0.0, 0.0, 0.0]),
        ([-3.0, 0.0, 3.0], [-1e9, 0.0, 1e9]),
        ([True, False], [0.1, 0.2]),
        ([None, 2], [1.0, 2.0]),
        ([[1, 2], [3]], [1.0, 2.0]),
        (list(range(30)), [float(number) for number in range(30)]),
        ([0.01 * 1.4**at for at in range(20)], [float(number) for number in range(20)]),
        ([30 + at**2 for at in range(20)], [float(number) for number in range(20)]),
        (["one", "a very long value indeed"], [1e-9, 2e-9]),
    ],
)
def test_any_values_can_be_plotted(values, numbers):
    points = [Point(x, y, f"trial {x}") for x, y in zip(values, numbers, strict=True)]
    svg = ET.fromstring(plot(("p", values), "m", points, points[0]))
    assert len(list(svg.iter(f"{SVG}circle"))) == len(points)
    places = [float(text.get("x") or 0) for text in svg.iter(f"{SVG}text") if text.get("y") == "166.0"]
    assert places == sorted(places)
    assert all(right - left >= 34 for left, right in pairwise(places))


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (0.61, 0.89, [0.7, 0.8]),
        (-3, 3, [-2, 0, 2]),
        (5, 5, [5]),
        (0, 1e-9, [0, 2.5e-10, 5e-10, 7.5e-10, 1e-9]),
    ],
)
def test_ticks_are_round(low, high, found):
    assert ticks(low, high) == pytest.approx(found)


CELLS = [
    ("parameters", "depth = 3  # how deep\nrate = 0.1\nkind = 'a'\nflag = True"),
    ("stage:fit", "score = depth * rate", {"metrics": ["score"]}),
]


@pytest.fixture
def path(project, make_notebook):
    return make_notebook(project / "nb.ipynb", CELLS)


def test_the_form_writes_what_is_ticked_as_values(path):
    view = SweepView(path)
    assert (view.metric, view.maximize, view.grid) == ("score", True, {})
    form = SweepForm(view, view._pipeline)
    assert form._start.disabled
    depth, rate, kind, flag = (_Parts(row) for row in form.box.children[:4])
    depth.tick.value = True
    assert view.grid == {"depth": "2, 3, 4"}
    depth.numbers[1].value = 5
    depth.numbers[0].value = (1, 5)
    assert view.grid["depth"] == "1, 2, 3, 4, 5"
    depth.values.value = "1, 100"
    rate.tick.value = True
    rate.numbers[2].value = "by factor"
    rate.numbers[0].value = (0.01, 0.2)
    kind.tick.value = True
    assert view.grid == {"depth": "1, 100", "rate": "0.01, 0.04472, 0.2"}
    kind.values.value = "a, b"
    assert "12 runs" in form._state.value
    assert not form._start.disabled
    rate.tick.value = False
    assert view.grid == {"depth": "1, 100", "kind": "a, b"}
    assert "4 runs" in form._state.value
    assert not flag.numbers


class _Parts:
    """A row of the form, taken apart."""

    def __init__(self, row) -> None:
        first, *second = row.children
        self.tick, self.values, _ = first.children
        self.numbers = second[0].children if second else ()


def test_what_the_view_begins_with_is_in_the_form(path):
    view = SweepView(path, maximize=False, grid={"depth": [1, 2], "kind": ["a,b", "c"]})
    assert view.grid == {"depth": "1,2", "kind": "'a,b','c'"}
    form = SweepForm(view, view._pipeline)
    assert "4 runs" in form._state.value
    assert view.grid == {"depth": "1,2", "kind": "'a,b','c'"}


def test_how_values_are_searched_is_chosen_in_the_form(path):
    view = SweepView(path, grid={"rate": "0.01..0.1:log", "depth": "2:6:2"})
    form = SweepForm(view, view._pipeline)
    assert ("20 runs" in form._state.value, form._trials.layout.display) == (True, "none")
    search, trials = form.box.children[-2].children
    search.value = "optuna"
    trials.value = 7
    assert (view.search, view.trials, trials.layout.display) == ("optuna", 7, None)
    assert "7 runs" in form._state.value
    view.grid["depth"] = "6:2"
    form.tell()
    assert form._start.disabled
    assert "6:2 holds no value" in form._state.value


def test_a_sweep_of_nothing_is_refused_and_the_view_says_so(path):
    view = SweepView(path)
    with pytest.raises(UsageError, match="a parameter with values"):
        view.start()
    view.pressed(view.start)(None)
    assert "NB408" in view.to_html()
    assert SweepView(path, grid={"depth": "1,2"}, metric="").metric == "score"


@pytest.mark.parametrize(
    ("default", "whole", "expected"),
    [
        (120, True, (1, 240)),
        (1, True, (1, 4)),
        (0, True, (0, 10)),
        (-5, True, (-10, 0)),
        (0.5, False, (0.05, 1.0)),
        (0.0, False, (0.0, 1.0)),
        (-2.0, False, (-4.0, 0.0)),
    ],
)
def test_a_slider_surrounds_the_default(default, whole, expected):
    low, high = bounds(default, whole=whole)
    assert (low, high) == expected
    first, last = middle(default, low, high, whole=whole)
    assert low <= first <= last <= high


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((1, 5, 3, False, True), [1, 3, 5]),
        ((1, 2, 5, False, True), [1, 2]),
        ((0.001, 1.0, 4, True, False), [0.001, 0.01, 0.1, 1.0]),
        ((0.0, 1.0, 1, False, False), [0.5]),
        ((1.0, 4.0, 1, True, False), [2.0]),
        ((3, 3, 4, False, True), [3]),
    ],
)
def test_points_are_spread(asked, found):
    low, high, points, factor, whole = asked
    assert spread(low, high, points, factor=factor, whole=whole) == pytest.approx(found)
