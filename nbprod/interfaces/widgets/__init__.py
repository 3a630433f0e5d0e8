"""Views in a notebook: live while work goes on, plain HTML that a saved notebook and its export keep."""

from __future__ import annotations

from nbprod.interfaces.widgets.deploy_view import DeployView
from nbprod.interfaces.widgets.run_view import RunView, run_html
from nbprod.interfaces.widgets.sweep_view import SweepView

__all__ = ["DeployView", "RunView", "SweepView", "run_html"]
