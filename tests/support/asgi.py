"""A client for an ASGI application, without a network."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        return [(item["field"], item["expected"], item["got"]) for item in self.json.get("errors", [])]


class Client:
    def __init__(self, app: Any) -> None:
        self.app = app

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, b"", headers)

    def post(self, path: str, body: Any, kind: str = "application/json", **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, content, {"content-type": kind, **headers})

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        return asyncio.run(self._send(method, path, body, headers))

    async def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        given = {"content-length": str(len(body)), **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "headers": [(key.replace("_", "-").encode(), value.encode()) for key, value in given.items()],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))
