"""What a notebook shows of its pipeline: `from nbprod.widgets import RunView, SweepView, DeployView`."""

from __future__ import annotations

from nbprod.interfaces.widgets import DeployView, RunView, SweepView

__all__ = ["DeployView", "RunView", "SweepView"]
