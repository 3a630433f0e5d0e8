"""The prediction log: typed lines, rotation, nothing in a request's way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from asgi import Client

from nbprod.serving.app import App, Settings
from nbprod.serving.predictionlog import Entry, PredictionLog

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.serving.model import LoadedModel

ROW = {"tenure": 12, "monthly": 50, "plan": "pro", "paperless": True}


def test_lines_hold_what_was_asked_and_answered(churn: LoadedModel, tmp_path: Path):
    log = PredictionLog(tmp_path / "log", {"name": "churn", "version": "4"})
    client = Client(App(churn, Settings("churn", "4", log)))
    asked = client.post("/predict", {"rows": [ROW, {**ROW, "monthly": None, "more": 1}]}).json
    client.post("/invocations", {"dataframe_records": [ROW]})
    client.post("/predict", {"rows": [{}]})
    log.close()
    first, second = [json.loads(line) for line in (tmp_path / "log" / "predictions.jsonl").read_text().splitlines()]
    assert first["request_id"] == asked["request_id"]
    assert first["columns"] == {
        "tenure": [12, 12],
        "monthly": [50.0, None],
        "plan": ["pro", "pro"],
        "paperless": [True, True],
    }
    assert isinstance(first["columns"]["monthly"][0], float)
    assert (first["predictions"], first["probabilities"]) == (asked["predictions"], asked["probabilities"])
    assert first["model"] == {"name": "churn", "version": "4"}
    assert second["route"] == "/invocations"


def test_files_are_put_aside_when_large_and_a_full_queue_drops(tmp_path: Path):
    log = PredictionLog(tmp_path, {"name": "m"}, room=1, most_bytes=1)
    entry = Entry(0.0, "id", "/predict", {"x": [1]}, [1], None)
    for _ in range(2000):
        log.put(entry)
    log.close()
    kept = [line for file in tmp_path.glob("predictions-*.jsonl") for line in file.read_text().splitlines()]
    assert log.dropped + len(kept) >= 2000 or len(list(tmp_path.glob("predictions-*.jsonl"))) == 20
    assert log.dropped > 0


def test_an_unwritable_folder_costs_no_answer(churn: LoadedModel, tmp_path: Path):
    log = PredictionLog(tmp_path / "log", {"name": "churn"})
    (tmp_path / "log" / "predictions.jsonl").mkdir()
    client = Client(App(churn, Settings("churn", None, log)))
    assert client.post("/predict", {"rows": [ROW]}).status == 200
    log.close()
    assert log.dropped == 1
    assert "nbprod_prediction_log_dropped_total 1" in client.get("/metrics").body.decode()
