"""The Jupyter server extension: REST under `/nbprod/api/`, thin over `nbprod.api`.

The short verbs run in threads; runs, deployments and other long work are processes of their own whose state is read
from the files they write, so that they outlive the browser and the server.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbprod.interfaces.server"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Add the routes to a starting server."""
    from nbprod.interfaces.server.events import SCHEMA
    from nbprod.interfaces.server.routes import routes

    serverapp.event_logger.register_event_schema(SCHEMA)
    serverapp.web_app.add_handlers(".*$", routes(serverapp.web_app.settings["base_url"]))
    serverapp.log.info("nbprod: REST under %snbprod/api/", serverapp.web_app.settings["base_url"])
