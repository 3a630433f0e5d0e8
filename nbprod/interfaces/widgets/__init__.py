"""A run in a notebook: a live view while it lasts, plain HTML that a saved notebook keeps when it is over."""

from __future__ import annotations

from nbprod.interfaces.widgets.render import run_html
from nbprod.interfaces.widgets.view import RunView

__all__ = ["RunView", "run_html"]
