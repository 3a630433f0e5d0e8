"""The steps of long work, as the command that does it wrote them down, a JSON object a line (`NBPROD_STEPS`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FILE = "steps.jsonl"
RUNNING = "running"


def read(file: Path, state: str) -> list[dict[str, Any]]:
    """Return each step once, in the order in which they began, as it stands.

    Parameters
    ----------
    file
        What the command wrote.
    state
        The state of the work as a whole: a step that no line ends is over when the work is.
    """
    steps: dict[tuple[str, str | None], dict[str, Any]] = {}
    for line in _lines(file):
        name, stage, running = str(line.get("name", "")), line.get("stage"), line.get("state") == RUNNING
        steps[name, stage] = {
            "name": name,
            "stage": stage,
            "state": str(line.get("state")),
            "seconds": line.get("seconds"),
            "since": line.get("time") if running else None,
        }
    return [_settled(step, state) for step in steps.values()]


def _settled(step: dict[str, Any], state: str) -> dict[str, Any]:
    if step["state"] != RUNNING or state == RUNNING:
        return step
    return {**step, "state": state, "since": None}


def _lines(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    whole, _, _ = text.rpartition("\n")  # the last line may be only half there
    found = []
    for line in whole.splitlines():
        try:
            item = json.loads(line)
        except ValueError:
            continue
        if isinstance(item, dict):
            found.append(item)
    return found
