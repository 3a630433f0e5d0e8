"""Widgets of an executed notebook: their state as a front end would hold it, saved the way nbclient saves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.worker.area import Area

if TYPE_CHECKING:
    from collections.abc import Mapping

MIME = "application/vnd.jupyter.widget-state+json"


class WidgetState:
    """The widgets that the cells of a notebook made so far."""

    def __init__(self) -> None:
        self._state: dict[str, dict[str, Any]] = {}
        self._buffers: dict[str, dict[str, Any]] = {}
        self._areas: dict[str, Area] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Apply one event of the worker."""
        kind, name = event["event"], event["id"]
        if kind == "comm":
            self._state.setdefault(name, {}).update(event["state"])
            for buffer in event.get("buffers", ()):
                self._buffers.setdefault(name, {})[repr(buffer["path"])] = buffer
            if "outputs" in event["state"] and name in self._areas:
                self._areas[name].replace(event["state"]["outputs"])
        elif kind == "widget-output":
            self._area(name).add({field: value for field, value in event["output"].items() if field != "transient"})
        elif kind == "widget-clear":
            self._area(name).clear(wait=event["wait"])

    def metadata(self) -> dict[str, Any] | None:
        """Return what goes into the notebook's metadata; None when there are no widgets."""
        if not self._state:
            return None
        models = {name: self._model(name) for name, state in self._state.items() if "_model_name" in state}
        return {MIME: {"state": models, "version_major": 2, "version_minor": 0}}

    def _area(self, name: str) -> Area:
        if name not in self._areas:
            self._areas[name] = Area(self._state.get(name, {}).get("outputs", ()))
        return self._areas[name]

    def _model(self, name: str) -> dict[str, Any]:
        state = self._state[name]
        if name in self._areas:
            state = {**state, "outputs": self._areas[name].outputs()}
        about = {field: state.get(f"_{field}") for field in ("model_name", "model_module", "model_module_version")}
        buffers = self._buffers.get(name)
        return {**about, "state": state, **({"buffers": list(buffers.values())} if buffers else {})}
