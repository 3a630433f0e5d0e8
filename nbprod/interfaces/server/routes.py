"""The table of routes."""

from __future__ import annotations

from typing import Any

from nbprod.interfaces.server import handlers as to

ROOT = "nbprod/api"
ID = r"(?P<operation>[0-9a-f]{4,32})"
RUN = r"(?P<run_id>[0-9a-f]{4,32})"
NAME = r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)"
STAGE = r"(?P<stage>[A-Za-z_][A-Za-z0-9_-]*)"

TABLE: tuple[tuple[str, Any], ...] = (
    ("status", to.Status),
    ("pipeline", to.Pipeline),
    ("suggestion", to.Suggestion),
    ("runs", to.Runs),
    (f"runs/{RUN}", to.OneRun),
    (f"runs/{RUN}/stop", to.StopRun),
    (f"runs/{RUN}/notebook/{STAGE}", to.StageNotebook),
    ("run", to.StartRun),
    ("deploy", to.StartDeploy),
    ("verify", to.StartVerify),
    (f"operations/{ID}", to.OneOperation),
    ("endpoints", to.Endpoints),
    (f"endpoints/{NAME}", to.OneEndpoint),
    (f"endpoints/{NAME}/predict", to.Predict),
    (f"endpoints/{NAME}/sample", to.Sample),
    ("(.*)", to.Unknown),
)


def routes(base_url: str) -> list[tuple[str, Any]]:
    """Return patterns and handlers below the server's own base URL."""
    from jupyter_server.utils import url_path_join

    return [(url_path_join(base_url, ROOT, pattern) + "/?$", handler) for pattern, handler in TABLE]
