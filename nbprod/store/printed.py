"""What the cells of a run printed, out of its executed notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbprod.core.run import Run


def printed(run: Run) -> str:
    """Return streams, texts of results and tracebacks, headed by stage and execution count."""
    parts: list[str] = []
    for stage in run.stages:
        if stage.notebook and Path(stage.notebook).is_file():
            cells = json.loads(Path(stage.notebook).read_text(encoding="utf-8"))["cells"]
            text = "".join(_text(output) for cell in cells for output in cell.get("outputs", ()))
            parts.append(f"[{stage.name}]\n{text}".rstrip())
    return "\n".join(parts)


def _text(output: Mapping[str, Any]) -> str:
    return "".join(f"{line}\n" for line in _lines(output))


def _lines(output: Mapping[str, Any]) -> Iterator[str]:
    kind = output["output_type"]
    if kind == "stream":
        yield from _joined(output["text"]).splitlines()
    elif kind == "error":
        yield from (line for piece in output["traceback"] for line in piece.splitlines())
    elif "text/plain" in output.get("data", {}):
        yield from _joined(output["data"]["text/plain"]).splitlines()


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
