"""The prediction log: one JSON line a request, written by a thread of its own, never in a request's way."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .answers import encode

if TYPE_CHECKING:
    from pathlib import Path

CURRENT = "predictions.jsonl"
KEPT_FILES = 20
logger = logging.getLogger("nbprod.serving")


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered request."""

    time: float
    request_id: str
    route: str
    columns: dict[str, list[Any]]
    predictions: list[Any]
    probabilities: list[Any] | None

    def line(self, model: dict[str, Any]) -> bytes:
        """Return the entry as a line of JSON; columns keep the types of the request."""
        body = {
            "time": datetime.fromtimestamp(self.time, UTC).isoformat(),
            "request_id": self.request_id,
            "route": self.route,
            "model": model,
            "columns": self.columns,
            "predictions": self.predictions,
            "probabilities": self.probabilities,
        }
        return encode(body) + b"\n"


class PredictionLog:
    """Appends entries to `predictions.jsonl`, and starts a new file when it grows large.

    Parameters
    ----------
    folder
        Where the files are; created when missing.
    model
        Name and version, written with every entry.
    room
        Entries that may wait; more are dropped and counted.
    most_bytes
        Size at which a file is put aside.
    """

    def __init__(self, folder: Path, model: dict[str, Any], *, room: int = 10_000, most_bytes: int = 64 << 20) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.model = model
        self.dropped = 0
        self._most_bytes = most_bytes
        self._queue: queue.Queue[Entry | None] = queue.Queue(room)
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Hand an entry over; never waits."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what is waiting and end."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (entries := self._batch()) is not None:
            try:
                self._write(entries)
            except OSError as error:
                self.dropped += len(entries)
                logger.warning("prediction log %s cannot be written: %s", self.folder, error)

    def _batch(self) -> list[Entry] | None:
        first = self._queue.get()
        if first is None:
            return None
        entries = [first]
        while len(entries) < 1000 and not self._queue.empty():
            item = self._queue.get()
            if item is None:
                self._queue.put(None)
                break
            entries.append(item)
        return entries

    def _write(self, entries: list[Entry]) -> None:
        file = self.folder / CURRENT
        with file.open("ab") as stream:
            stream.write(b"".join(entry.line(self.model) for entry in entries))
            size = stream.tell()
        if size >= self._most_bytes:
            file.rename(self.folder / f"predictions-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.jsonl")
            for old in sorted(self.folder.glob("predictions-*.jsonl"))[:-KEPT_FILES]:
                old.unlink(missing_ok=True)
