"""Below the routes: counting, cut connections, late headers, cut-off JSON, a server that is away."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.sketch.admin import PREFIX, answer_admin
from local.sketch.errors import ServerRestartedError
from local.sketch.faults import Fault, FaultKind
from local.sketch.sdwebui.engine import Engine
from local.sketch.stats import Stats

RESTART_SECONDS = 1.0

type Ends = tuple[tuple[str, int] | None, tuple[str, int] | None]
_TRANSPORTS: dict[Ends, asyncio.Transport] = {}


class WireProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with its connections known by their two addresses so that they can be cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        _TRANSPORTS[self._ends()] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        _TRANSPORTS.pop(self._ends(), None)
        super().connection_lost(exc)

    def _ends(self) -> Ends:
        return self.server, self.client  # type: ignore[return-value]


@dataclass(slots=True)
class Conduct:
    """What a request says about itself, and the fault that its job got; `job` names what it runs."""

    traceparent: str | None = None
    fault: Fault | None = None
    job: str | None = None
    received_ns: int = 0

    @classmethod
    def of(cls, http: Request, engine: Engine, name: str | None = None) -> "Conduct":
        """Called once by each route that runs a job: takes the job's fault from the plan."""
        conduct: Conduct = http.scope["conduct"]
        conduct.job = name or http.url.path.rpartition("/")[2]
        conduct.fault = engine.faults.take()
        return conduct


class WireMiddleware:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine
        self._away_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(PREFIX):
            await self._admin(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._away_until:
            await cut(scope)
            return
        self._engine.stats.requests[f"{scope['method']} {scope['path']}"] += 1
        conduct = scope["conduct"] = Conduct(_header(scope, b"traceparent"))

        async def timed_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                conduct.received_ns = time.monotonic_ns()
            return message

        try:
            await self._app(scope, timed_receive, Bent(scope, send, self._engine.stats))
        except ServerRestartedError:
            if self._engine.restarts.is_set():
                self._restart(scope)
            await cut(scope)

    async def _admin(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        response = answer_admin(scope["method"], scope["path"], body, self._engine.faults, self._engine.stats)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        if response.restart:
            self._restart(scope)

    def _restart(self, scope: Scope) -> None:
        self._engine.restarts.clear()
        fault: Fault | None = scope["conduct"].fault if "conduct" in scope else None
        seconds = fault.seconds_or(RESTART_SECONDS) if fault else RESTART_SECONDS
        self._away_until = asyncio.get_running_loop().time() + seconds
        self._engine.boot()
        mine = tuple(scope["client"])
        for (server, client), transport in list(_TRANSPORTS.items()):
            if server == tuple(scope["server"]) and client != mine:
                transport.abort()


class Bent:
    """A send channel that bends the answer as the job's fault says."""

    def __init__(self, scope: Scope, send: Send, stats: Stats) -> None:
        self._scope = scope
        self._send = send
        self._stats = stats

    async def __call__(self, message: Message) -> None:
        """Pass a message on, late or damaged where scripted."""
        conduct: Conduct = self._scope["conduct"]
        fault = conduct.fault
        if fault and fault.kind is FaultKind.SLOW_HEADERS and message["type"] == "http.response.start":
            await asyncio.sleep(fault.seconds_or(1.0))
        if fault and fault.kind is FaultKind.GARBAGE_JSON:
            message = _halved(message)
        if conduct.job is not None and message["type"] == "http.response.start":
            self._stats.ran(conduct.job, begun_ns=conduct.received_ns)
        await self._send(message)


def _halved(message: Message) -> Message:
    if message["type"] == "http.response.start":
        kept = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
        return {**message, "headers": kept}
    body: bytes = message.get("body", b"")
    return {**message, "body": body[: len(body) // 2]}


async def cut(scope: Scope) -> None:
    """End the client's TCP connection without an answer."""
    transport = _TRANSPORTS.get((tuple(scope["server"]), tuple(scope["client"])))
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0)  # let the server notice, else it would try to answer 500


def _header(scope: Scope, name: bytes) -> str | None:
    headers: list[Any] = scope["headers"]
    return next((value.decode() for key, value in headers if key == name), None)
