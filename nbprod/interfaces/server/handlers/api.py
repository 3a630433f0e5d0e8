"""The one handler of the REST: it looks a request up in the table of routes, calls the function there, answers JSON."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized  # noqa: TID253 (only Jupyter's server imports this module)
from tornado.web import HTTPError, authenticated  # noqa: TID253 (only Jupyter's server imports this module)

from nbprod.core.errors import UnavailableError, UsageError
from nbprod.interfaces.server.asked import Asked
from nbprod.interfaces.server.drafts import OvertakenError
from nbprod.interfaces.server.handlers.base import Handler
from nbprod.interfaces.server.paths import relative

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nbprod.interfaces.server.table import Route

PAGE_POLICY = "sandbox allow-scripts; frame-ancestors 'self'"
"""For pages made of what users' code printed: scripts may run, but not as Jupyter's."""


class Api(Handler):
    """All routes of one address, by method."""

    def initialize(self, by_method: Mapping[str, Route], names: Mapping[str, str]) -> None:
        """Take the routes of the address, and the names in it that its pattern does not tell."""
        self.by_method = by_method
        self.names = names
        self.gone = False

    @authenticated
    @authorized
    async def get(self, **names: str) -> None:
        """Answer what is asked for."""
        await self.answer(names)

    @authenticated
    @authorized
    async def post(self, **names: str) -> None:
        """Do what is asked for, and answer what came of it."""
        await self.answer(names)

    @authenticated
    @authorized
    async def delete(self, **names: str) -> None:
        """Remove what is named, and answer what came of it."""
        await self.answer(names)

    async def answer(self, names: Mapping[str, str]) -> None:
        """Call the route's function in a thread and send what it returns."""
        route = self.by_method.get(self.request.method)
        if route is None:
            self.set_header("Allow", ", ".join(self.by_method))
            raise HTTPError(405, f"{self.request.method} is not possible here")
        asked = self.asked(route, names)
        work = partial(self.thread, route.call, asked)
        try:
            found = await (self.in_turn(asked.notebook, work, route.draft) if route.draft else work())
        except OSError as error:
            raise UnavailableError("NB928", str(error), "nbprod doctor checks this machine") from error
        # who only looks must not keep a server awake that a hub would end
        self._track_activity = route.method != "GET"
        if isinstance(found, Path):
            await self.page(found)
        else:
            self.finish(written(found))

    def asked(self, route: Route, names: Mapping[str, str]) -> Asked:
        """Return the request as the route's function takes it; raises `UsageError` when it is not well-formed."""
        given = (
            self.body()
            if route.method == "POST"
            else {name: self.get_query_argument(name, strip=False) for name in self.query}
        )
        root = Path(self.settings["server_root_dir"])
        notebook = self.notebook(given.get("path", "")) if route.about else root
        path = relative(root, notebook) if route.about else ""
        fields = {name: field.checked(name, given) for name, field in route.fields.items()}
        kept = self.extension
        return Asked(root, path, notebook, kept.changes, kept.mlflow, {**self.names, **names}, fields)

    @property
    def query(self) -> list[str]:
        """The names in the query, Jupyter's own token left out."""
        return [name for name in self.request.query_arguments if name != "token"]

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object; raises `UsageError` for anything else."""
        try:
            found = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise UsageError("NB930", f"the request is not JSON: {error}", "send a JSON object") from error
        if not isinstance(found, dict):
            raise UsageError("NB930", "the request is not a JSON object", "send a JSON object")
        return found

    async def in_turn(self, notebook: Path, work: Callable[[], Awaitable[Any]], draft: str) -> Any:
        """Analyse what the editor holds when it is its turn, unless a newer request came meanwhile."""
        try:
            return await self.extension.drafts.answer(notebook, work, wanted=self.wanted, last=draft == "newest")
        except OvertakenError as error:
            raise HTTPError(409, "a newer request about this notebook came meanwhile") from error

    def wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return not self.gone

    def on_connection_close(self) -> None:
        """Remember that whoever asked is gone."""
        self.gone = True

    async def page(self, file: Path) -> None:
        """Send a page made of what users' code printed, without Jupyter's rights."""
        content = await asyncio.to_thread(file.read_bytes)
        self.set_header("Content-Security-Policy", PAGE_POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(content, set_content_type="text/html; charset=utf-8")


def written(value: Any) -> str:
    """Return a value as JSON that browsers read: numbers that JSON has not are null."""
    try:
        return json.dumps(value, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_finite(value), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


class Unknown(Handler):
    """Any other address below ours."""

    @authenticated
    @authorized
    async def get(self, _path: str) -> None:
        """Answer that it does not exist."""
        raise HTTPError(404, "nbprod has no such address")

    @authenticated
    @authorized
    async def post(self, _path: str) -> None:
        """Answer that it does not exist."""
        raise HTTPError(404, "nbprod has no such address")

    @authenticated
    @authorized
    async def delete(self, _path: str) -> None:
        """Answer that it does not exist."""
        raise HTTPError(404, "nbprod has no such address")
