"""`/predict`: the contract's answer, and a problem for everything else."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from asgi import Client

from nbprod.serving.answers import encode
from nbprod.serving.app import App, Settings
from nbprod.serving.evidence import compare
from nbprod.serving.formats import sample_columns

if TYPE_CHECKING:
    from nbprod.serving.model import LoadedModel

ROW = {"tenure": 12, "monthly": 50.5, "plan": "pro", "paperless": True}


def test_answers_as_the_contract_says(client: Client):
    answer = client.post("/predict", {"rows": [ROW, ROW]})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"predictions", "probabilities", "model", "request_id"}
    assert answer.json["predictions"] == ["yes", "yes"]
    assert sum(answer.json["probabilities"][0]) == pytest.approx(1)
    assert answer.json["model"] == {"name": "churn", "version": "4"}
    assert answer.json["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("form", ["rows", "columns"])
def test_recorded_rows_get_the_notebooks_own_answers(client: Client, churn: LoadedModel, form: str):
    columns = sample_columns(churn.sample)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    answer = client.post("/predict", {"rows": rows} if form == "rows" else {"columns": columns}).json
    evidence = compare(churn.sample, answer["predictions"], answer["probabilities"])
    assert evidence == {
        "rows": 400,
        "equal_rows": 400,
        "equal": True,
        "worst_difference": 0.0,
        "first_unequal": [],
    }


def test_integers_are_numbers_and_missing_numbers_null(client: Client):
    whole = client.post("/predict", {"rows": [{**ROW, "monthly": 50}]}).json
    assert whole["probabilities"] == client.post("/predict", {"rows": [{**ROW, "monthly": 50.0}]}).json["probabilities"]
    null = client.post("/predict", {"rows": [{**ROW, "monthly": None}]})
    without = client.post("/predict", {"rows": [{k: v for k, v in ROW.items() if k != "monthly"}]})
    assert null.status == without.status == 200
    assert null.json["predictions"] == without.json["predictions"]


def test_nothing_asked_nothing_answered(client: Client):
    assert client.post("/predict", {"rows": []}).json["predictions"] == []
    assert client.post("/predict", {"columns": {name: [] for name in ROW}}).json["probabilities"] == []


def test_unknown_fields_are_ignored_and_named(client: Client):
    answer = client.post("/predict", {"rows": [{**ROW, "customer": 7}]})
    assert answer.status == 200
    assert answer.json["warnings"] == ["the model has no input customer; it was ignored"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"tenure": "12"}, ("rows[0].tenure", "integer", 'string "12"')),
        ({"tenure": 12.5}, ("rows[0].tenure", "integer", "number 12.5")),
        ({"tenure": None}, ("rows[0].tenure", "integer", "null")),
        ({"tenure": True}, ("rows[0].tenure", "integer", "boolean true")),
        ({"tenure": 2**63}, ("rows[0].tenure", "integer", f"number {2**63}")),
        ({"monthly": "x"}, ("rows[0].monthly", "number or null", 'string "x"')),
        ({"monthly": [1]}, ("rows[0].monthly", "number or null", "array")),
        ({"plan": 3}, ("rows[0].plan", "string or null", "number 3")),
        ({"paperless": "yes"}, ("rows[0].paperless", "boolean", 'string "yes"')),
    ],
)
def test_misfit_names_field_expected_and_got(client: Client, change: dict[str, object], error: tuple[str, str, str]):
    answer = client.post("/predict", {"rows": [{**ROW, **change}]})
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.errors == [error]
    assert error[0] in answer.json["detail"]


def test_every_misfit_is_told_at_once(client: Client):
    answer = client.post("/predict", {"rows": [ROW, {"tenure": "a", "paperless": 1}]})
    assert [field for field, _, _ in answer.errors] == ["rows[1].tenure", "rows[1].plan", "rows[1].paperless"]
    assert answer.errors[1] == ("rows[1].plan", "string or null", "nothing")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rows": None},
        {"data": []},
        {"rows": [ROW], "columns": {}},
        {"rows": ROW},
        {"rows": [1]},
        {"columns": [1]},
        {"columns": {**{name: [value] for name, value in ROW.items()}, "tenure": [1, 2]}},
        {"columns": {**{name: [value] for name, value in ROW.items()}, "tenure": 1}},
        [ROW],
        3,
        None,
    ],
)
def test_other_shapes_are_misfits(client: Client, body: object):
    answer = client.post("/predict", body)
    assert answer.status == 422
    assert answer.errors


@pytest.mark.parametrize("body", [b"", b"{", b'{"rows": [NaN]}', b"\xff\xfe", b'{"rows": ' + b"[" * 5000])
def test_no_json_is_400(client: Client, body: bytes):
    assert client.post("/predict", body).status == 400


def test_other_problems(client: Client):
    assert client.get("/nowhere").status == 404
    wrong = client.get("/predict")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert client.post("/predict", b"x=1", "application/x-www-form-urlencoded").status == 415
    assert client.post("/predict", b"{}", "application/json; charset=latin-1").status == 415
    assert client.post("/predict", b"{}", content_encoding="gzip").status == 415
    for answer in (wrong, client.get("/nowhere")):
        assert set(answer.json) >= {"type", "title", "status", "detail", "instance", "request_id"}


def test_too_large_is_413(churn: LoadedModel):
    client = Client(App(churn, Settings("churn", most_bytes=100)))
    assert client.post("/predict", {"rows": [ROW] * 10}).status == 413
    assert client.post("/predict", b" " * 200, content_length="0").status == 413


def test_values_the_model_refuses_are_the_clients_affair(client: Client):
    answer = client.post("/predict", {"rows": [{**ROW, "plan": "platinum"}]})
    assert answer.status == 422
    assert "platinum" in answer.json["detail"]
    assert client.post("/predict", {"rows": [{**ROW, "plan": None}]}).status == 422


def test_a_models_own_failure_is_500_with_the_requests_id(careful: Client, caplog: pytest.LogCaptureFixture):
    answer = careful.post("/predict", {"rows": [{"age": 201, "name": "x"}]}, x_request_id="abc-1")
    assert answer.status == 500
    assert answer.json["request_id"] == "abc-1"
    assert "own fault" not in answer.body.decode()
    assert "abc-1" in caplog.text
    assert "the model's own fault" in caplog.text
    assert careful.post("/predict", {"rows": [{"age": -1, "name": "x"}]}).status == 422
    assert careful.post("/predict", {"rows": [{"age": 160, "name": "x"}]}).status == 500
    assert careful.post("/predict", {"rows": [{"age": 3, "name": "x"}]}).status == 200


def test_nan_in_answers_is_null(careful: Client):
    assert careful.post("/predict", {"rows": [{"age": 0, "name": "x"}]}).json["predictions"] == [None]


def test_numbers_are_exact(careful: Client):
    answer = careful.post("/predict", {"rows": [{"age": 3, "name": "x"}]})
    assert answer.json["predictions"] == [3 * 0.1]
    assert json.loads(encode([math.pi, 1e-300, 2**60])) == [math.pi, 1e-300, 2**60]
