"""What is passed on between a browser and a server behind Jupyter's, and what is not."""

from __future__ import annotations

import pytest

from nbprod.interfaces.server.proxying import SANDBOX, Target, climbs, passed_on, same_origin

PREFIX = "/user/a%40b/nbprod/endpoint/x.ipynb/-/churn"
TARGET = Target("http://127.0.0.1:8642", "docs", "page's own")
DEEP = Target("https://models.example/deployed/churn/", "docs", "page's own")


def test_proofs_of_who_the_user_is_stay_here():
    given = {
        "Cookie": "a=1",
        "Authorization": "token t",
        "X-XSRFToken": "x",
        "Origin": "http://h",
        "Referer": "http://h/?token=t",
        "Host": "h",
        "Connection": "keep-alive, X-Secret",
        "X-Secret": "s",
        "Proxy-Authorization": "p",
        "Transfer-Encoding": "chunked",
        "Forwarded": "for=1",
        "Content-Type": "application/json",
        "ACCEPT": "*/*",
    }
    assert passed_on(given) == {"Content-Type": "application/json", "ACCEPT": "*/*"}


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("a=1&b=%2F&b=x+y", "?a=1&b=%2F&b=x+y"),
        ("token=t&a=1&_xsrf=x", "?a=1"),
        ("t%6Fken=t&%5Fxsrf=x", ""),
        ("tokens=3", "?tokens=3"),
    ],
)
def test_jupyters_own_fields_are_taken_off_the_query(query, kept):
    assert TARGET.address("predict", query) == f"http://127.0.0.1:8642/predict{kept}"


def test_the_rest_of_an_address_is_passed_on_as_it_was_written():
    assert DEEP.address("v2/models/a%2Fb/infer", "") == "https://models.example/deployed/churn/v2/models/a%2Fb/infer"


@pytest.mark.parametrize(
    ("location", "leads"),
    [
        ("http://127.0.0.1:8642/docs?a=1#b", f"{PREFIX}/docs?a=1#b"),
        ("//127.0.0.1:8642/docs", f"{PREFIX}/docs"),
        ("/docs", f"{PREFIX}/docs"),
        ("docs", "docs"),
        ("?a=1", "?a=1"),
        ("https://elsewhere.example/docs", "https://elsewhere.example/docs"),
        ("http://127.0.0.1:9999/", "http://127.0.0.1:9999/"),
    ],
)
def test_redirects_stay_below_the_prefix(location, leads):
    assert TARGET.moved(PREFIX, location) == leads


def test_redirects_of_a_target_with_a_path_of_its_own():
    assert DEEP.moved(PREFIX, "/deployed/churn/docs") == f"{PREFIX}/docs"
    assert DEEP.moved(PREFIX, "https://models.example/deployed/churn/") == f"{PREFIX}/"


def test_an_answer_brings_no_cookies_and_no_rights():
    given = [
        ("Set-Cookie", "a=1"),
        ("Access-Control-Allow-Origin", "*"),
        ("Clear-Site-Data", "*"),
        ("Service-Worker-Allowed", "/"),
        ("X-Frame-Options", "DENY"),
        ("Content-Security-Policy", "sandbox"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Type", "application/json"),
        ("ETag", "x"),
        ("Location", "/docs"),
    ]
    assert TARGET.answered(PREFIX, "predict", given) == {
        "content-type": "application/json",
        "etag": "x",
        "location": f"{PREFIX}/docs",
        "content-security-policy": "frame-ancestors 'self'",
        "x-content-type-options": "nosniff",
    }


@pytest.mark.parametrize(
    ("rest", "kind", "policy"),
    [
        ("docs", "text/html; charset=utf-8", "page's own"),
        ("docs", "image/svg+xml", SANDBOX),
        ("docs/", "text/html", SANDBOX),
        ("other", "TEXT/HTML", SANDBOX),
        ("picture", "image/svg+xml", SANDBOX),
        ("other", "", SANDBOX),
        ("metrics", "text/plain", "frame-ancestors 'self'"),
    ],
)
def test_only_the_page_we_made_may_act_as_the_user(rest, kind, policy):
    headers = [("Content-Type", kind)] if kind else []
    assert TARGET.answered(PREFIX, rest, headers)["content-security-policy"] == policy


@pytest.mark.parametrize(
    "rest", ["..", "../x", "a/../../x", "%2e%2e/x", "%252e%252e/x", "a\\..\\x", "a%00", "a%0d%0ab"]
)
def test_paths_that_climb(rest):
    assert climbs(rest)


@pytest.mark.parametrize("rest", ["", "docs", "a..b", "v2/models/x", "...", "a%20b"])
def test_paths_that_stay(rest):
    assert not climbs(rest)


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({}, False),
        ({"Origin": "http://h:8888"}, True),
        ({"Origin": "https://h:8888"}, True),  # a proxy before Jupyter may speak TLS
        ({"Origin": "http://H:8888"}, True),
        ({"Origin": "http://h"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Referer": "http://h:8888/lab"}, True),
        ({"Referer": "http://evil.example/?http://h:8888"}, False),
        ({"Origin": "http://evil.example", "Referer": "http://h:8888/"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://h:8888"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://h:8888"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_which_requests_come_from_a_page_of_this_server(headers, same):
    assert same_origin(headers, "h:8888") is same
