"""Rich output, as a kernel would send it: nbformat outputs handed to a sink."""

from __future__ import annotations

import base64
import math
import numbers
from json import dumps as to_json  # bound here: cells may patch the module
from typing import TYPE_CHECKING, Any, Protocol

from IPython.core.displayhook import DisplayHook  # noqa: TID253 - imported only where cells are run
from IPython.core.displaypub import DisplayPublisher  # noqa: TID253 - imported only where cells are run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .comms import Taking


class Sink(Protocol):
    """Takes outputs in order; `capture.Capture` is one."""

    index: int
    widget: Taking | None

    def output(self, output: dict[str, Any]) -> None:
        """Take an nbformat output of the current cell."""

    def event(self, event: dict[str, Any]) -> None:
        """Take any other event."""

    def clear(self, *, wait: bool) -> None:
        """Clear the outputs of the current cell."""

    def flush(self) -> None:
        """Let everything written so far be an output."""


class Hook(DisplayHook):
    """Sends the value of a cell's last expression."""

    sink: Sink
    _bundle: dict[str, Any]

    def start_displayhook(self) -> None:
        """Begin."""
        self._bundle = {}

    def write_output_prompt(self) -> None:
        """There is no prompt; the count stands in the output."""

    def write_format_data(self, format_dict: Mapping[str, Any], md_dict: Mapping[str, Any] | None = None) -> None:
        """Keep the representations."""
        self._bundle = {"data": bundle(format_dict), "metadata": clean(md_dict or {})}

    def finish_displayhook(self) -> None:
        """Send."""
        if self._bundle.get("data"):
            count = self.prompt_count
            self.sink.output({"output_type": "execute_result", "execution_count": count, **self._bundle})
        self._bundle = {}


class Publisher(DisplayPublisher):
    """Sends what `display`, `update_display` and `clear_output` are given."""

    sink: Sink

    def publish(
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        source: str | None = None,  # noqa: ARG002 - part of IPython's interface
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **_more: Any,
    ) -> None:
        """Send a bundle, or a new content for one that was sent before."""
        self._validate_data(data, metadata)  # type: ignore[no-untyped-call]  # IPython has types in part
        output: dict[str, Any] = {
            "output_type": "display_data",
            "data": bundle(data),
            "metadata": clean(metadata or {}),
        }
        name = (transient or {}).get("display_id")
        if update:
            self.sink.event({"event": "update", "display_id": name, "output": output})
        else:
            self.sink.output({**output, "transient": {"display_id": name}} if name else output)

    def clear_output(self, wait: bool = False) -> None:
        """Clear the current cell's outputs, at once or when the next one comes."""
        self.sink.clear(wait=bool(wait))


def bundle(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mime bundle that a notebook can hold: JSON under types that are JSON, text under all others."""
    found = {str(kind): clean(value) for kind, value in data.items() if value is not None}
    return {
        kind: value if isinstance(value, str) or kind.endswith(("/json", "+json")) else to_json(value)
        for kind, value in found.items()
    }


def clean(value: Any) -> Any:
    """Return `value` in JSON's types: bytes in base64, numbers plain, what is not finite as its text."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else repr(number)
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(item) for item in value]
    return str(value)
