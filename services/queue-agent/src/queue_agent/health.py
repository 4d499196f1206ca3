"""Whether the agent lives and is ready, and the port where kubelet and Prometheus ask for it.

The server has a thread of its own, so that it answers when the event loop hangs: `/livez` is for that.
"""

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import make_wsgi_app

from queue_agent.errors import SettingsError
from queue_agent.health_http import READ_SECONDS, ProbeServer
from queue_agent.lately import Clock
from queue_agent.metrics import Metrics

log = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds that the event loop may be silent
BEAT_SECONDS = 0.5  # short, so that most of what blocks the loop for longer is seen in its lag
_POLL_SECONDS = 0.1  # how long closing takes at most

# Why an agent takes no tasks.
RUNTIME_NOT_READY = "runtime not ready"
BREAKER_OPEN = "breaker open"
STOPPING = "stopping"
WARM_UP_FAILED = "warm-up failed"


class Health:
    """What the probes ask for; called from any thread.

    Live from the start, for as long as `beat` is called at least every `patience` seconds. Ready once
    `set_ready(True, RUNTIME_NOT_READY)` has said that the runtime is, and no other reason stands against it.
    """

    def __init__(self, *, patience: float = PATIENCE, clock: Clock = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._beaten = clock()
        self._against = {RUNTIME_NOT_READY}

    def beat(self) -> None:
        """Say that the event loop runs."""
        self._beaten = self._clock()

    def set_ready(self, ready: bool, why: str) -> None:
        """Say that a reason stands against being ready, or that this one does no more.

        Args:
            ready: True takes the reason back, and leaves the others.
            why: one of this module's reasons, or a few words of one's own.
        """
        with self._lock:
            if ready:
                self._against.discard(why)
            else:
                self._against.add(why)

    def not_live(self) -> list[str]:
        """Return why the agent has to be started again; empty when it lives."""
        silent = self._clock() - self._beaten
        return [f"the event loop has not run for {silent:.0f} s"] if silent > self._patience else []

    def not_ready(self) -> list[str]:
        """Return why the agent takes no tasks; empty when it does."""
        with self._lock:
            return sorted(self._against) + self.not_live()


async def heartbeat(health: Health, metrics: Metrics, *, every: float = BEAT_SECONDS) -> None:
    """Beat until cancelled, and measure how late the event loop is."""
    loop = asyncio.get_running_loop()
    while True:
        health.beat()
        due = loop.time() + every
        await asyncio.sleep(every)
        metrics.loop_lag(loop.time() - due)


class HealthServer:
    """Serves `/livez`, `/readyz` and `/metrics` on a port; 0 takes a free one.

    Args:
        port: 0 to 65535.
        health: what the first two say.
        metrics: what the third says.
        host: address to listen on; `::` for both kinds of address.
        read_seconds: how long a request may take to arrive.
    """

    def __init__(
        self,
        port: int,
        health: Health,
        metrics: Metrics,
        *,
        host: str = "0.0.0.0",  # noqa: S104 - kubelet asks from the node's address
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._wanted = port
        self._health = health
        self._host = host
        self._read_seconds = read_seconds
        self._scrape = make_wsgi_app(metrics.registry)
        self._server: ProbeServer | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; once started, never 0."""
        return self._server.server_port if self._server else self._wanted

    def start(self) -> None:
        """Listen and answer.

        Raises:
            SettingsError: it cannot listen there.
        """
        try:
            server = ProbeServer(self._host, self._wanted, self._answer, read_seconds=self._read_seconds)
        except (OSError, OverflowError) as exc:
            raise SettingsError(f"HEALTH_PORT: cannot listen on {self._host}:{self._wanted}: {exc}") from exc
        threading.Thread(
            target=server.serve_forever, args=(_POLL_SECONDS,), name="health", daemon=True
        ).start()
        self._server = server

    def close(self) -> None:
        """Stop listening and hang up."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()
            server.hang_up()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        pages: dict[str, Callable[[], list[str]]] = {
            "/livez": self._health.not_live,
            "/readyz": self._health.not_ready,
        }
        path = environ["PATH_INFO"]
        if path != "/metrics" and path not in pages:
            return _json(start_response, "404 Not Found", {"paths": [*pages, "/metrics"]})
        if environ["REQUEST_METHOD"] != "GET":
            return _json(start_response, "405 Method Not Allowed", {"allowed": ["GET"]}, ("Allow", "GET"))
        if path == "/metrics":
            return self._metrics(environ, start_response)
        reasons = pages[path]()
        status = "503 Service Unavailable" if reasons else "200 OK"
        return _json(start_response, status, {"ok": not reasons, "reasons": reasons})

    def _metrics(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # The second try is for who asks for a format in words that the library trips over.
        for accept in (environ.get("HTTP_ACCEPT", ""), ""):
            try:
                page: Iterable[bytes] = self._scrape({**environ, "HTTP_ACCEPT": accept}, start_response)
            except Exception as exc:  # noqa: BLE001 - whatever was asked for, the answer is one of ours
                cause = type(exc).__name__  # a message may quote the request
            else:
                return page
        log.warning("scrape failed", extra={"action": "scrape_failed", "cause": cause})
        return _json(start_response, "500 Internal Server Error", {"error": "not rendered"})


@asynccontextmanager
async def serving(
    port: int,
    health: Health,
    metrics: Metrics,
    *,
    host: str = "0.0.0.0",  # noqa: S104 - kubelet asks from the node's address
) -> AsyncIterator[HealthServer]:
    """Serve while the block runs.

    Raises:
        SettingsError: it cannot listen there.
    """
    server = HealthServer(port, health, metrics, host=host)
    server.start()
    try:
        yield server
    finally:
        await asyncio.to_thread(server.close)


def _json(
    start_response: StartResponse, status: str, document: dict[str, Any], *headers: tuple[str, str]
) -> Iterable[bytes]:
    body = json.dumps(document).encode()
    content = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    start_response(status, [*content, *headers])
    return [body]
