"""The same cells in a kernel behind unmodified nbclient and in this engine show the same."""

from __future__ import annotations

import pytest
from engines_compared import cases, kernel, models, ours, shown, widgets

TOGETHER = [case for case in cases() if not case.alone]
ALONE = [case for case in cases() if case.alone]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory):
    """Notebooks of all cells that can share a process: name → cells of both, and the two notebooks."""
    sources = [source for case in TOGETHER for source in case.cells]
    notebooks = (kernel(sources, tmp_path_factory.mktemp("k")), ours(sources, tmp_path_factory.mktemp("o")))
    named = [models(notebook) for notebook in notebooks]
    found, at = {}, 0
    for case in TOGETHER:
        end = at + len(case.cells)
        found[case.name] = [
            [shown(cell, names) for cell in notebook.cells[at:end]]
            for notebook, names in zip(notebooks, named, strict=True)
        ]
        at = end
    return found, notebooks


def lines(cells):
    return {line for cell in cells for item in cell for line in str(item[1]).splitlines()}


def judge(case, theirs, mine):
    """An expected difference has to be one still: what has gone is to be taken out of the list."""
    if not case.order:
        assert lines(theirs) <= lines(mine)
        return
    if case.differs:
        assert mine != theirs, "no longer differs"
        return
    for source, left, right in zip(case.cells, theirs, mine, strict=True):
        assert right == left, source


@pytest.mark.parametrize("case", TOGETHER, ids=lambda case: case.name)
def test_cells_show_what_they_show_in_a_kernel(case, both):
    theirs, mine = both[0][case.name]
    judge(case, theirs, mine)


def test_widgets_have_the_state_that_nbclient_keeps(both):
    theirs, mine = map(widgets, both[1])
    state, own = theirs.pop("state"), mine.pop("state")
    assert mine == theirs
    assert list(own) == list(state)
    # what was appended to this widget is lost in nbclient: see output-widget-appended
    differ = [name for name in state if own[name] != state[name]]
    assert [len(own[name]["state"]["outputs"]) for name in differ] == [3]


@pytest.mark.slow
@pytest.mark.parametrize("case", ALONE, ids=lambda case: case.name)
def test_cells_that_need_a_process_of_their_own(case, tmp_path):
    found = []
    for number, execute in enumerate((kernel, ours)):
        folder = tmp_path / str(number)
        folder.mkdir()
        notebook = execute(list(case.cells), folder)
        found.append([shown(cell, models(notebook)) for cell in notebook.cells])
    judge(case, *found)
