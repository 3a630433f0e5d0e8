"""Checkpoints: what changes is saved soon, but not at every change, so that saving stays cheap."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE_SECONDS = 1.0
SHARE = 20
"""Between two savings at least so many times what one takes passes: at most 5 % of the time goes into them."""


class Checkpoints:
    """Saves soon after a change, from a thread of its own, while `lock` is held.

    Parameters
    ----------
    save
        Saves; what it raises ends nothing, as the last saving is done elsewhere.
    """

    def __init__(self, save: Callable[[], object]) -> None:
        self.lock = threading.RLock()
        self._save = save
        self._next = time.monotonic() + PAUSE_SECONDS
        self._timer: threading.Timer | None = None

    def changed(self) -> None:
        """Say that there is something to save; the caller holds `lock`."""
        if self._timer is None:
            self._timer = threading.Timer(max(0.0, self._next - time.monotonic()), self._due)
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> None:
        """Save no more; a saving that is under way is waited for."""
        with self.lock:
            self._next = float("inf")
            if self._timer is not None:
                self._timer.cancel()

    def _due(self) -> None:
        with self.lock:
            if self._next == float("inf"):
                return
            self._timer = None
            began = time.monotonic()
            with contextlib.suppress(Exception):  # a full disk, a store that is away: the end of the run tells
                self._save()
            now = time.monotonic()
            self._next = now + max(PAUSE_SECONDS, SHARE * (now - began))
