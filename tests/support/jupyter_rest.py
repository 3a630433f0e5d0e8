"""Fixtures to ask the REST of the server extension in a real Jupyter server, which serves below a base URL.

For test modules only, by `from jupyter_rest import *`: as a plug-in, the fixtures would slow every test.
"""

from __future__ import annotations

import json
import time

import pytest
from jupyter_process import declared
from pytest_jupyter.jupyter_server import *  # noqa: F403
from tornado.httpclient import HTTPClientError

PATH = "sub folder/small.ipynb"
CELLS = [
    ("parameters", "n = 3  # how many rows\nname = 'a'"),
    ("stage:load", "rows = list(range(n))"),
    ("stage:total", "total = sum(rows)\nprint('total', total)"),
]


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"nbprod.interfaces.server": True}}}


@pytest.fixture
def notebook(jp_root_dir, make_notebook, monkeypatch):
    """A tagged notebook in the server's tree."""
    monkeypatch.delenv("NBPROD_HOME", raising=False)
    (jp_root_dir / ".git").mkdir(exist_ok=True)
    return make_notebook(jp_root_dir / PATH, CELLS)


@pytest.fixture
def response(jp_fetch, jp_asyncio_loop, jp_web_app):
    """Fetch an address below `nbprod/`; a refusal is a response too."""

    async def asked(parts, options):
        # Within the loop: outside, a client looks for the thread's own, which another test may have taken away.
        return await jp_fetch("nbprod", *parts, **options)

    def response(*parts, **options):
        try:
            return jp_asyncio_loop.run_until_complete(asked(parts, options))
        except HTTPClientError as refusal:
            if refusal.response is None:
                raise
            return refusal.response

    yield response
    extension = jp_web_app.settings.get("nbprod")
    if extension:
        extension.close()


@pytest.fixture
def raw(http_server_client, jp_asyncio_loop, jp_base_url, jp_auth_header):
    """Fetch an address below `nbprod/` just as it is written, escapes and all."""

    async def asked(address, headers, options):
        url = f"{jp_base_url}nbprod/{address}"
        return await http_server_client.fetch(url, headers=headers, raise_error=False, **options)

    def raw(address, headers=None, **options):
        headers = {**jp_auth_header, **(headers or {})}
        return jp_asyncio_loop.run_until_complete(asked(address, headers, options))

    return raw


@pytest.fixture
def fetch(response):
    """Fetch a route: status and the parsed body."""

    def fetch(route, **options):
        found = response("api", *route.split("/"), **options)
        return found.code, json.loads(found.body)

    return fetch


@pytest.fixture
def ask(fetch, notebook):
    """Ask a route about the notebook; a refusal returns its status and the error object."""
    return asker(fetch)


def asker(fetch):
    def ask(method, route, path=PATH, **fields):
        if method == "POST":
            options = {"body": json.dumps({"path": path, **fields})}
        else:
            options = {"params": {"path": path, **fields}}
        code, found = fetch(route, method=method, **options)
        return code, found["error"] if code >= 400 else declared(method, route, found)

    return ask


@pytest.fixture
def settled(ask):
    """Ask until something is no longer running."""

    def settled(route, key="state", path=PATH):
        return until(ask, route, lambda found: found[key] != "running", path)

    return settled


def until(ask, route, reached, path=PATH):
    """Ask until what is answered is as it should be; return it."""
    last = time.monotonic() + 60
    while True:
        code, found = ask("GET", route, path)
        assert code == 200, found
        if reached(found) or time.monotonic() > last:
            return found
        time.sleep(0.05)


@pytest.fixture
def cookies(response):
    """The cookie of a user who has logged in, as a browser keeps it."""
    found = response("api", "status").headers.get_list("Set-Cookie")
    return next(cookie.split(";")[0] for cookie in found if cookie.startswith("username-"))


@pytest.fixture
def as_browser(response, cookies):
    """Fetch as a browser does: logged in by a cookie, with headers of its own."""

    def as_browser(*parts, headers=None, **options):
        given = {"Authorization": "none", "Cookie": cookies, **(headers or {})}
        return response(*parts, headers=given, **options)

    return as_browser
