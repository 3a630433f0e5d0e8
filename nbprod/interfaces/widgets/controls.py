"""Widgets that more than one view has: fields, buttons, words beside them."""

from __future__ import annotations

import ast
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any

from nbprod.core import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.core.pipeline import Parameter

LABEL = "150px"
FIELD = "320px"


def button(text: str, press: Callable[[Any], None], *, primary: bool = False) -> Any:
    """Return a button; one of a form's buttons is the primary."""
    import ipywidgets

    made = ipywidgets.Button(description=text, button_style="primary" if primary else "")
    made.layout.width = "auto"
    made.on_click(press)
    return made


def line(*parts: Any) -> Any:
    """Return widgets side by side, below each other where there is no room."""
    import ipywidgets

    return ipywidgets.HBox(list(parts), layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center"))


def note(text: str = "") -> Any:
    """Return words beside a field."""
    import ipywidgets

    return ipywidgets.HTML(words_of(text))


def words_of(text: str) -> str:
    """Return what a `note` holds to say `text`."""
    return words.dim(text) if text else ""


def status() -> Any:
    """Return where a state is told."""
    import ipywidgets

    return ipywidgets.HTML()


def told(state: str) -> str:
    """Return what a `status` holds to say that something is in a state."""
    return f'<span role="status" aria-live="polite">{escape(words.state(state))}</span>' if state != "none" else ""


def field(item: Parameter, given: str | None) -> tuple[Any, Any]:
    """Return the field of a parameter, and the value that stands for the notebook's own."""
    import ipywidgets

    kinds = {
        "int": (int, ipywidgets.IntText),
        "float": (float, ipywidgets.FloatText),
        "bool": (bool, ipywidgets.Checkbox),
    }
    kind, widget = kinds.get(item.type, (str, ipywidgets.Text))
    default = item.default
    if item.optional or not isinstance(default, (int, float) if kind is float else kind):
        kind, widget, default = str, ipywidgets.Text, item.default_source
    value = default if given is None else _read(given, kind)
    if value is None:  # shown as it was given: the run will say what is wrong with it
        value, widget, default = given, ipywidgets.Text, item.default_source
    made = widget(value=value, description=item.name)
    made.style.description_width = LABEL
    made.layout.width = FIELD
    made.tooltip = item.help or item.type
    return made, default


def text(value: Any) -> str:
    """Return a field's value as `-p` takes it."""
    return value if isinstance(value, str) else repr(value)


def _read(given: str, kind: type) -> Any:
    """Return a text as a field of a kind holds it; None where it does not fit."""
    if kind is str:
        return given
    named = {"true": True, "false": False}
    with suppress(ValueError, SyntaxError):
        value = named[given.lower()] if given.lower() in named else ast.literal_eval(given)
        return kind(value) if isinstance(value, bool | int | float) and kind(value) == value else None
    return None
