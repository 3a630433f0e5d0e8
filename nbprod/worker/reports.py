"""Intermediate values that cells report, passed on to whoever drives the stage; nobody listens in a plain notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .display import Sink

_sinks: list[Sink] = []


def connect(sink: Sink) -> None:
    """Pass reports on to `sink` from now on."""
    _sinks[:] = [sink]


def report(value: float, step: int) -> None:
    """Report the metric that is being worked on, as it stands at a step."""
    number, place = float(value), int(step)
    for sink in _sinks:
        sink.event({"event": "report", "index": sink.index, "value": number, "step": place})
