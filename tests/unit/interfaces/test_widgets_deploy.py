"""A deployment as HTML: steps, card, answer; and the fields of a row."""

from __future__ import annotations

import pytest

from nbprod.core.errors import UsageError
from nbprod.core.run import Event
from nbprod.interfaces.widgets import DeployView
from nbprod.interfaces.widgets.card import card, plain
from nbprod.interfaces.widgets.deploy_form import DeployForm, _Row, text_of, value_of

ENDPOINT = {
    "endpoint": "churn<",
    "url": "http://127.0.0.1:8642",
    "target": "local",
    "model": "churn",
    "version": "4",
    "state": "healthy",
}
HEALTH = {"requests": 3, "errors": 1, "rows": 3, "p50_ms": 0.4321, "p95_ms": None}
VERSIONS = [
    {"version": "4", "model_path": "/m/8c21aaaa", "deployed": "2026-01-02T03:04:05Z", "current": True},
    {"version": None, "model_path": "/m/7f9dbbbb", "deployed": "2026-01-01T03:04:05Z", "current": False},
]
STEPS = [
    {"name": "reading the <notebook>", "stage": None, "state": "succeeded", "seconds": 0.21},
    {"name": "load", "stage": "load", "state": "cached", "seconds": 0.001},
    {"name": "starting the endpoint", "stage": None, "state": "running", "seconds": 3},
]


def shown(**changed):
    base = {"notebook": "churn.ipynb", "status": "none", "steps": [], "endpoint": None}
    return {**base, **changed}


def test_steps_are_told_with_seconds():
    html = card(shown(status="running", steps=STEPS))
    assert "◐ running starting the endpoint" in html
    assert "reading the &lt;notebook&gt;" in html
    assert "0.21 s" in html
    assert "3 s" in html
    assert "0.001" not in html
    assert "stage <b>load</b>" in html


def test_the_card_has_address_health_and_versions(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    html = card(shown(status="succeeded", endpoint=ENDPOINT, health=HEALTH, versions=VERSIONS))
    for text in (
        "churn&lt;",
        "● healthy",
        "v4",
        "3 requests · 1 errors · half within 0.432 ms",
        "○ before",
        "7f9dbbbb",
    ):
        assert text in html
    assert 'href="http://127.0.0.1:8642/docs"' in html
    assert "95 %" not in html


def test_where_the_reader_is_elsewhere_no_address_of_this_machine_is_a_link(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/me/")
    html = card(shown(endpoint=ENDPOINT))
    assert "href" not in html
    assert "http://127.0.0.1:8642" in html


@pytest.mark.parametrize(
    ("equal", "told"),
    [
        (True, "✓ equal to the notebook's answer"),
        (False, "✗ the notebook answered no"),
        (None, "not a recorded row: nothing to compare it with"),
    ],
)
def test_the_answer_is_compared_with_the_notebook(equal, told):
    row = {"plan": "<pro>", "tenure": 3}
    answer = {"row": row, "prediction": "yes", "probabilities": [0.25, 0.75], "expected": "no", "equal": equal}
    html = card(shown(endpoint=ENDPOINT, answer=answer))
    assert told.replace("'", "&#x27;") in html
    assert "plan=&lt;pro&gt;, tenure=3" in html
    assert "probabilities 0.25, 0.75" in html
    assert told in plain(shown(endpoint=ENDPOINT, answer=answer))


def test_nothing_deployed_is_said(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:fit", "x = 1")])
    view = DeployView(path)
    assert "○ not deployed" in view.to_html()
    assert view.endpoint is None
    view.pressed(view.stop_endpoint)(None)
    assert "nothing is deployed from nb.ipynb" in view.to_html()
    form = DeployForm(view, [{"name": "local", "available": True, "missing": None}, _docker()])
    assert [form._deploy.disabled, form._cancel.disabled, form._back.disabled, form._stop.disabled] == [
        False,
        *[True] * 3,
    ]
    assert form._target.options == ("local",)
    assert "docker: no engine &lt;here&gt;" in form.box.children[1].value


def _docker():
    return {"name": "docker", "available": False, "missing": "no engine <here>"}


def test_a_target_that_cannot_be_used_is_not_offered(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:fit", "x = 1")])
    form = DeployForm(DeployView(path, "docker"), [_docker()])
    assert form._target.options == ()
    assert form._deploy.disabled


def test_a_watched_deployment_tells_its_steps_and_its_end(project, make_notebook):
    path = make_notebook(project / "nb.ipynb", [("stage:fit", "x = 1")])
    view = DeployView(path)
    view.step("reading the notebook")
    view.listen(Event("stage-started", "fit"))
    view.listen(Event("stage-finished", "fit", {"status": "succeeded", "seconds": 0.5}))
    view.step("starting the endpoint")
    assert [(step["name"], step["state"]) for step in view.steps] == [
        ("reading the notebook", "succeeded"),
        ("fit", "succeeded"),
        ("starting the endpoint", "running"),
    ]
    assert "◐ running starting the endpoint" in view.to_text()
    view.close(failed=True)
    assert view.steps[-1]["state"] == "failed"
    assert "✗ failed" in view.to_html()


def test_fields_hold_a_row_and_give_it_back():
    columns = [
        {"name": "n", "type": "number"},
        {"name": "share", "type": "number"},
        {"name": "flag", "type": "boolean"},
        {"name": "plan", "type": "string"},
        {"name": "none", "type": "number"},
    ]
    values = {"n": 3, "share": 0.5, "flag": False, "plan": "12", "none": None}
    row = _Row(columns)
    row.fill(values)
    assert row.value == values
    assert [type(value) for value in row.value.values()] == [int, float, bool, str, type(None)]


def test_many_columns_are_one_text():
    columns = [{"name": f"c{number}", "type": "number"} for number in range(40)]
    values = {item["name"]: 1.5 for item in columns}
    row = _Row(columns)
    row.fill(values)
    assert len(row.widgets) == 1
    assert row.value == values
    row.widgets[0].value = "{"
    with pytest.raises(UsageError, match="not JSON"):
        _ = row.value


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("", "string", None),
        ("x", "number", "x"),
        ("1e3", "number", 1000.0),
        ("maybe", "boolean", "maybe"),
        ("TRUE", "boolean", True),
    ],
)
def test_what_does_not_fit_goes_as_it_is(text, kind, value):
    assert value_of(text, kind) == value


def test_true_is_written_as_json_has_it():
    assert (text_of(True), text_of(None), text_of(1.5)) == ("true", "", "1.5")
