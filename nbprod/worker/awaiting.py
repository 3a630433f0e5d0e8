"""Cells that await, in an event loop that seems to run all the time, as a kernel's does."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


class Runner:
    """What IPython has run a cell that awaits; its name is what `%autoawait` shows."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def __str__(self) -> str:
        return "asyncio"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let the loop seem to run: a cell may ask for it, and cannot run another one."""
        self._seem(running=True)
        try:
            yield
        finally:
            self._seem(running=False)

    def close(self) -> None:
        """Close the loop, which nothing runs in."""
        asyncio.set_event_loop(None)
        self._loop.close()

    def turn(self) -> None:
        """Give tasks that cells began a turn."""
        self._loop.call_soon(self._loop.stop)
        self._loop.run_forever()

    def __call__(self, cell: Coroutine[Any, Any, Any]) -> Any:
        """Run a cell that awaits; variables of context it sets stay set."""
        seemed = asyncio._get_running_loop() is not None
        self._seem(running=False)
        context = contextvars.copy_context()
        task = self._loop.create_task(cell, context=context)
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            self._loop.run_until_complete(asyncio.wait([task]))
            raise
        finally:
            for variable, value in context.items():
                variable.set(value)
            self._seem(running=seemed)

    def _seem(self, *, running: bool) -> None:
        asyncio._set_running_loop(self._loop if running else None)
        if isinstance(self._loop, asyncio.BaseEventLoop):
            self._loop._thread_id = threading.get_ident() if running else None  # type: ignore[attr-defined]
