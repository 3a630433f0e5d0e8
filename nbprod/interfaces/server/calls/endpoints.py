"""What is deployed from the project: asked, tried, watched, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod import api
from nbprod.interfaces.server import views

if TYPE_CHECKING:
    from nbprod.interfaces.server.asked import Asked

SAMPLES = 20
LINES = 200


def of(asked: Asked) -> list[dict[str, Any]]:
    """Return the endpoints of the notebook's project."""
    return [views.endpoint(item) for item in api.endpoints(asked.notebook)]


def endpoints(asked: Asked) -> dict[str, Any]:
    """Return the endpoints of the notebook's project."""
    return {"endpoints": of(asked)}


def targets(asked: Asked) -> dict[str, Any]:
    """Return where a model can be put, and what the others lack."""
    return {"targets": api.targets(asked.notebook)}


def stop(asked: Asked) -> dict[str, Any]:
    """Stop an endpoint."""
    api.stop_endpoint(asked.names["name"], asked.notebook)
    asked.emit("endpoints", asked.names["name"])
    return {"endpoint": asked.names["name"]}


def predict(asked: Asked) -> dict[str, Any]:
    """Return an endpoint's answer for rows; an endpoint is named, never addressed."""
    return api.predict(asked.names["name"], asked.given["rows"], asked.notebook)


def sample(asked: Asked) -> dict[str, Any]:
    """Return a few recorded rows of an endpoint's model, and what the notebook predicted for them."""
    found = api.sample(asked.names["name"], asked.notebook)
    return {"columns": found["columns"]} | {key: found[key][:SAMPLES] for key in ("rows", "predictions")}


def health(asked: Asked) -> dict[str, Any]:
    """Return state, counts and latencies of an endpoint."""
    return api.health(asked.names["name"], asked.notebook)


def versions(asked: Asked) -> dict[str, Any]:
    """Return what an endpoint served so far, newest first."""
    return {"versions": api.versions(asked.names["name"], asked.notebook)}


def logs(asked: Asked) -> dict[str, Any]:
    """Return the last lines an endpoint wrote."""
    return {"log": api.endpoint_logs(asked.names["name"], asked.notebook, LINES)}


def drift(asked: Asked) -> dict[str, Any]:
    """Return what an endpoint was asked against what its model was made from."""
    return api.monitor(asked.names["name"], asked.notebook)
