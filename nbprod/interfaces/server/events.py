"""Hints for whoever has a notebook open: something of it changed, ask for the state. One that is lost does no harm."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.interfaces.server.operation import Work

SCHEMA_ID = "https://nbprod.dev/events/changed"
SCHEMA: dict[str, Any] = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "Something of a notebook changed",
    "description": "A hint to ask for the state again: a run, an operation, the endpoints or the schedules.",
    "type": "object",
    "required": ["path", "what", "id"],
    "additionalProperties": False,
    "properties": {
        "path": {"type": "string", "description": "The notebook's path relative to the server's root."},
        "what": {"enum": ["run", "operation", "endpoints", "schedules"]},
        "id": {"type": "string", "description": "Of the run or operation, or the name of the endpoint or schedule."},
    },
}
EVERY = 0.15
"""Seconds between two looks at the files of work that goes on."""

WATCHED = ("run.json", "steps.jsonl", "out")
Stamp = tuple[tuple[int, int] | None, ...]


@dataclass(slots=True)
class _Followed:
    path: str
    what: str
    work: Work
    seen: Stamp = field(default=())

    def look(self) -> tuple[bool, bool]:
        """Return whether anything changed since the last look, and whether the work goes on."""
        alive = self.work.alive  # asked first: what an ended process wrote is seen below
        before, self.seen = self.seen, self._stamp()
        return before != self.seen, alive

    def _stamp(self) -> Stamp:
        folder = self.work.folder
        files = [folder / name for name in WATCHED]
        if self.work.kind == "sweep":
            files.append(folder.parent.parent / "sweeps" / f"{self.work.id}.json")
        found: list[tuple[int, int] | None] = []
        for file in files:
            stat = None
            with suppress(OSError):
                stat = file.stat()
            found.append((stat.st_mtime_ns, stat.st_size) if stat else None)
        return tuple(found)


class Watcher:
    """Tells of changes of work that goes on, by its files; sleeps when none does.

    Parameters
    ----------
    loop
        The server's own.
    emit
        Sends a hint, on that loop.
    busy
        Is told, again and again, that work goes on.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, emit: Callable[[dict[str, str]], Any], busy: Callable[[], Any]
    ) -> None:
        self._loop = loop
        self._emit = emit
        self._busy = busy
        self._followed: dict[tuple[str, str], _Followed] = {}
        self._task: asyncio.Task[None] | None = None

    def emit(self, path: str, what: str, name: str) -> None:
        """Tell that something of a notebook changed; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._emit, {"path": path, "what": what, "id": name})

    def follow(self, path: str, what: str, work: Work) -> None:
        """Tell of each change of long work until it is over; may be called from any thread, and more than once."""
        if (path, work.id) not in self._followed:
            self._loop.call_soon_threadsafe(self._add, _Followed(path, what, work))

    def close(self) -> None:
        """Watch nothing any more."""
        if self._task is not None:
            self._task.cancel()

    def _add(self, item: _Followed) -> None:
        self._followed.setdefault((item.path, item.work.id), item)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while self._followed:
            self._busy()
            for key, item in list(self._followed.items()):
                # files on a network may take their time
                changed, alive = await self._loop.run_in_executor(None, item.look)
                if changed or not alive:
                    self._emit({"path": item.path, "what": item.what, "id": item.work.id})
                if not alive:
                    del self._followed[key]
                    self._ended(item)
            await asyncio.sleep(EVERY)

    def _ended(self, item: _Followed) -> None:
        if item.work.kind == "deploy":
            self._emit({"path": item.path, "what": "endpoints", "id": item.work.id})
