"""The verbs, each a few lines: find the project, take the steps in order, return what `core` describes.

Everything people or programs do goes through here; command line, magics, server and widgets add no logic. A verb's
module is imported when the verb is used first: a command pays for its own verb only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbprod.api.checking import CheckResult, check, codes, explain, fixes, stale_stages
    from nbprod.api.deploying import (
        deploy,
        endpoint,
        endpoint_logs,
        endpoints,
        health,
        monitor,
        predict,
        rollback,
        sample,
        stop_endpoint,
        targets,
        versions,
    )
    from nbprod.api.machine import doctor, example, init, processes, secret, stop_all
    from nbprod.api.models import build, compare, load_model, model, no_model, score, serve, serve_model, table_rows
    from nbprod.api.notebook import (
        analyze,
        export,
        exporters,
        graph,
        project_of,
        sound,
        suggest,
        tag,
    )
    from nbprod.api.reporting import report
    from nbprod.api.running import (
        compare_runs,
        diff,
        extract,
        history,
        mlflow_command,
        run,
        run_output,
        show,
        verify,
        why,
    )
    from nbprod.api.scheduling import (
        schedule_add,
        schedule_now,
        schedule_preview,
        schedule_serve,
        schedule_start,
        schedules,
    )
    from nbprod.api.storing import store_gc, store_stats, store_verify
    from nbprod.api.sweeping import sweep, sweep_count, sweep_values

_HOMES = {
    "checking": "CheckResult check codes explain fixes stale_stages",
    "deploying": "deploy endpoint endpoint_logs endpoints health monitor predict rollback sample stop_endpoint targets"
    " versions",
    "machine": "doctor example init processes secret stop_all",
    "models": "build compare load_model model no_model score serve serve_model table_rows",
    "notebook": "analyze export exporters graph project_of sound suggest tag",
    "reporting": "report",
    "running": "compare_runs diff extract history mlflow_command run run_output show verify why",
    "scheduling": "schedule_add schedule_now schedule_preview schedule_serve schedule_start schedules",
    "storing": "store_gc store_stats store_verify",
    "sweeping": "sweep sweep_count sweep_values",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "CheckResult",
    "analyze",
    "build",
    "check",
    "codes",
    "compare",
    "compare_runs",
    "deploy",
    "diff",
    "doctor",
    "endpoint",
    "endpoint_logs",
    "endpoints",
    "example",
    "explain",
    "export",
    "exporters",
    "extract",
    "fixes",
    "graph",
    "health",
    "history",
    "init",
    "load_model",
    "mlflow_command",
    "model",
    "monitor",
    "no_model",
    "predict",
    "processes",
    "project_of",
    "report",
    "rollback",
    "run",
    "run_output",
    "sample",
    "schedule_add",
    "schedule_now",
    "schedule_preview",
    "schedule_serve",
    "schedule_start",
    "schedules",
    "score",
    "secret",
    "serve",
    "serve_model",
    "show",
    "sound",
    "stale_stages",
    "stop_all",
    "store_gc",
    "store_stats",
    "store_verify",
    "stop_endpoint",
    "suggest",
    "table_rows",
    "sweep",
    "sweep_count",
    "sweep_values",
    "tag",
    "targets",
    "verify",
    "versions",
    "why",
]


def __getattr__(name: str) -> Any:
    """Import a verb from its module, and keep it."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'nbprod.api' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"nbprod.api.{home}"), name)
    return found
