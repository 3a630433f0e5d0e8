"""The controls of `RunView`: a field a parameter, and what begins and stops a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.interfaces.widgets import controls

if TYPE_CHECKING:
    from nbprod.core.pipeline import Parameter, Pipeline
    from nbprod.interfaces.widgets.run_view import RunView


class RunForm:
    """A form of the parameters of `pipeline`; what is changed in it goes to `view.parameters`.

    Parameters
    ----------
    view
        What it controls.
    pipeline
        Its parameters are the fields.
    """

    def __init__(self, view: RunView, pipeline: Pipeline) -> None:
        import ipywidgets

        self._view = view
        self._run = controls.button("Run", view.pressed(view.start), primary=True)
        self._stop = controls.button("Stop", view.pressed(view.stop))
        self._state = controls.status()
        force = ipywidgets.Checkbox(value=view.force, description="run every stage", indent=False)
        force.layout.width = "auto"
        force.observe(lambda change: setattr(view, "force", bool(change["new"])), names="value")
        rows = [_row(view, item) for item in pipeline.parameters]
        self.box = ipywidgets.VBox([*rows, controls.line(self._run, self._stop, force, self._state)])
        self.tell()

    def tell(self) -> None:
        """Enable what can be done now, and say what goes on."""
        self._run.disabled = self._view.working
        self._stop.disabled = not self._view.working
        self._state.value = controls.told(str(self._view.run["status"]))


def _row(view: RunView, item: Parameter) -> Any:
    """Return field, help and reset of a parameter; a field that holds the notebook's own value changes nothing."""
    field, original = controls.field(item, view.parameters.get(item.name))
    about = controls.note(item.help)
    reset = controls.button("Reset", lambda _button: setattr(field, "value", original))
    reset.tooltip = f"back to {item.default_source}"

    def changed(_change: Any = None) -> None:
        same = field.value == original
        if same:
            view.parameters.pop(item.name, None)
        else:
            view.parameters[item.name] = controls.text(field.value)
        reset.layout.visibility = "hidden" if same else "visible"
        about.value = controls.words_of(item.help if same else f"changed, was {item.default_source}")

    field.observe(changed, names="value")
    changed()
    return controls.line(field, reset, about)
