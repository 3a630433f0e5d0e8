"""What of the extension outlives a request: threads, the watcher, the queue of drafts, MLflow's pages, a client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.server.drafts import Drafts
from nbprod.interfaces.server.events import SCHEMA_ID, Watcher
from nbprod.interfaces.server.mlflow import Mlflow

if TYPE_CHECKING:
    import asyncio

THREADS = 8
CLIENTS = 16
MOST_ANSWERED = 256_000_000
"""Bytes of one answer of a server behind this one."""


class Extension:
    """One for each server.

    Parameters
    ----------
    loop
        The server's own.
    settings
        Those of the server's web application.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: dict[str, Any]) -> None:
        events, active = settings["event_logger"], settings.get("last_activity_times", {})
        self.threads = ThreadPoolExecutor(THREADS, "nbprod")
        self.drafts = Drafts()
        self.mlflow = Mlflow()
        self._client: Any = None
        self.changes = Watcher(
            loop,
            lambda data: events.emit(schema_id=SCHEMA_ID, data=data),
            # a hub ends servers that seem idle, and what they started with them
            lambda: active.update(nbprod=datetime.now(UTC)),
        )

    @property
    def client(self) -> Any:
        """What asks the servers behind this one; it heeds no proxy of the outer world."""
        if self._client is None:
            from tornado.simple_httpclient import SimpleAsyncHTTPClient

            self._client = SimpleAsyncHTTPClient(
                force_instance=True, max_clients=CLIENTS, max_body_size=MOST_ANSWERED, max_buffer_size=MOST_ANSWERED
            )
        return self._client

    def close(self) -> None:
        """End what would go on."""
        self.changes.close()
        self.mlflow.close()
        if self._client is not None:
            self._client.close()
        self.threads.shutdown(wait=False, cancel_futures=True)
