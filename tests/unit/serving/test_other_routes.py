"""Health, metrics, the page, OpenAPI, and the Open Inference Protocol."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import jsonschema
import pytest
from asgi import Client

from nbprod.serving.app import App, Settings

if TYPE_CHECKING:
    from nbprod.serving.model import LoadedModel

ROW = {"tenure": 12, "monthly": 50.5, "plan": "pro", "paperless": True}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/v2/models/churn/ready"])
def test_healthy(client: Client, path: str):
    assert client.get(path).status == 200
    assert client.send("HEAD", path, b"", {}).body == b""


def test_metrics_count_by_route_and_status(client: Client):
    client.post("/predict", {"rows": [ROW, ROW]})
    client.post("/predict", {"rows": [{}]})
    client.get("/secret-path-of-a-scanner")
    text = client.get("/metrics").body.decode()
    assert 'nbprod_requests_total{route="/predict",status="200"} 1' in text
    assert 'nbprod_requests_total{route="/predict",status="422"} 1' in text
    assert 'nbprod_requests_total{route="other",status="404"} 1' in text
    assert 'nbprod_request_seconds_bucket{route="/predict",le="+Inf"} 2' in text
    assert "nbprod_predicted_rows_total 2" in text
    assert 'nbprod_model_info{name="churn",version="4",run="8c21aa00"} 1' in text
    assert all(re.fullmatch(r"#.*|[a-z_]+(\{.*\})? \S+", line) for line in text.splitlines())


def test_openapi_describes_what_is_answered(client: Client):
    described = client.get("/openapi.json").json
    assert described["openapi"].startswith("3.1")
    schemas = described["components"]["schemas"]
    resolved = {"$defs": schemas}

    def valid(value: object, name: str) -> None:
        text = json.dumps({**resolved, "$ref": f"#/$defs/{name}"}).replace("#/components/schemas/", "#/$defs/")
        schema = json.loads(text)
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)

    example = described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    valid(example, "Request")
    valid(client.post("/predict", example).json, "Answer")
    valid(client.post("/predict", {"rows": [{}]}).json, "Problem")
    with pytest.raises(jsonschema.ValidationError):
        valid({"rows": [{**ROW, "tenure": "x"}]}, "Request")


def test_page_stands_alone_and_shows_the_example(churn: LoadedModel):
    churn.manifest["notebook"] = "</script><b>.ipynb"
    page = Client(App(churn, Settings("churn", "<4>"))).get("/docs").body.decode()
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"""(src|href)=["']https?://""", page)
    assert "<b>.ipynb" not in page
    assert "version &lt;4&gt;" in page
    facts = re.search(r'<script type="application/json" id="facts">(.*?)</script>', page, re.S)
    fields = {field["name"]: field for field in json.loads(facts[1])["fields"]}
    assert fields["plan"]["choices"] == ["basic", "pro", "team"]
    assert fields["tenure"]["value"] == churn.sample["data"][0][0]
    assert not re.search(r"@[A-Z]+@", page)


def test_inference_protocol(client: Client, linear: Client):
    about = client.get("/v2/models/churn").json
    assert [(item["name"], item["datatype"]) for item in about["inputs"]] == [
        ("tenure", "INT64"),
        ("monthly", "FP64"),
        ("plan", "BYTES"),
        ("paperless", "BOOL"),
    ]
    inputs = [
        {"name": item["name"], "shape": [1], "datatype": item["datatype"], "data": [ROW[item["name"]]]}
        for item in about["inputs"]
    ]
    answer = client.post("/v2/models/churn/infer", {"id": "7", "inputs": inputs}).json
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("churn", "4", "7")
    first, second = answer["outputs"]
    assert (first["name"], first["shape"], first["data"]) == ("predictions", [1], ["yes"])
    assert (second["name"], second["shape"], second["datatype"]) == ("probabilities", [1, 2], "FP64")

    tensor = {"name": "X", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3, 4, 5, 6]}
    assert linear.post("/v2/models/linear/infer", {"inputs": [tensor]}).json["outputs"][0]["data"] == pytest.approx(
        [-1.5, -3.0]
    )
    nested = {**tensor, "data": [[1, 2, 3], [4, 5, 6]]}
    assert linear.post("/v2/models/linear/infer", {"inputs": [nested]}).status == 200


@pytest.mark.parametrize(
    "tensor",
    [
        {},
        {"name": "X", "shape": [2, 3], "data": [1]},
        {"name": "X", "shape": [1, 2], "data": [1, 2]},
        {"name": "X", "shape": "x", "data": [1]},
        {"name": "0", "shape": [1], "data": ["x"]},
    ],
)
def test_inference_misfits(linear: Client, tensor: dict[str, object]):
    assert linear.post("/v2/models/linear/infer", {"inputs": [tensor]}).status in (400, 422)
    assert linear.post("/v2/models/linear/infer", {"inputs": []}).status == 400
    assert linear.post("/v2/models/linear/infer", b"{").status == 400
