"""The controls of `DeployView`: where to, begin, put back, stop; a recorded row to try the endpoint with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import NbprodError, UsageError
from nbprod.interfaces.widgets import controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.interfaces.widgets.deploy_view import DeployView

FIELDS = 30
"""With more columns than these, a row is one text."""


class DeployForm:
    """What begins and ends deployments of `view`; only targets that can be used are offered.

    Parameters
    ----------
    view
        What it controls.
    targets
        `name`, `available` and what is `missing`, as `api.targets` has it.
    """

    def __init__(self, view: DeployView, targets: Sequence[Mapping[str, Any]]) -> None:
        import ipywidgets

        self._view = view
        usable = [item["name"] for item in targets if item["available"]]
        self._target = ipywidgets.Dropdown(
            options=usable, value=view.target if view.target in usable else None, description="target"
        )
        self._target.layout.width = "220px"
        self._target.observe(lambda change: setattr(view, "target", change["new"]), names="value")
        self._deploy = controls.button("Deploy", view.pressed(view.start), primary=True)
        self._cancel = controls.button("Cancel", view.pressed(view.stop))
        self._back = controls.button("Roll back", view.pressed(view.roll_back))
        self._stop = controls.button("Stop endpoint", view.pressed(view.stop_endpoint))
        self._state = controls.status()
        missing = [controls.note(f"{item['name']}: {item['missing']}") for item in targets if not item["available"]]
        self._try = ipywidgets.VBox()
        buttons = controls.line(self._target, self._deploy, self._cancel, self._back, self._stop, self._state)
        self.box = ipywidgets.VBox([buttons, *missing, self._try])
        self._tried = ""
        self.tell()

    def tell(self) -> None:
        """Enable what can be done now, and offer a recorded row once there is an endpoint to ask."""
        working, there = self._view.working, self._view.endpoint is not None
        current = next((at for at, item in enumerate(self._view.past) if item["current"]), 0)
        self._target.disabled = working
        self._deploy.disabled = working or not self._target.value
        self._cancel.disabled = not working
        self._back.disabled = working or not there or current + 1 >= len(self._view.past)
        self._stop.disabled = working or not there
        self._state.value = controls.told("running") if working else ""
        serving = f"{self._view.endpoint}" if there and not working else ""
        if serving != self._tried:
            self._tried = serving
            self._try.children = _trial(self._view) if serving else ()


def _trial(view: DeployView) -> tuple[Any, ...]:
    """Return a form that holds a recorded row, and asks the endpoint for what it holds."""
    import ipywidgets

    try:
        sample = view.sample()
    except NbprodError as error:
        return (controls.note(str(error.message)),)
    row = _Row(sample["columns"])
    place = ipywidgets.BoundedIntText(value=1, min=1, max=max(1, len(sample["rows"])), description="recorded row")
    place.style.description_width = controls.LABEL
    place.layout.width = controls.FIELD

    def fill(_change: Any = None) -> None:
        if sample["rows"]:
            row.fill(sample["rows"][place.value - 1])

    place.observe(fill, names="value")
    fill()
    ask = controls.button("Predict", view.pressed(lambda: view.predict(row.value)))
    return (place, *row.widgets, controls.line(ask))


class _Row:
    """Fields of a row; one text where there are many columns."""

    def __init__(self, columns: Sequence[Mapping[str, Any]]) -> None:
        import ipywidgets

        self._types = {str(item["name"]): str(item["type"]) for item in columns}
        self._many = len(columns) > FIELDS
        if self._many:
            wide = ipywidgets.Layout(width="95%", height="140px")
            self.widgets = [ipywidgets.Textarea(description="row as JSON", layout=wide)]
            return
        self.widgets = [ipywidgets.Text(description=name) for name in self._types]
        for widget, kind in zip(self.widgets, self._types.values(), strict=True):
            widget.style.description_width = controls.LABEL
            widget.layout.width = controls.FIELD
            widget.tooltip = kind

    @property
    def value(self) -> dict[str, Any]:
        """The row that the fields hold."""
        if not self._many:
            held = zip(self._types.items(), self.widgets, strict=True)
            return {name: value_of(widget.value, kind) for (name, kind), widget in held}
        try:
            found = json.loads(self.widgets[0].value)
        except ValueError as error:
            raise UsageError("NB930", f"the row is not JSON: {error}", 'write it as {"column": value}') from error
        return found if isinstance(found, dict) else {}

    def fill(self, row: Mapping[str, Any]) -> None:
        """Hold a row."""
        if self._many:
            self.widgets[0].value = json.dumps(row, indent=1, ensure_ascii=False)
            return
        for name, widget in zip(self._types, self.widgets, strict=True):
            widget.value = text_of(row.get(name))


def text_of(value: Any) -> str:
    """Return a value as a field holds it; nothing for a missing one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def value_of(text: str, kind: str) -> Any:
    """Return a field's text as its column's type; what does not fit goes as it is, and the endpoint refuses it."""
    if text == "":
        return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    for number in (int, float) if kind == "number" else ():
        try:
            return number(text)
        except ValueError:
            continue
    return text
