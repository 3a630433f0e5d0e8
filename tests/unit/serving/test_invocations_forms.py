"""`/invocations` takes what MLflow's scoring server takes and answers as it does."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from asgi import Client

ROW = {"tenure": 12, "monthly": 50.5, "plan": "pro", "paperless": True}
SPLIT = {"columns": list(ROW), "data": [list(ROW.values()), list(ROW.values())], "index": [0, 1]}


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": {"columns": list(ROW)[::-1], "data": [list(ROW.values())[::-1]] * 2}},
        {"dataframe_records": [ROW, ROW]},
        {"instances": [ROW, ROW]},
        {"inputs": {name: [value, value] for name, value in ROW.items()}},
        {"inputs": {name: [[value], [value]] for name, value in ROW.items()}},
        {"inputs": [ROW, ROW], "params": {}},
    ],
)
def test_forms_of_a_table(client: Client, body: dict[str, object]):
    answer = client.post("/invocations", body)
    assert answer.status == 200
    assert answer.json == {"predictions": ["yes", "yes"]}


def test_the_serving_example_mlflow_would_send(client: Client, models: dict[str, Path]):
    example = (models["churn"] / "serving_input_example.json").read_bytes()
    assert len(client.post("/invocations", example).json["predictions"]) == 5


@pytest.mark.parametrize("text", ["12,50.5,pro,True\n", "12,,pro,true\r\n", "12,nan,pro,True"])
def test_csv(client: Client, text: str):
    answer = client.post("/invocations", f"tenure,monthly,plan,paperless\n{text}".encode(), "text/csv")
    assert answer.status == 200
    assert len(answer.json["predictions"]) == 1


def test_nan_as_python_writes_it(client: Client):
    body = json.dumps({"dataframe_records": [{**ROW, "monthly": float("nan")}]}).encode()
    assert client.post("/invocations", body).status == 200


@pytest.mark.parametrize(
    "body", [{"instances": [[1, 2, 3]]}, {"inputs": [[1.0, 2.0, 3.0]]}, {"dataframe_split": {"data": [[1, 2, 3]]}}]
)
def test_forms_of_an_array(linear: Client, body: dict[str, object]):
    assert linear.post("/invocations", body).json["predictions"] == pytest.approx([-1.5])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ([ROW], 400),
        ({}, 400),
        ({"rows": [ROW]}, 400),
        ({"instances": [ROW], "inputs": [ROW]}, 400),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, 400),
        ({"dataframe_split": [1]}, 400),
        ({"dataframe_split": {**SPLIT, "columns": ["a", "b", "c", "d"]}}, 422),
        ({"dataframe_records": [{**ROW, "tenure": "x"}]}, 422),
        ({"inputs": {"tenure": [1, 2]}}, 422),
        ({"instances": [1, 2]}, 400),
    ],
)
def test_misfits_have_mlflows_words_too(client: Client, body: object, status: int):
    answer = client.post("/invocations", body)
    assert answer.status == status
    assert answer.json["error_code"] == "BAD_REQUEST"
    assert answer.json["message"]


def test_csv_misfits(client: Client):
    head = b"tenure,monthly,plan,paperless\n"
    assert client.post("/invocations", b"", "text/csv").status == 400
    assert client.post("/invocations", head + b"1,2\n", "text/csv").status == 400
    assert client.post("/invocations", head + b"\xff,2,pro,True\n", "text/csv").status == 400
    wrong = client.post("/invocations", head + b"x,2,pro,True\n", "text/csv")
    assert wrong.errors == [("csv.tenure[0]", "integer", 'string "x"')]
    assert client.post("/invocations", b"<a/>", "text/xml").status == 415


def test_small_routes(client: Client):
    for path in ("/ping", "/health"):
        assert (client.get(path).status, client.get(path).body) == (200, b"\n")
    assert client.get("/version").body.decode() == version("mlflow")
