"""One HTTP exchange on bare ASGI: the request as handlers see it, the response as they make it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .answers import encode
from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON = b"application/json"
PROBLEM = b"application/problem+json"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request: method, path, headers by lower-case name, body, and the id that its answer and its log lines carry."""

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    body: bytes
    id: str

    def media_type(self, *accepted: str) -> str:
        """Return the body's media type, without parameters; raises `Problem` 415 for any but `accepted`."""
        given, _, rest = self.headers.get(b"content-type", accepted[0].encode()).decode("latin-1").partition(";")
        found = given.strip().lower()
        parameters = dict(part.strip().lower().partition("=")[::2] for part in rest.split(";") if part.strip())
        charset = parameters.get("charset", "utf-8").strip('"')
        if found not in accepted or charset not in ("utf-8", "utf8"):
            raise Problem(415, f"expected content-type {' or '.join(accepted)} in UTF-8, got {given.strip()}")
        if b"content-encoding" in self.headers:
            raise Problem(415, "send the body without content-encoding")
        return found


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `rows` is how many rows were predicted."""

    body: bytes
    status: int = 200
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())
    rows: int = 0


def json_response(value: Any, rows: int = 0) -> Response:
    """Return a value as a JSON response."""
    return Response(encode(value), rows=rows)


def problem_response(problem: Problem, request: Request, more: Mapping[str, Any] | None = None) -> Response:
    """Return a problem as its response."""
    body = {**problem.as_json(request.path, request.id), **(more or {})}
    return Response(encode(body), problem.status, PROBLEM, problem.headers)


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """Return the client's `x-request-id` when it is sane, else a new id."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if 0 < len(given) <= 128 and given.isprintable() and given.isascii() else uuid4().hex


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """Return the whole body; raises `Problem` 413 beyond `limit` bytes."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the client went away")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)


async def respond(send: Send, response: Response, request: Request) -> None:
    """Send a response; a HEAD request gets its headers only."""
    headers = [
        (b"content-type", response.media_type),
        (b"content-length", str(len(response.body)).encode()),
        (b"x-request-id", request.id.encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})


def _too_large(limit: int) -> Problem:
    detail = f"the body is larger than {limit} bytes; send fewer rows at a time"
    return Problem(413, detail, (), ((b"connection", b"close"),))
