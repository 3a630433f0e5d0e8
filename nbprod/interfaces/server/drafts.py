"""What an editor holds is analysed as it is typed: one analysis at a time a notebook, none that nobody waits for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable


class OvertakenError(Exception):
    """A newer request for the same notebook came before this one's turn, or whoever asked is gone."""


@dataclass(slots=True)
class _Queue:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: int = 0
    waiting: int = 0


class Drafts:
    """Requests about notebooks as editors hold them, by notebook."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, _Queue] = {}

    async def answer(
        self, notebook: Hashable, work: Callable[[], Awaitable[Any]], *, wanted: Callable[[], bool], last: bool = True
    ) -> Any:
        """Return what `work` returns, when no other work on the notebook goes on.

        Parameters
        ----------
        notebook
            What the work is about.
        work
            Begins the work; it may not end before its result is there.
        wanted
            Whether somebody still waits for the answer.
        last
            Whether the newest such request is the only one that matters.

        Raises
        ------
        OvertakenError
            The work was not begun.
        """
        queue = self._queues.setdefault(notebook, _Queue())
        queue.newest += last
        mine = queue.newest
        queue.waiting += 1
        try:
            async with queue.turn:
                if not wanted() or (last and mine != queue.newest):
                    raise OvertakenError
                return await work()
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                self._queues.pop(notebook, None)
