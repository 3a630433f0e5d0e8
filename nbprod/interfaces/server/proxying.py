"""What is passed on between a browser and a server behind this one, and what is not: pure functions over headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TO_TARGET = {
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "range",
    "x-request-id",
}
"""Request headers that are passed on; neither cookies nor any other proof of who the user is are among them."""

TO_BROWSER = {
    "accept-ranges",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-range",
    "content-type",
    "etag",
    "expires",
    "last-modified",
    "retry-after",
    "x-request-id",
}
"""Response headers that are passed on: no cookies, no rights for other origins, nothing about the connection."""

PRIVATE = ("token", "_xsrf")
"""Names in a query that are for Jupyter alone."""

DOCUMENTS = ("text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml")
"""Types that a browser shows as a document, in which scripts may run."""

SANDBOX = "sandbox allow-scripts; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class Target:
    """A server behind this one.

    Attributes
    ----------
    url
        Where it answers.
    page
        The one path below it whose page may act as the user; any other document is shown without such rights.
    policy
        The content security policy of that page.
    """

    url: str
    page: str
    policy: str

    def address(self, rest: str, query: str) -> str:
        """Return the address behind this server for a path and a query as they came."""
        kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) not in PRIVATE]
        return f"{self.url.rstrip('/')}/{rest}{'?' if kept else ''}{'&'.join(kept)}"

    def answered(self, prefix: str, rest: str, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return the headers of an answer as the browser gets them.

        `prefix` is what the target's addresses begin with for a browser, without a slash at the end; `rest` what came
        after it.
        """
        given = [(name.lower(), value) for name, value in headers]
        found = {name: value for name, value in given if name in TO_BROWSER}
        found |= {name: self.moved(prefix, value) for name, value in given if name == "location"}
        kind = found.get("content-type", "").partition(";")[0].strip().lower()
        if kind == DOCUMENTS[0] and rest == self.page:
            policy = self.policy
        else:
            policy = SANDBOX if kind in DOCUMENTS or not kind else "frame-ancestors 'self'"
        return {**found, "content-security-policy": policy, "x-content-type-options": "nosniff"}

    def moved(self, prefix: str, location: str) -> str:
        """Return where a redirect of the target leads for a browser: below the prefix if it stays with the target."""
        own, to = urlsplit(self.url), urlsplit(location)
        if to.netloc and (to.netloc != own.netloc or to.scheme not in ("", "http", "https")):
            return location
        if not to.netloc and not to.path.startswith("/"):
            return location
        base = own.path.rstrip("/")
        path = to.path.removeprefix(base) if to.path.startswith(f"{base}/") else to.path
        return urlunsplit(("", "", f"{prefix}/{path.lstrip('/')}", to.query, to.fragment))


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request as the target gets them."""
    return {name: value for name, value in headers.items() if name.lower() in TO_TARGET}


def climbs(rest: str) -> bool:
    """Whether a path leaves what it is below, however it is written."""
    plain = unquote(unquote(rest)).replace("\\", "/")
    return ".." in plain.split("/") or any(ord(letter) < 32 for letter in plain)


def same_origin(headers: Mapping[str, str], host: str) -> bool:
    """Whether a browser says that a page of this very server sends the request; no page can make it say so falsely."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    said = headers.get("Origin") or headers.get("Referer")
    return bool(said) and urlsplit(said).netloc.lower() == host.lower()
