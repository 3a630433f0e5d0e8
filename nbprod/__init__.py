"""A Jupyter notebook is 10 % of a model in production; nbprod is the other 90 %.

Names are loaded on first use, so that `import nbprod` stays cheap and imports no third-party module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbprod.core.version import __version__

if TYPE_CHECKING:
    from nbprod.api import analyze, load_model, report, run, secret, suggest, verify
    from nbprod.core.errors import (
        AnalysisError,
        BoundaryError,
        ConfigError,
        DeployError,
        ExecutionError,
        ExportError,
        MissingValue,
        ModelError,
        MonitorError,
        NbprodError,
        NotebookError,
        PackagingError,
        PlanError,
        ScheduleError,
        StageFailed,
        StoreError,
        StoreUnreachable,
        TrackingError,
        UnavailableError,
        UsageError,
    )
    from nbprod.core.pipeline import Pipeline
    from nbprod.core.run import Run, RunStatus
    from nbprod.core.verification import Verification

_HOMES = {
    "nbprod.api": ("analyze", "load_model", "report", "run", "secret", "suggest", "verify"),
    "nbprod.core.pipeline": ("Pipeline",),
    "nbprod.core.run": ("Run", "RunStatus"),
    "nbprod.core.verification": ("Verification",),
    "nbprod.core.errors": (
        "AnalysisError",
        "BoundaryError",
        "ConfigError",
        "DeployError",
        "ExecutionError",
        "ExportError",
        "MissingValue",
        "ModelError",
        "MonitorError",
        "NbprodError",
        "NotebookError",
        "PackagingError",
        "PlanError",
        "ScheduleError",
        "StageFailed",
        "StoreError",
        "StoreUnreachable",
        "TrackingError",
        "UnavailableError",
        "UsageError",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AnalysisError",
    "BoundaryError",
    "ConfigError",
    "DeployError",
    "ExecutionError",
    "ExportError",
    "MissingValue",
    "ModelError",
    "MonitorError",
    "NbprodError",
    "NotebookError",
    "PackagingError",
    "Pipeline",
    "PlanError",
    "Run",
    "RunStatus",
    "ScheduleError",
    "StageFailed",
    "StoreError",
    "StoreUnreachable",
    "TrackingError",
    "UnavailableError",
    "UsageError",
    "Verification",
    "__version__",
    "analyze",
    "load_model",
    "report",
    "run",
    "secret",
    "suggest",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import an exported name from its module."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'nbprod' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """Return the exported names."""
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext nbprod`: register the magics and the input transformer."""
    from nbprod.interfaces import magics, widgets

    views = magics.Views(widgets.RunView, widgets.SweepView, widgets.DeployView, widgets.run_html)
    magics.register(shell, views)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext nbprod`."""
    from nbprod.interfaces import magics

    magics.unregister(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "nbprod"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbprod.interfaces.server"}]
