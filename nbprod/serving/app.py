"""The endpoint as a raw ASGI application: routes, answers, problems."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from . import inference, invocations, openapi
from .docs import page
from .exchange import (
    HTML,
    TEXT,
    Request,
    Response,
    json_response,
    problem_response,
    read_body,
    request_id,
    respond,
)
from .formats import sample_columns
from .metrics import Metrics
from .predictionlog import Entry, PredictionLog
from .problems import Problem
from .schema import Decoded, Schema
from .version import mlflow_version

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .exchange import Receive, Send
    from .model import LoadedModel

    Handler = Callable[[Request], Awaitable[Response]]

MOST_BYTES = 64 << 20
logger = logging.getLogger("nbprod.serving")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is served: the name and version it answers with, its prediction log, the largest body."""

    name: str
    version: str | None = None
    log: PredictionLog | None = None
    most_bytes: int = MOST_BYTES


class App:
    """Serves one model.

    Parameters
    ----------
    model
        The model.
    settings
        How it is served.
    """

    def __init__(self, model: LoadedModel, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        self.schema = Schema(model.manifest)
        self.example = example_request(model)
        self.identity = {"name": settings.name, "version": settings.version}
        labels = {"name": settings.name, "version": settings.version or "", "run": model.manifest.get("run", "")}
        self.metrics = Metrics(labels)
        # One thread: the model need not be thread-safe, and health checks are answered while it works.
        self._worker = ThreadPoolExecutor(1, "model")
        self._routes = self._table()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        request = Request(scope["method"], scope["path"], headers, b"", request_id(headers))
        started = perf_counter()
        try:
            handler = self._find(request)
            body = await read_body(receive, headers, self.settings.most_bytes)
            request = Request(request.method, request.path, headers, body, request.id)
            started = perf_counter()
            response = await handler(request)
        except Problem as problem:
            response = self._problem(problem, request)
        except Exception:
            logger.exception("request %s to %s failed", request.id, request.path)
            detail = f"the model raised an error; its log has it under request {request.id}"
            response = self._problem(Problem(500, detail), request)
        route = request.path if request.path in self._routes else "other"
        self.metrics.observe(route, response.status, perf_counter() - started, response.rows)
        await respond(send, response, request)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
                continue
            self._worker.shutdown()
            if self.settings.log:
                await asyncio.to_thread(self.settings.log.close)
            await send({"type": "lifespan.shutdown.complete"})
            return

    def _find(self, request: Request) -> Handler:
        methods = self._routes.get(request.path)
        if methods is None:
            raise Problem(404, f"there is no {request.path}; /docs shows what there is")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allowed = ", ".join(methods)
            raise Problem(405, f"{request.path} takes {allowed}", (), ((b"allow", allowed.encode()),))
        return handler

    def _table(self) -> dict[str, dict[str, Handler]]:
        name = f"/v2/models/{self.settings.name}"
        alive = _fixed(json_response({"status": "ok"}))
        ping = _fixed(Response(b"\n"))
        live, ready = _fixed(json_response({"live": True})), _fixed(json_response({"ready": True}))
        described = openapi.document(self.model.manifest, self.schema, self.settings.version, self.example)
        described_page = page(self.model.manifest, self.schema, self.identity, self.model.sample)
        identity = {"name": "nbprod", "version": self.settings.version or "", "extensions": []}
        about = inference.metadata({**self.model.manifest, "name": self.settings.name}, self.settings.version)
        gets: dict[str, Handler] = {
            "/ping": ping,
            "/health": ping,
            "/version": _fixed(Response(mlflow_version(self.model.path).encode())),
            "/livez": alive,
            "/readyz": alive,
            "/metrics": self._metrics,
            "/openapi.json": _fixed(json_response(described)),
            "/docs": _fixed(Response(described_page.encode(), media_type=HTML)),
            "/": _fixed(Response(b"", 307, TEXT, ((b"location", b"docs"),))),
            "/v2": _fixed(json_response(identity)),
            "/v2/health/live": live,
            "/v2/health/ready": ready,
            name: _fixed(json_response(about)),
            f"{name}/ready": ready,
        }
        posts: dict[str, Handler] = {
            "/predict": self._predict,
            "/invocations": self._invocations,
            f"{name}/infer": self._infer,
        }
        return {**{path: {"GET": found} for path, found in gets.items()}, **{p: {"POST": h} for p, h in posts.items()}}

    async def _predict(self, request: Request) -> Response:
        request.media_type("application/json")
        decoded = self.schema.decode(request.body)
        predictions, probabilities = await self._ask(decoded, request)
        answer: dict[str, Any] = {"predictions": predictions}
        if probabilities is not None:
            answer["probabilities"] = probabilities
        answer |= {"model": self.identity, "request_id": request.id}
        if decoded.ignored:
            answer["warnings"] = [f"the model has no input {name}; it was ignored" for name in decoded.ignored]
        return json_response(answer, decoded.count)

    async def _invocations(self, request: Request) -> Response:
        is_csv = request.media_type("application/json", "text/csv") == "text/csv"
        decode = invocations.decode_csv if is_csv else invocations.decode_json
        decoded = decode(request.body, self.schema)
        predictions, _ = await self._ask(decoded, request)
        return json_response({"predictions": predictions}, decoded.count)

    async def _infer(self, request: Request) -> Response:
        request.media_type("application/json")
        decoded, client_id = inference.decode(request.body, self.schema)
        predictions, probabilities = await self._ask(decoded, request)
        outputs = [inference.tensor("predictions", predictions)]
        if probabilities is not None:
            outputs.append(inference.tensor("probabilities", probabilities))
        answer = {"model_name": self.settings.name, "id": client_id or request.id, "outputs": outputs}
        if self.settings.version:
            answer["model_version"] = self.settings.version
        return json_response(answer, decoded.count)

    async def _metrics(self, _: Request) -> Response:
        text = self.metrics.text(self.settings.log.dropped if self.settings.log else 0)
        return Response(text.encode(), media_type=b"text/plain; version=0.0.4; charset=utf-8")

    async def _ask(self, decoded: Decoded, request: Request) -> tuple[list[Any], list[Any] | None]:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._worker, self._answer, decoded)
        if self.settings.log is not None and decoded.count:
            self.settings.log.put(Entry(time(), request.id, request.path, decoded.columns, *answer))
        return answer

    def _answer(self, decoded: Decoded) -> tuple[list[Any], list[Any] | None]:
        try:
            return self.model.predict_rows(decoded.columns, decoded.count)
        except (ValueError, OverflowError) as error:
            # The right types with values the model refuses, as an unseen category, are the client's affair; a model
            # that cannot answer even its own example is broken.
            if self.model.answers_example():
                raise Problem(422, f"the model refuses these values: {_first_line(error)}") from error
            raise
        except (StopIteration, SystemExit, KeyboardInterrupt) as error:
            # these would end the event loop, or never arrive there
            raise RuntimeError(f"the model raised {type(error).__name__}") from error

    def _problem(self, problem: Problem, request: Request) -> Response:
        if request.path != "/invocations":
            return problem_response(problem, request)
        code = "INTERNAL_ERROR" if problem.status >= 500 else "BAD_REQUEST"
        return problem_response(problem, request, {"error_code": code, "message": str(problem)})


def example_request(model: LoadedModel) -> dict[str, Any] | None:
    """Return a `/predict` body with the first row of the model's sample, None when it has no sample."""
    if model.sample is None or not model.sample["data"]:
        return None
    return {"rows": [{name: values[0] for name, values in sample_columns(model.sample, 1).items()}]}


def _fixed(response: Response) -> Handler:
    async def answer(_: Request) -> Response:
        return response

    return answer


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
