"""MLflow's own pages of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nbprod.config import Project
from nbprod.interfaces.server.mlflow import on_this_machine

if TYPE_CHECKING:
    from nbprod.interfaces.server.asked import Asked

THROUGH = "nbprod/mlflow"


def start(asked: Asked) -> dict[str, Any]:
    """Start MLflow's pages and return their address below the base URL, or that of the tracking server in use."""
    url = asked.mlflow.url(Project.find(asked.notebook))
    return {"url": f"{THROUGH}/{quote(asked.path)}/-/" if on_this_machine(url) else url}
