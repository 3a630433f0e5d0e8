"""Asking an endpoint, and comparing its answers with the notebook's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from nbprod.core.errors import DeployError, UsageError
from nbprod.serving.formats import read_manifest, read_sample, sample_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.serving.formats import Sample

PIECE = 100
SECONDS = 60
FORM_TYPES = {"long": "number", "integer": "number", "double": "number", "float": "number", "boolean": "boolean"}


def predict(url: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Send rows to an endpoint and return its answer; raises `DeployError` with what it says is wrong."""
    return ask(url, {"rows": list(rows)})


def ask(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Send a `/predict` body to an endpoint and return its answer."""
    if not url.startswith(("http://", "https://")):
        raise UsageError("NB912", f"{url} is no endpoint's URL", "it starts with http:// or https://")
    content = json.dumps(body, allow_nan=False, default=str).encode()
    request = Request(f"{url.rstrip('/')}/predict", content, {"content-type": "application/json"})  # noqa: S310 (checked)
    try:
        with opener(url).open(request, timeout=SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
    except HTTPError as error:
        raise _problem(error, url) from error
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DeployError("NB726", f"{url} does not answer: {reason}", "see nbprod endpoints") from error
    return answer


def compare(model: str, url: str) -> dict[str, Any]:
    """Ask an endpoint for the recorded rows of a model directory and compare with the notebook's own predictions.

    Returns
    -------
    dict
        `equal`, `rows` (how many were compared), `equal_rows`, `worst_difference`, `first_unequal`, `detail` (in
        words), `row` (the first one).
    """
    from nbprod.serving.evidence import compare as compared

    sample = read_sample(model)
    if sample is None or not sample["data"]:
        raise DeployError("NB727", f"the model {model} has no recorded rows", "run its notebook again")
    predictions: list[Any] = []
    probabilities: list[Any] = []
    for answer in (ask(url, {"columns": columns}) for columns in _pieces(sample)):
        predictions += answer["predictions"]
        probabilities += answer.get("probabilities", [])
    evidence = compared(sample, predictions, probabilities or None)
    first = {name: values[0] for name, values in sample_columns(sample, 1).items()}
    return {**evidence, "detail": _worded(evidence), "row": first}


def sample_of(model: str) -> dict[str, Any]:
    """Return the recorded rows of a model directory, with the notebook's own predictions, as a form shows them.

    Returns
    -------
    dict
        `columns` (`name`, and `type`: `number`, `boolean` or `string`), `rows`, `predictions`, `probabilities`.
    """
    manifest = read_manifest(model)
    found = read_sample(model, manifest)
    if found is None:
        raise DeployError("NB727", f"the model {model} has no recorded rows", "run its notebook again")
    return {
        "columns": [
            {"name": item["name"], "type": FORM_TYPES.get(item["type"], "string")} for item in manifest["inputs"]
        ],
        "rows": [dict(zip(found["columns"], row, strict=True)) for row in found["data"]],
        "predictions": found["predictions"],
        "probabilities": found["probabilities"],
    }


def _pieces(sample: Sample) -> list[dict[str, list[Any]]]:
    columns = sample_columns(sample)
    count = len(sample["data"])
    return [
        {name: values[start : start + PIECE] for name, values in columns.items()} for start in range(0, count, PIECE)
    ]


def _worded(evidence: Mapping[str, Any]) -> str:
    if evidence["equal"]:
        return ""
    unequal = evidence["rows"] - evidence["equal_rows"]
    first = evidence["first_unequal"][0]
    seen = f"row {first['row']}: {first['notebook']!r} in the notebook, {first['endpoint']!r} here"
    return f"({unequal} differ; {seen})"


def opener(url: str) -> Any:
    """Return what opens an endpoint's URL: a proxy for the outer world must not swallow what goes to this machine."""
    local = url.startswith(("http://127.", "http://localhost", "http://[::1]"))
    return build_opener(ProxyHandler({})) if local else build_opener()


def _problem(error: HTTPError, url: str) -> DeployError:
    try:
        said = json.loads(error.read())
        detail = said["detail"]
    except (ValueError, KeyError, TypeError):
        return DeployError("NB726", f"{url} answered {error.code} {error.reason}", "see nbprod logs")
    faults = [f"{item['field']}: expected {item['expected']}, got {item['got']}" for item in said.get("errors", [])]
    return DeployError("NB728", f"{url} refused the request: {detail}", "\n  ".join(faults[1:6]) or f"see {url}/docs")


def ready(url: str) -> bool:
    """Whether an endpoint says that it can be asked."""
    try:
        with opener(url).open(f"{url}/readyz", timeout=2) as response:
            return bool(response.status == 200)
    except (HTTPError, URLError, OSError):
        return False
