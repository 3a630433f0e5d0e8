"""What of the extension outlives a request: threads, the watcher, the queue of drafts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.server.drafts import Drafts
from nbprod.interfaces.server.events import SCHEMA_ID, Watcher

if TYPE_CHECKING:
    import asyncio

THREADS = 8


class Extension:
    """One for each server.

    Parameters
    ----------
    loop
        The server's own.
    events
        The server's event logger.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, events: Any) -> None:
        self.threads = ThreadPoolExecutor(THREADS, "nbprod")
        self.drafts = Drafts()
        self.changes = Watcher(loop, lambda data: events.emit(schema_id=SCHEMA_ID, data=data))

    def close(self) -> None:
        """End what would go on."""
        self.changes.close()
        self.threads.shutdown(wait=False, cancel_futures=True)
