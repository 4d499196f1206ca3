"""The store's HTTP side: takes OTLP, answers the reading API, hands out the page. For loopback only.

A web page of anybody's may make a browser send requests to loopback. So only names of loopback are served
(or a page could be reached under a name of its own that resolves to it), nothing says that other origins
may read, and spans are taken in content types only for which a browser asks first, which is never answered.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib import resources
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.traces.errors import BusyError, MalformedError, TooLargeError
from local.traces.otlp import JSON, PROTOBUF, answer, read_request, unpacked
from local.traces.store import Store
from local.traces.views import Views

LARGEST = 16 * 1024 * 1024  # bytes of one export request, before and after unpacking
SETTLE = 2.0  # seconds that a reader waits until what came before is written
MOST_TRACES = 500  # in one list
_LOOPBACK = ["127.0.0.1", "localhost"]
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PAGE = {
    "index.html": "text/html; charset=utf-8",
    "trace.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "list.js": "text/javascript; charset=utf-8",
    "trace.js": "text/javascript; charset=utf-8",
    "format.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

type Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def create_app(store: Store, *, lifespan: Lifespan | None = None, largest: int = LARGEST) -> Starlette:
    """Return the application over a store.

    `lifespan` is what runs beside it, `largest` how many bytes a request may have.
    """
    server = _Server(store, largest)
    return Starlette(
        routes=[
            Route("/v1/traces", server.receive, methods=["POST"]),
            Route("/api/traces", server.traces),
            Route("/api/traces/{id:path}", server.trace),
            Route("/api/health", server.health),
            Route("/", _file("index.html")),
            Route("/traces/{id:path}", _file("trace.html")),
            *(Route(f"/page/{name}", _file(name)) for name in _PAGE if not name.endswith(".html")),
        ],
        middleware=[
            Middleware(_WithHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=_LOOPBACK, www_redirect=False),
        ],
        lifespan=lifespan,
    )


class _Server:
    def __init__(self, store: Store, largest: int) -> None:
        self._store = store
        self._views = Views(store)
        self._reading = threading.Lock()
        self._largest = largest

    async def receive(self, request: Request) -> Response:
        """Take an export request (OTLP specification, OTLP/HTTP)."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (PROTOBUF, JSON):
            return _refusal(415, f"Content-Type is to be {PROTOBUF} or {JSON}")
        try:
            body = await self._body(request)
            encoding = request.headers.get("content-encoding", "").strip().lower()
            rejected = await run_in_threadpool(self._take, body, encoding, media_type)
        except MalformedError as exc:
            return _refusal(400, str(exc))
        except TooLargeError as exc:
            return _refusal(413, str(exc))
        except BusyError as exc:
            return _refusal(503, str(exc), {"Retry-After": "1"})
        return Response(answer(media_type, rejected), media_type=media_type)

    async def traces(self, request: Request) -> Response:
        """Answer the list of the newest traces."""
        query = request.query_params
        try:
            limit = int(query.get("limit", "50"))
        except ValueError:
            return _refusal(400, "limit is to be a number")
        answered = await run_in_threadpool(
            self._read,
            lambda: self._views.traces(
                limit=max(1, min(limit, MOST_TRACES)),
                runtime=query.get("runtime") or None,
                error=query.get("error") == "true",
                aside=query.get("aside") == "true",
                task=query.get("task") or None,
            ),
        )
        return _json(answered)

    async def trace(self, request: Request) -> Response:
        """Answer one trace."""
        wanted = request.path_params["id"]
        view = await run_in_threadpool(self._read, lambda: self._views.trace(wanted))
        return (
            _refusal(404, "there is no such trace, and no trace of such a task")
            if view is None
            else _json(view)
        )

    async def health(self, _: Request) -> Response:
        """Answer what the store has."""
        return _json_bytes(json.dumps(await run_in_threadpool(self._store.count)).encode())

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._largest:
                raise TooLargeError(f"more than {self._largest} bytes")
        return bytes(body)

    def _take(self, body: bytes, encoding: str, media_type: str) -> int:
        received = read_request(unpacked(body, encoding, limit=self._largest), media_type)
        self._store.add(received.spans)
        return received.rejected

    def _read[View](self, view: Callable[[], View]) -> View:
        with self._reading:
            self._store.settle(SETTLE)
            return view()


class _WithHeaders:
    """Adds the headers that every answer has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _file(name: str) -> Callable[[Request], Response]:
    content = resources.files("local.traces").joinpath("page", name).read_bytes()

    def serve(_: Request) -> Response:
        return Response(content, media_type=_PAGE[name])

    return serve


def _json(answered: BaseModel) -> Response:
    return _json_bytes(answered.model_dump_json().encode())


def _json_bytes(content: bytes) -> Response:
    return Response(content, media_type=JSON)


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps({"message": message}).encode()
    return Response(content, status, headers=headers, media_type=JSON)
