"""What all handlers share: the notebook a request means, errors as JSON, work in threads of our own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler  # noqa: TID253 (only Jupyter's server imports this module)
from tornado.web import HTTPError  # noqa: TID253 (only Jupyter's server imports this module)

from nbprod.core.errors import MissingValue, NbprodError, UnavailableError, UsageError
from nbprod.interfaces.server.extension import Extension
from nbprod.interfaces.server.paths import confined

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


ABSENT = ("NB001", "NB720", "NB823")
"""Codes for a notebook, an endpoint, a schedule that is not there."""


class Told(JupyterHandler):
    """A handler that tells errors as `{"error": {code, message, hint, where}}`."""

    auth_resource = "nbprod"

    @property
    def extension(self) -> Extension:
        """What outlives a request."""
        found: Extension | None = self.settings.get("nbprod")
        if found is None:  # not when the server loads us: its loop runs only now
            found = Extension(asyncio.get_running_loop(), self.settings)
            self.settings["nbprod"] = found
        return found

    def notebook(self, path: Any) -> Path:
        """Return the notebook at a path of the server's tree; raises `NotebookError` outside it."""
        if not isinstance(path, str):
            raise UsageError("NB930", "path must be text", "send the notebook's path relative to the server's root")
        hidden = bool(getattr(self.settings.get("contents_manager"), "allow_hidden", False))
        return confined(self.settings["server_root_dir"], path, hidden=hidden)

    async def thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Return what `work` returns, run in a thread of ours: Jupyter's own stay free."""
        return await asyncio.get_running_loop().run_in_executor(self.extension.threads, work, *arguments)

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Keep what users did wrong out of the server's log; log our own faults whole."""
        if not isinstance(error, NbprodError):
            super().log_exception(kind, error, trace)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer any error as JSON, without a traceback."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        if isinstance(error, NbprodError):
            status_code, told = status_of(error), error.as_json()
        elif isinstance(error, HTTPError):
            message = error.log_message or error.reason or "not possible"
            told = {"code": "NB931", "message": message, "hint": None, "where": None}
        else:
            hint = "the server's log says why"
            told = {"code": "NB939", "message": "nbprod's server extension failed", "hint": hint, "where": None}
        self.set_status(status_code)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": told}))


class Handler(Told, APIHandler):
    """A handler that answers JSON."""


def status_of(error: NbprodError) -> int:
    """Return the HTTP status that an error of ours means; always the client's side."""
    if isinstance(error, MissingValue) or error.code in ABSENT:
        return 404
    if isinstance(error, UsageError):
        return 400
    return 424 if isinstance(error, UnavailableError) else 422
