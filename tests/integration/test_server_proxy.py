"""Endpoints through the Jupyter server: who may, what is passed on, what comes back; the docs page in a browser."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from jupyter_rest import *  # noqa: F403
from jupyter_rest import PATH

from nbprod.config import Project
from nbprod.deploy.state import Files, Status
from nbprod.interfaces.server.births import started

PLACE = ("endpoint", *PATH.split("/"), "-")


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; `redirect` redirects, `page` is HTML."""

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        told = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode(),
        }
        content = json.dumps(told).encode()
        self.send_response(302 if self.path == "/redirect" else 418 if self.path == "/teapot" else 200)
        self.send_header("Content-Type", "text/html" if self.path in ("/page", "/docs") else "application/json")
        self.send_header("Set-Cookie", "stolen=1")
        self.send_header("Access-Control-Allow-Origin", "*")
        if self.path == "/redirect":
            self.send_header("Location", f"http://{self.headers['Host']}/docs?a=1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        pass


def endpoint(notebook, name, port):
    me = {"pid": os.getpid(), "started": started(os.getpid())}
    mine = {"supervisor": os.getpid(), "supervisor_started": started(os.getpid())}
    about = {"model": "small", "version": None, "model_path": "", "predictions": "", "since": "", "generation": 1}
    status = Status(endpoint=name, host="127.0.0.1", port=port, state="healthy", **about, **me, **mine)
    Files(Project.find(notebook).home, name).write(status)


@pytest.fixture
def echo(notebook):
    """An endpoint of the notebook's project that tells what reached it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        endpoint(notebook, "churn", server.server_port)
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_request_reaches_the_endpoint_without_what_is_jupyters(response, cookies, echo):
    headers = {"Cookie": f"{cookies}; _xsrf=secret", "X-XSRFToken": "secret", "Content-Type": "application/json"}
    params = {"token": "t", "a": "x y"}
    found = response(*PLACE, "churn", "predict", method="POST", body='{"rows": []}', headers=headers, params=params)
    told = json.loads(found.body)
    assert (found.code, told["method"], told["path"]) == (200, "POST", "/predict?a=x+y")
    assert told["body"] == '{"rows": []}'
    assert told["headers"]["host"] == echo
    assert told["headers"]["content-type"] == "application/json"
    assert {"cookie", "authorization", "x-xsrftoken", "referer", "origin"} & set(told["headers"]) == set()
    assert "secret" not in found.body.decode()


def test_an_answer_comes_back_without_cookies_and_rights(response, echo):
    found = response(*PLACE, "churn", "teapot")
    assert found.code == 418
    assert "stolen" not in str(found.headers.get_list("Set-Cookie"))
    assert found.headers.get("Access-Control-Allow-Origin", "") != "*"
    assert "sandbox" not in found.headers["Content-Security-Policy"]
    assert "sandbox" in response(*PLACE, "churn", "page").headers["Content-Security-Policy"]
    assert "default-src 'none'" in response(*PLACE, "churn", "docs").headers["Content-Security-Policy"]


def test_every_method_is_passed_on(response, echo):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        body = "x" if method in ("POST", "PUT", "PATCH") else None
        told = json.loads(response(*PLACE, "churn", "any", method=method, body=body).body)
        assert (told["method"], told["body"]) == (method, body or "")
    assert response(*PLACE, "churn", "any", method="HEAD").code == 200


def test_redirects_stay_below_the_prefix(response, echo):
    found = response(*PLACE, "churn", "redirect", follow_redirects=False)
    assert (found.code, found.headers["Location"]) == (
        302,
        "/a%40b/nbprod/endpoint/sub%20folder/small.ipynb/-/churn/docs?a=1",
    )
    for parts in ((*PLACE, "churn"), (*PLACE, "churn", "")):
        found = response(*parts, follow_redirects=False)
        assert found.headers["Location"] == "/a%40b/nbprod/endpoint/sub%20folder/small.ipynb/-/churn/docs"


def test_the_rest_of_the_address_is_passed_on_as_it_is_written(raw, echo):
    place = "endpoint/sub%20folder/small.ipynb/-/churn"
    assert json.loads(raw(f"{place}/v2/a%2Fb%20c/x").body)["path"] == "/v2/a%2Fb%20c/x"
    assert json.loads(raw(f"{place}/x.ipynb/-/y").body)["path"] == "/x.ipynb/-/y"
    for rest in ("..%2Fx", "%252e%252e%2Fx", "../x", "a%0d%0aX-Injected:%201", "a%00"):
        assert raw(f"{place}/{rest}").code == 404


def test_strangers_and_other_sites_are_refused(response, as_browser, echo, http_server_client):
    here = f"http://127.0.0.1:{http_server_client.get_http_port()}"
    post = {"method": "POST", "body": "{}"}
    assert response(*PLACE, "churn", "predict", headers={"Authorization": "none"}, **post).code == 403
    refused = response(*PLACE, "churn", "docs", headers={"Authorization": "none"}, follow_redirects=False)
    assert (refused.code, "login" in refused.headers["Location"]) == (302, True)
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/"},
        {"Sec-Fetch-Site": "cross-site", "Origin": here},
        {"Sec-Fetch-Site": "same-site"},
        {"X-XSRFToken": "wrong"},
    ):
        found = as_browser(*PLACE, "churn", "predict", headers=headers, **post)
        assert (found.code, json.loads(found.body)["error"]["code"]) == (403, "NB931"), headers
    for headers in ({"Origin": here}, {"Referer": f"{here}/lab"}, {"Sec-Fetch-Site": "same-origin"}):
        assert as_browser(*PLACE, "churn", "predict", headers=headers, **post).code == 200


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("missing.ipynb", "churn"),
        ("../outside.ipynb", "churn"),
        ("..%2Foutside.ipynb", "churn"),
        (PATH, "nobody"),
        (PATH, "http:%2F%2F127.0.0.1"),
        (PATH, "%2e%2e"),
        (PATH, ".."),
        (PATH, "127.0.0.1:80"),
    ],
)
def test_only_endpoints_of_the_notebooks_project_are_reached(raw, echo, path, name, jp_root_dir, make_notebook):
    make_notebook(jp_root_dir.parent / "outside.ipynb", ["a = 1"])
    assert raw(f"endpoint/{path.replace(' ', '%20')}/-/{name}/docs").code == 404


def test_an_endpoint_that_does_not_answer_is_told(response, notebook):
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        port = server.server_port
    endpoint(notebook, "gone", port)
    found = response(*PLACE, "gone", "docs")
    assert (found.code, json.loads(found.body)["error"]["code"]) == (502, "NB931")
