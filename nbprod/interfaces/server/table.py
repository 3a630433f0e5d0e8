"""The table of routes: address, method, the function that answers, the fields it takes, what the answer holds.

Handlers, the OpenAPI document and the table in `docs/rest.md` are all made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nbprod.interfaces.server import openapi
from nbprod.interfaces.server.asked import Field
from nbprod.interfaces.server.calls import endpoints, mlflow, notebook, pages, runs, schedules, work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.interfaces.server.asked import Asked

ID = r"[0-9a-f]{4,32}"
PARTS = {
    "run": ID,
    "other": ID,
    "operation": ID,
    "stage": r"[A-Za-z_][A-Za-z0-9_-]*",
    "name": r"[A-Za-z0-9][A-Za-z0-9._-]*",
    "schedule": r"[^/]+",
}
"""What the names in an address look like; none of them is ever a path."""


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked for; the first line of `call`'s docstring says what.

    Attributes
    ----------
    method, path
        The address below `nbprod/api/`, names in braces.
    call
        Answers, in a thread: with JSON, or with the file of a page.
    answer
        The names that the answer holds; none for one that is somebody else's format, None for a page.
    fields
        Of the body, or with GET and DELETE of the query, besides the notebook's `path`.
    draft
        Whether it analyses what the editor holds: `each` in its turn, or of several only the `newest`.
    about
        Whether it is about a notebook.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    call: Callable[[Asked], Any]
    answer: tuple[str, ...] | None = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    draft: Literal["", "each", "newest"] = ""
    about: bool = True


PIPELINE = (
    "notebook",
    "roles",
    "stages",
    "edges",
    "parameters",
    "undecided",
    "drawing",
    "diagnostics",
    "readiness",
    "stale",
)
RUN = ("run", "status", "started", "seconds", "parameters", "stages", "metrics", "gates", "model", "mlflow", "error")
OPERATION = ("operation", "kind", "state", "started", "seconds", "steps", "log", "result", "report", "error")
SCHEDULES = ("schedules", "running")
SHAPES = {"pipeline": PIPELINE, "run": RUN, "operation": OPERATION, "schedules": SCHEDULES}
"""What several routes answer with, by a word for it."""

CONTENT = Field("object", "the notebook as the editor holds it; the saved one when it is left out")
PARAMETERS = Field("object", "overrides by name; texts as `-p NAME=VALUE` takes them", {})
MODEL = Field("string", "the name that holds the model, when there are several")
ROWS = Field("array", "an object a row, a value a column", required=True)

RUNS = (
    Route("GET", "state", work.state, ("runs", "endpoints", "operation")),
    Route("GET", "runs", runs.runs, ("runs",), {"limit": Field("integer", "how many at most", 20)}),
    Route(
        "POST",
        "run",
        runs.start,
        ("run",),
        {
            "parameters": PARAMETERS,
            "model": MODEL,
            "from": Field("string", "first stage to run; earlier ones are reused as they are"),
            "to": Field("string", "last stage to run"),
            "force": Field("boolean", "run every stage, whatever is stored", default=False),
        },
    ),
    Route("GET", "runs/{run}", runs.one_run, RUN),
    Route("POST", "runs/{run}/stop", runs.stop, ("run",)),
    Route("GET", "runs/{run}/notebook/{stage}", runs.stage_notebook),
    Route("GET", "runs/{run}/page/{stage}", pages.stage, None),
    Route(
        "GET",
        "runs/{run}/compare/{other}",
        runs.compare,
        ("first", "second", "parameters", "metrics", "stages", "code", "pictures"),
    ),
)

WORK = (
    Route(
        "POST",
        "deploy",
        work.deploy,
        OPERATION,
        {
            "parameters": PARAMETERS,
            "model": MODEL,
            "target": Field("string", "where to", "local"),
            "name": Field("string", "the endpoint's name; by default the model's"),
        },
    ),
    Route("POST", "verify", work.verify, OPERATION, {"parameters": PARAMETERS}),
    Route(
        "POST",
        "sweep",
        work.sweep,
        OPERATION,
        {
            "grid": Field(
                "object",
                "for each parameter its values as text: `1,2,3`, `2:10:2`, `0.001..0.1`, `0.001..0.1:log`",
                required=True,
            ),
            "metric": Field("string", "what is compared", required=True),
            "maximize": Field("boolean", "whether more is better", default=False),
            "search": Field("string", "`grid`, `random` or `optuna`; by default a grid, if every value can be tried"),
            "trials": Field("integer", "how many; by default 20, a grid makes them all"),
            "seed": Field("integer", "makes `random` and `optuna` try the same another time"),
            "parameters": PARAMETERS,
        },
    ),
    Route(
        "POST",
        "build",
        work.build,
        OPERATION,
        {"parameters": PARAMETERS, "model": MODEL, "tag": Field("string", "the image's name; by default the model's")},
    ),
    Route("GET", "operations/{operation}", work.operation, OPERATION),
    Route("POST", "operations/{operation}/stop", work.stop, ("operation",)),
    Route("GET", "operations/{operation}/report", work.report, None),
)

ENDPOINTS = (
    Route("GET", "targets", endpoints.targets, ("targets",)),
    Route("GET", "endpoints", endpoints.endpoints, ("endpoints",)),
    Route("DELETE", "endpoints/{name}", endpoints.stop, ("endpoint",)),
    Route("POST", "endpoints/{name}/predict", endpoints.predict, ("predictions",), {"rows": ROWS}),
    Route("GET", "endpoints/{name}/sample", endpoints.sample, ("columns", "rows", "predictions")),
    Route(
        "GET",
        "endpoints/{name}/health",
        endpoints.health,
        ("endpoint", "state", "version", "requests", "errors", "rows", "p50_ms", "p95_ms"),
    ),
    Route("GET", "endpoints/{name}/versions", endpoints.versions, ("versions",)),
    Route("GET", "endpoints/{name}/logs", endpoints.logs, ("log",)),
    Route("GET", "endpoints/{name}/drift", endpoints.drift, ("endpoint", "monitor", "rows", "since", "verdict")),
    Route(
        "POST",
        "endpoints/{name}/rollback",
        work.rollback,
        OPERATION,
        {"version": Field("string", "which version; by default the one before")},
    ),
)

CRON = Field("string", "five fields: minute, hour, day, month, weekday", required=True)
ZONE = Field("string", "a time zone's name; by default the machine's")
PLANS = (
    Route("GET", "schedules", schedules.schedules, SCHEDULES),
    Route(
        "POST",
        "schedules",
        schedules.add,
        SCHEDULES,
        {"cron": CRON, "tz": ZONE, "parameters": PARAMETERS, "name": Field("string", "by default the notebook's")},
    ),
    Route("GET", "schedules/preview", schedules.preview, ("cron", "words", "tz", "next"), {"cron": CRON, "tz": ZONE}),
    Route("DELETE", "schedules/{schedule}", schedules.remove, SCHEDULES),
    Route(
        "POST",
        "schedules/{schedule}/pause",
        schedules.pause,
        SCHEDULES,
        {"paused": Field("boolean", "rest, or be due again", required=True)},
    ),
    Route("POST", "schedules/{schedule}/now", schedules.now, ("run",)),
)

TABLE = (
    Route("GET", "status", notebook.status, ("version",), about=False),
    Route("GET", "openapi.json", openapi.document, ("openapi", "info", "paths"), about=False),
    Route(
        "POST",
        "example",
        notebook.example,
        ("path",),
        {"folder": Field("string", "relative to the server's root", "")},
        about=False,
    ),
    Route("GET", "pipeline", notebook.pipeline, PIPELINE, draft="each"),
    Route("POST", "pipeline", notebook.pipeline, PIPELINE, {"content": CONTENT}, draft="newest"),
    Route("POST", "suggestion", notebook.suggestion, ("cells", "stages", "notes"), {"content": CONTENT}, draft="each"),
    Route(
        "POST",
        "fixes",
        notebook.fixes,
        ("cells", "requirements", "fixed"),
        {
            "content": CONTENT,
            "code": Field("string", "only findings of this code"),
            "cell_id": Field("string", "only findings of this cell"),
        },
        draft="each",
    ),
    *RUNS,
    *WORK,
    *ENDPOINTS,
    *PLANS,
    Route("POST", "mlflow", mlflow.start, ("url",)),
)
