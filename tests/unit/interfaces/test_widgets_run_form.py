"""The form of a notebook's parameters."""

from __future__ import annotations

import ipywidgets
import pytest

from nbprod.interfaces.widgets import RunView
from nbprod.interfaces.widgets.run_form import RunForm

CELLS = [
    (
        "parameters",
        "n: int = 3  # how <many>\nrate = 0.5\nkind = 'a'\nflag = False\nnames = ['x']\nlimit: int | None = None",
    ),
    ("stage:load", "rows = [n, rate, kind, flag, names, limit]"),
]


@pytest.fixture
def path(project, make_notebook):
    return make_notebook(project / "nb.ipynb", CELLS)


def form_of(view):
    form = RunForm(view, view._pipeline)
    return form, {row.children[0].description: row.children for row in form.box.children[:-1]}


def test_fields_are_typed_and_hold_the_defaults(path):
    _, rows = form_of(RunView(path))
    kinds = {name: (type(parts[0]), parts[0].value) for name, parts in rows.items()}
    assert kinds == {
        "n": (ipywidgets.IntText, 3),
        "rate": (ipywidgets.FloatText, 0.5),
        "kind": (ipywidgets.Text, "a"),
        "flag": (ipywidgets.Checkbox, False),
        "names": (ipywidgets.Text, "['x']"),
        "limit": (ipywidgets.Text, "None"),
    }
    assert "how &lt;many&gt;" in rows["n"][2].value


def test_what_is_changed_is_given_marked_and_can_be_reset(path):
    view = RunView(path)
    _, rows = form_of(view)
    assert view.parameters == {}
    for name, value in {"n": 5, "rate": 0.25, "kind": "b c", "flag": True, "names": "['y']"}.items():
        rows[name][0].value = value
    assert view.parameters == {"n": "5", "rate": "0.25", "kind": "b c", "flag": "True", "names": "['y']"}
    field, reset, about = rows["n"]
    assert "changed, was 3" in about.value
    assert reset.layout.visibility == "visible"
    reset.click()
    assert field.value == 3
    assert "n" not in view.parameters
    assert reset.layout.visibility == "hidden"


def test_values_to_begin_with_are_in_the_form(path):
    view = RunView(path, parameters={"n": 7, "rate": "0.125", "flag": True, "kind": "z"})
    _, rows = form_of(view)
    assert [rows[name][0].value for name in ("n", "rate", "flag", "kind")] == [7, 0.125, True, "z"]
    assert view.parameters == {"n": "7", "rate": "0.125", "flag": "True", "kind": "z"}


def test_a_value_that_does_not_fit_its_type_is_kept_for_the_run_to_refuse(path):
    view = RunView(path, parameters={"n": "2.5"})
    _, rows = form_of(view)
    assert rows["n"][0].value == "2.5"
    assert view.parameters == {"n": "2.5"}


def test_buttons_follow_what_goes_on(path):
    view = RunView(path)
    form, _ = form_of(view)
    run, stop, force, state = form.box.children[-1].children
    assert (run.disabled, stop.disabled, state.value) == (False, True, "")
    force.value = True
    assert view.force is True


def test_a_refusal_is_shown_in_the_view(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:load", "rows = missing_name")])
    view = RunView(path)
    view.pressed(view.start)(None)
    assert "NB201" in view.to_html()
    assert not view.working
