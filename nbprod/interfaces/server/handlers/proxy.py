"""Pages and addresses of servers behind this one: an endpoint's own, MLflow's. The browser reaches nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized  # noqa: TID253 (only Jupyter's server imports this module)
from jupyter_server.utils import url_path_join  # noqa: TID253 (only Jupyter's server imports this module)
from tornado.httpclient import HTTPRequest  # noqa: TID253 (only Jupyter's server imports this module)
from tornado.web import HTTPError, authenticated  # noqa: TID253 (only Jupyter's server imports this module)

from nbprod import api
from nbprod.config import Project
from nbprod.interfaces.server.handlers.base import Told
from nbprod.interfaces.server.mlflow import on_this_machine
from nbprod.interfaces.server.paths import relative
from nbprod.interfaces.server.proxying import Target, climbs, passed_on, same_origin

if TYPE_CHECKING:
    from pathlib import Path

MOST_SENT = 64_000_000
SECONDS = 120.0
DOCS_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
MLFLOW_POLICY = "frame-ancestors 'self'"


class Proxy(Told, ABC):
    """Passes requests on; who may send them, and what of them, is decided here."""

    route = ""
    home = ""
    """The page at the prefix itself."""

    @abstractmethod
    async def target(self, notebook: Path, name: str) -> Target:
        """Return the server behind this one."""

    @authenticated
    @authorized
    async def get(self, **names: str) -> None:
        """Pass it on, whatever its method."""
        await self.forward(**names)

    head = post = put = patch = delete = get

    def check_xsrf_cookie(self) -> None:
        """Take a request with Jupyter's own token, or of a page of this server: the pages behind know of no token."""
        try:
            super().check_xsrf_cookie()
        except HTTPError:
            if not same_origin(self.request.headers, self.request.host):
                raise HTTPError(403, "the request came from another site") from None

    async def forward(self, path: str, name: str = "", rest: str | None = None) -> None:
        """Send the request on, and the answer back."""
        if len(self.request.body) > MOST_SENT:
            raise HTTPError(413, f"more than {MOST_SENT // 1_000_000} MB cannot be passed on")
        notebook = self.notebook(path)
        prefix = url_path_join(self.base_url, self.route, quote(self.named(notebook)), "-", name).rstrip("/")
        if rest is None or (rest == "" and self.home):
            self.redirect(f"{prefix}/{self.home}")
            return
        written = self.written(name)
        if climbs(written):
            raise HTTPError(404, "there is no such address")
        target = await self.target(notebook, name)
        self.send(await self.asked(target.address(written, self.request.query)), target, prefix, rest)

    def named(self, notebook: Path) -> str:
        """Return a notebook's path as addresses have it."""
        return relative(self.settings["server_root_dir"], notebook)

    def written(self, name: str) -> str:
        """Return the rest of the address with its escapes as they came."""
        after: str = self.request.path.split(".ipynb/-/", 1)[1]
        return after.removeprefix(f"{name}/") if name else after

    async def asked(self, address: str) -> Any:
        """Return the answer of what is behind this server."""
        request = HTTPRequest(
            address,
            method=self.request.method or "GET",
            # who asks may be far away: some servers allow more to their own machine
            headers={**passed_on(self.request.headers), "X-Forwarded-For": self.request.remote_ip or ""},
            body=self.request.body or None,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            decompress_response=False,
            connect_timeout=10.0,
            request_timeout=SECONDS,
        )
        try:
            return await self.extension.client.fetch(request, raise_error=False)
        except (OSError, ValueError) as error:
            raise HTTPError(502, f"what should answer does not: {error}") from error

    def send(self, answer: Any, target: Target, prefix: str, rest: str) -> None:
        """Send an answer back, without what is not for the browser."""
        if answer.code == UNANSWERED:
            raise HTTPError(502, f"what should answer does not: {answer.error}")
        self.clear_header("Content-Type")
        for header, value in target.answered(prefix, rest, answer.headers.get_all()).items():
            self.set_header(header, value)
        self.set_status(answer.code, answer.reason)
        if answer.body and answer.code not in (204, 304):
            self.write(answer.body)
        self.finish()


UNANSWERED = 599
"""What tornado says where no answer came."""


class EndpointProxy(Proxy):
    """An endpoint's documentation, its API, its metrics: named, never addressed."""

    route = "nbprod/endpoint"
    home = "docs"

    async def target(self, notebook: Path, name: str) -> Target:
        """Return the endpoint of that name in the notebook's project."""
        found = await self.thread(api.endpoint, name, notebook)
        return Target(found.url, "docs", DOCS_POLICY)


class MlflowProxy(Proxy):
    """MLflow's pages of the notebook's project, started again if they ended meanwhile."""

    route = "nbprod/mlflow"

    async def target(self, notebook: Path, name: str) -> Target:
        """Return MLflow's server for the notebook's project, when it is on this machine."""
        del name
        url = await self.thread(lambda: self.extension.mlflow.url(Project.find(notebook)))
        if not on_this_machine(url):
            raise HTTPError(404, f"MLflow is at {url}")
        return Target(url, "", MLFLOW_POLICY)
