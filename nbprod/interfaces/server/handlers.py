"""Handlers: they parse a request, call one function in a thread, and answer JSON.

Every verb needs a logged-in user (and Jupyter's own XSRF check stays). Errors are `{"error": {code, message, hint}}`.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized  # noqa: TID253 (only Jupyter's server imports this module)
from jupyter_server.base.handlers import APIHandler  # noqa: TID253 (only Jupyter's server imports this module)
from tornado.web import HTTPError, authenticated  # noqa: TID253 (only Jupyter's server imports this module)

from nbprod.core.errors import MissingValue, NbprodError, NotebookError, UnavailableError, UsageError
from nbprod.interfaces.server import calls
from nbprod.interfaces.server.paths import confined

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Handler(APIHandler):
    """What all routes share: the notebook asked for, work in a thread, errors as JSON."""

    auth_resource = "nbprod"

    def notebook(self, path: Any = None) -> Path:
        """Return the notebook the request names, in the query or the body; raises `NotebookError` outside the tree."""
        asked = self.get_query_argument("path", "") if path is None else path
        if not isinstance(asked, str):
            raise UsageError("NB930", "path must be text", "send the notebook's path relative to the server's root")
        return confined(self.settings["server_root_dir"], asked)

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object; raises `UsageError` for anything else."""
        try:
            found = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise UsageError("NB930", f"the request is not JSON: {error}", "send a JSON object") from error
        if not isinstance(found, dict):
            raise UsageError("NB930", "the request is not a JSON object", "send a JSON object")
        return found

    async def answer(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Run `work` in a thread and send what it returns."""
        loop = asyncio.get_running_loop()
        self.finish(json.dumps(await loop.run_in_executor(None, work, *arguments)))

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
            told = {"code": "NB931", "message": message, "hint": None}
        else:
            told = {"code": "NB939", "message": "nbprod's server extension failed", "hint": "the server's log says why"}
        self.set_status(status_code)
        self.finish(json.dumps({"error": told}))


def status_of(error: NbprodError) -> int:
    """Return the HTTP status that an error of ours means; always the client's side."""
    if isinstance(error, MissingValue) or (isinstance(error, NotebookError) and error.code == "NB001"):
        return 404
    if error.code == "NB720":  # no endpoint of that name
        return 404
    if isinstance(error, UsageError):
        return 400
    return 424 if isinstance(error, UnavailableError) else 422


class Status(Handler):
    """Is the extension there, and which version."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer the version."""
        await self.answer(calls.status)


class Pipeline(Handler):
    """What a notebook means."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer for the saved notebook."""
        await self.answer(calls.pipeline, self.notebook())

    @authenticated
    @authorized
    async def post(self) -> None:
        """Answer for what the editor holds, saved or not."""
        body = self.body()
        await self.answer(calls.draft_pipeline, self.notebook(body.get("path", "")), body.get("content"))


class Suggestion(Handler):
    """Stages for what is untagged."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Answer for what the editor holds, or without `content` for the saved notebook."""
        body = self.body()
        await self.answer(calls.suggestion, self.notebook(body.get("path", "")), body.get("content"))


class Runs(Handler):
    """The newest runs of a notebook."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer them, newest first."""
        limit = self.get_query_argument("limit", "20")
        await self.answer(calls.runs, self.notebook(), int(limit) if limit.isdigit() else 20)


class OneRun(Handler):
    """A run, as far as it got."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Answer its state."""
        await self.answer(calls.one_run, self.notebook(), run_id)


class StopRun(Handler):
    """Interrupt a run."""

    @authenticated
    @authorized
    async def post(self, run_id: str) -> None:
        """Interrupt it as Ctrl-C does."""
        await self.answer(calls.stop_run, self.notebook(self.body().get("path", "")), run_id)


class StageNotebook(Handler):
    """The executed notebook of a stage."""

    @authenticated
    @authorized
    async def get(self, run_id: str, stage: str) -> None:
        """Answer it as notebook JSON."""
        await self.answer(calls.stage_notebook, self.notebook(), run_id, stage)


class _Start(Handler):
    """Start long work on a notebook."""

    work: Callable[[Path, dict[str, Any]], Any]

    @authenticated
    @authorized
    async def post(self) -> None:
        """Start it and answer how to follow it."""
        body = self.body()
        await self.answer(type(self).work, self.notebook(body.get("path", "")), body)


class StartRun(_Start):
    """Run the notebook."""

    work = staticmethod(calls.start_run)


class StartDeploy(_Start):
    """Deploy the notebook's model."""

    work = staticmethod(calls.start_deploy)


class StartVerify(_Start):
    """Compare the pipeline with the notebook."""

    work = staticmethod(calls.start_verify)


class OneOperation(Handler):
    """Long work, as far as it got."""

    @authenticated
    @authorized
    async def get(self, operation: str) -> None:
        """Answer its state."""
        await self.answer(calls.operation, self.notebook(), operation)


class Endpoints(Handler):
    """What is deployed from the notebook's project."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer the list."""
        await self.answer(calls.endpoints, self.notebook())


class OneEndpoint(Handler):
    """An endpoint."""

    @authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Stop it."""
        await self.answer(calls.stop_endpoint, self.notebook(), name)


class Predict(Handler):
    """Ask an endpoint, through this server: the browser may be far from the machine that serves."""

    @authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Answer the predictions for the rows."""
        body = self.body()
        await self.answer(calls.predict, self.notebook(body.get("path", "")), name, body.get("rows"))


class Sample(Handler):
    """The recorded rows of an endpoint's model."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Answer a row to try, with the notebook's own prediction."""
        await self.answer(calls.sample, self.notebook(), name)


class Unknown(Handler):
    """Any other path below the API."""

    @authenticated
    @authorized
    async def get(self, _path: str) -> None:
        """Answer that it does not exist."""
        raise HTTPError(404, "nbprod has no such address")

    post = put = patch = delete = get
