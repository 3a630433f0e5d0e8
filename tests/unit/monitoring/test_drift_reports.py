"""Drift: shifted streams are seen, equal ones are not, whatever their size."""

from __future__ import annotations

import json
import random
from math import inf
from pathlib import Path

import pytest

from nbprod import monitoring, plugins
from nbprod.config import Project
from nbprod.core.errors import MonitorError
from nbprod.core.model import Endpoint
from nbprod.monitoring.psi import PsiMonitor, index


def stream(count: int, seed: int, shift: float = 0.0, plans: str = "aaab") -> list[dict[str, object]]:
    draw = random.Random(seed)
    return [
        {
            "x": draw.gauss(shift, 1) if draw.random() > 0.1 else None,
            "plan": draw.choice(plans),
            "flag": draw.random() < 0.5,
        }
        for _ in range(count)
    ]


def reference(rows: list[dict[str, object]]) -> dict[str, object]:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {"columns": columns, "types": {"x": "double", "plan": "string", "flag": "boolean"}}


@pytest.mark.parametrize("count", [50, 200, 5000])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_world_is_stable(count: int, seed: int):
    assert PsiMonitor().report(reference(stream(500, 100)), stream(count, seed))["verdict"] == "stable"


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (stream(300, 1, shift=1.5), "x"),
        (stream(300, 1, plans="bbba"), "plan"),
        (stream(300, 1, plans="aacb"), "plan"),
        ([{**row, "x": None} for row in stream(300, 1)], "x"),
        ([{**row, "flag": True} for row in stream(300, 1)], "flag"),
    ],
)
def test_a_shifted_stream_drifts(rows: list[dict[str, object]], name: str):
    found = PsiMonitor().report(reference(stream(500, 100)), rows)
    assert found["verdict"] == "drift"
    assert found["features"][0]["name"] == name
    assert [item["name"] for item in found["features"] if item["drift"]] == [name]
    bins = found["features"][0]["bins"]
    assert sum(item["reference"] for item in bins) == pytest.approx(1)
    assert sum(item["observed"] for item in bins) == pytest.approx(1)
    json.dumps(found, allow_nan=False)


def test_few_rows_are_no_evidence():
    found = PsiMonitor().report(reference(stream(500, 100)), stream(10, 1, shift=9))
    assert found["verdict"] == "too few rows"
    assert not any(item["drift"] for item in found["features"])
    assert PsiMonitor().report(reference(stream(500, 100)), [])["verdict"] == "too few rows"


def test_index_is_finite_and_zero_for_equals():
    assert index([5, 5], [50, 50]) == pytest.approx(0, abs=1e-2)
    assert 0 < index([10, 0], [0, 10]) < inf
    assert index([], []) == 0


@pytest.fixture
def endpoint(models: dict[str, Path], tmp_path: Path) -> Endpoint:
    detail = {"predictions": str(tmp_path / "log"), "model_path": str(models["churn"])}
    return Endpoint("churn", "http://127.0.0.1:1", "local", "churn", detail=detail)


def write_log(folder: Path, shift: int) -> None:
    folder.mkdir(exist_ok=True)
    draw = random.Random(0)
    lines = [
        {
            "time": f"2026-11-20T09:{number:02}:00+00:00",
            "columns": {
                "tenure": [draw.randint(1, 71) + shift for _ in range(20)],
                "monthly": [draw.gauss(60, 20) if draw.random() > 0.06 else None for _ in range(20)],
                "plan": [draw.choice(["basic", "pro", "team"]) for _ in range(20)],
                "paperless": [draw.random() < 0.5 for _ in range(20)],
            },
            "predictions": [draw.choice(["no", "yes"]) for _ in range(20)],
        }
        for number in range(10)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "predictions-20261120T091000.000000Z.jsonl").write_text(text)
    (folder / "predictions.jsonl").write_text(text + '{"time": "2026-')


def test_report_of_an_endpoint(project: Path, endpoint: Endpoint):
    found = Project.find(project)
    assert monitoring.report(found, endpoint)["rows"] == 0
    write_log(Path(endpoint.detail["predictions"]), 0)
    calm = monitoring.report(found, endpoint)
    assert (calm["rows"], calm["verdict"], calm["since"]) == (400, "stable", "2026-11-20T09:00:00+00:00")
    assert {item["name"] for item in calm["features"]} == {"tenure", "monthly", "plan", "paperless", "prediction"}
    write_log(Path(endpoint.detail["predictions"]), 40)
    moved = monitoring.report(found, endpoint)
    assert moved["verdict"] == "drift"
    assert [item["name"] for item in moved["features"] if item["drift"]] == ["tenure"]


def test_endpoints_without_a_log_say_so(project: Path, endpoint: Endpoint):
    with pytest.raises(MonitorError, match="no prediction log"):
        monitoring.report(Project.find(project), Endpoint("x", "http://x", "docker", "x"))
    lost = Endpoint("x", "http://x", "local", "x", detail={"predictions": "log", "model_path": str(project)})
    with pytest.raises(MonitorError, match=r"no nbprod\.json"):
        monitoring.report(Project.find(project), lost)


def test_the_monitor_is_a_plug_in():
    assert plugins.monitor("psi").name == "psi"
    assert {plugins.target(name).name for name in ("local", "docker")} == {"local", "docker"}
