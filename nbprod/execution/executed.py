"""The executed notebook of a stage: built by the driver as events arrive, so that a killed stage keeps its outputs."""

from __future__ import annotations

import datetime
import json
import time
from typing import TYPE_CHECKING, Any

from nbprod.execution.checkpoints import Checkpoints
from nbprod.execution.widgetstate import WidgetState
from nbprod.store.files import write_text
from nbprod.worker.area import Area

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbprod.worker.formats import StepSpec

WIDGET_EVENTS = frozenset({"comm", "widget-output", "widget-clear"})


def now() -> str:
    """Return the time in UTC as ISO 8601 with microseconds, papermill's spelling."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat()


class Executed:
    """A notebook of one cell a step, with papermill's metadata.

    Parameters
    ----------
    stage
        Name of the stage.
    steps
        What the worker executes; `index` of an event is the position in it.
    parameters
        Overrides as source, shown in an `injected-parameters` cell.
    metadata
        The author's notebook metadata.
    path
        Where checkpoints of it go: a driver that is killed leaves what was shown so far. None for none.
    """

    def __init__(
        self,
        stage: str,
        steps: Sequence[StepSpec],
        parameters: Mapping[str, str],
        metadata: Mapping[str, Any],
        path: Path | None = None,
    ) -> None:
        self.stage = stage
        self._begun = time.monotonic()
        ids: dict[str, int] = {}
        self._areas = [Area() for _ in steps]
        self._cells = [_cell(step, stage, ids, area) for step, area in zip(steps, self._areas, strict=True)]
        self._displays: dict[str, list[dict[str, Any]]] = {}
        self.widgets = WidgetState()
        self._injected = _injected(parameters)
        self._last_parameters = max((at for at, step in enumerate(steps) if step["kind"] == "parameters"), default=-1)
        run = {"default_parameters": {}, "parameters": dict(parameters), "environment_variables": {}, "version": None}
        self.papermill: dict[str, Any] = {**run, "start_time": now(), "end_time": None, "duration": None}
        self.papermill.update(exception=None, input_path="", output_path="" if path is None else str(path))
        self._metadata = {name: value for name, value in metadata.items() if name not in ("widgets", "papermill")}
        self._checkpoints = Checkpoints(lambda: write_text(path, self._text())) if path is not None else None

    def take(self, event: Mapping[str, Any]) -> None:
        """Apply one event of the worker."""
        if self._checkpoints is None:
            self._take(event)
            return
        with self._checkpoints.lock:
            self._take(event)
            self._checkpoints.changed()

    def running(self) -> int | None:
        """Return the index of the cell that is running."""
        states = [cell["metadata"]["papermill"].get("status") for cell in self._cells]
        return states.index("running") if "running" in states else None

    def died(self, message: str) -> None:
        """Say in the running cell that its process is gone."""
        if self._checkpoints is not None:
            self._checkpoints.end()
        index = self.running()
        if index is not None:
            self._failed(index, {"ename": "DeadKernel", "evalue": message, "traceback": [message]})
        self.papermill["exception"] = True

    def write(self, path: Path) -> Path:
        """Write the notebook, which is complete now, to `path`, atomically."""
        if self._checkpoints is not None:
            self._checkpoints.end()
        self.papermill.update(end_time=now(), duration=round(time.monotonic() - self._begun, 6), output_path=str(path))
        self.papermill["exception"] = bool(self.papermill["exception"])
        write_text(path, self._text())
        return path

    def _text(self) -> str:
        cells = list(self._cells)
        if self._injected is not None:
            cells.insert(self._last_parameters + 1, self._injected)
        metadata = {**self._metadata, "papermill": self.papermill, "nbprod": {"stage": self.stage}}
        widgets = self.widgets.metadata()
        if widgets is not None:
            metadata["widgets"] = widgets
        content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def _take(self, event: Mapping[str, Any]) -> None:
        kind, index = event["event"], event.get("index")
        if kind == "update":
            self._update(event["display_id"], event["output"])
        elif kind in WIDGET_EVENTS:
            self._update(event.get("output", {}).get("transient", {}).get("display_id"), event.get("output", {}))
            self.widgets.take(event)
        elif isinstance(index, int) and 0 <= index < len(self._cells):
            self._take_of_cell(kind, index, event)

    def _take_of_cell(self, kind: str, index: int, event: Mapping[str, Any]) -> None:
        cell = self._cells[index]
        if kind == "cell-started":
            cell["metadata"]["papermill"].update(status="running", start_time=now())
        elif kind == "output":
            self._output(index, dict(event["output"]))
        elif kind == "clear":
            self._areas[index].clear(wait=bool(event.get("wait")))
        elif kind == "cell-finished":
            self._finished(cell, event)
        elif kind == "failed":
            self._failed(index, event)

    def _output(self, index: int, output: dict[str, Any]) -> None:
        display = output.pop("transient", {}).get("display_id")
        self._update(display, output)
        held = self._areas[index].add(output)
        if display:
            self._displays.setdefault(display, []).append(held)

    def _update(self, display: str | None, output: Mapping[str, Any]) -> None:
        """Give what was displayed under that name its new content."""
        for shown in self._displays.get(display or "", ()):
            shown.update(data=output["data"], metadata=output.get("metadata", {}))

    @staticmethod
    def _finished(cell: dict[str, Any], event: Mapping[str, Any]) -> None:
        cell["execution_count"] = event.get("execution_count")
        times = {"status": "completed", "end_time": now(), "duration": event.get("seconds"), "exception": False}
        cell["metadata"]["papermill"].update(times)

    def _failed(self, index: int, event: Mapping[str, Any]) -> None:
        self._cells[index]["metadata"]["papermill"].update(status="failed", end_time=now(), exception=True)
        if not event.get("shown"):
            error = {"output_type": "error", "ename": event["ename"], "evalue": event["evalue"]}
            self._areas[index].add({**error, "traceback": list(event["traceback"])})
        self.papermill["exception"] = True

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return what a step has shown, texts whole."""
        return self._areas[index].outputs()

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The cells, one a step."""
        return self._cells


def _cell(step: StepSpec, stage: str, ids: dict[str, int], area: Area) -> dict[str, Any]:
    base = step["cell_id"] or f"cell-{step['cell']}"
    ids[base] = ids.get(base, 0) + 1
    number = ids[base]
    about = {"stage": stage, "cell": step["cell"], "kind": step["kind"]}
    metadata: dict[str, Any] = {"nbprod": {**about, "notebook": step.get("notebook", "")}}
    metadata["papermill"] = {"status": "pending", "start_time": None, "end_time": None, "duration": None}
    metadata["papermill"]["exception"] = None
    metadata["tags"] = ["parameters"] if step["kind"] == "parameters" else []
    return {
        "cell_type": "code",
        "id": base if number == 1 else f"{base[:56]}-{number}",
        "metadata": metadata,
        "source": step["source"].splitlines(keepends=True),
        "execution_count": None,
        "outputs": area.pieces,
    }


def _injected(parameters: Mapping[str, str]) -> dict[str, Any] | None:
    if not parameters:
        return None
    lines = ["# Parameters\n", *(f"{name} = {text}\n" for name, text in parameters.items())]
    return {
        "cell_type": "code",
        "id": "injected-parameters",
        "metadata": {"tags": ["injected-parameters"]},
        "source": lines,
        "execution_count": None,
        "outputs": [],
    }
