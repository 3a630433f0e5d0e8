"""An output area: what a cell or an `Output` widget shows, gathered as a front end does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Area:
    """Outputs in order; text of one stream that arrives in pieces is one output.

    Parameters
    ----------
    outputs
        What there is already, as nbformat has it.
    """

    def __init__(self, outputs: Iterable[Mapping[str, Any]] = ()) -> None:
        self._outputs: list[dict[str, Any]] = [_in_pieces(output) for output in outputs]
        self._clear = False

    def add(self, output: Mapping[str, Any]) -> dict[str, Any]:
        """Take an output; returns the one that now holds it."""
        if self._clear:
            self.clear()
        last = self._outputs[-1] if self._outputs else {}
        if output["output_type"] == "stream" == last.get("output_type") and last["name"] == output["name"]:
            last["text"].append(output["text"])
            return last
        self._outputs.append(_in_pieces(output))
        return self._outputs[-1]

    def replace(self, outputs: Iterable[Mapping[str, Any]]) -> None:
        """Hold other outputs from now on."""
        self._outputs[:] = [_in_pieces(output) for output in outputs]

    def clear(self, *, wait: bool = False) -> None:
        """Drop everything, at once or when the next output comes."""
        self._clear = wait
        if not wait:
            self._outputs.clear()

    @property
    def pieces(self) -> list[dict[str, Any]]:
        """The outputs; text of streams as a list, as in an nbformat file."""
        return self._outputs

    def outputs(self) -> list[dict[str, Any]]:
        """Return the outputs, texts whole."""
        return [
            {**output, "text": "".join(output["text"])} if output["output_type"] == "stream" else dict(output)
            for output in self._outputs
        ]


def _in_pieces(output: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(output)
    if found["output_type"] == "stream" and isinstance(found["text"], str):
        found["text"] = [found["text"]]
    return found
