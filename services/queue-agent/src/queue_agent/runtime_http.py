"""HTTP to a runtime on the same machine: what both adapters share."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from queue_agent import spans
from queue_agent.errors import AgentError, RuntimeLostError, RuntimeRefusedStartError
from queue_agent.runtime_reply import Reply, describe, encode

ASK_TIMEOUT = 20.0  # seconds; both runtimes answer questions within 50 ms while they sample
CONNECT_TIMEOUT = 5.0  # seconds

_JSON = {"Content-Type": "application/json"}
_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.WriteError,
    httpx.WriteTimeout,
)


def runtime_client() -> httpx.AsyncClient:
    """Make the client for one runtime; the adapter closes it.

    Each request has a connection of its own. SD Web UI closes a connection after some errors without a word,
    and the next request on it fails (runtimes.md, Forge 1); then nobody could tell a lost inference from one
    that never began. On one machine a new connection costs nothing.
    """
    return httpx.AsyncClient(
        limits=httpx.Limits(max_keepalive_connections=0),
        timeout=httpx.Timeout(ASK_TIMEOUT, connect=CONNECT_TIMEOUT),
        headers={"Accept-Encoding": "identity"},  # compressing a picture takes time from the GPU's machine
        trust_env=False,
        follow_redirects=False,
    )


class RuntimeHttp:
    """Requests to one runtime, below its base URL."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url = url.rstrip("/")
        self.client = client
        client.event_hooks["request"].append(_traced)

    async def get(
        self, path: str, *, params: Mapping[str, str] | None = None, timeout: float = ASK_TIMEOUT
    ) -> Reply:
        """Ask for something. Raises `httpx.RequestError`."""
        reply = await self.client.get(self.url + path, params=params, timeout=_timeout(timeout))
        return Reply(reply.status_code, reply.content)

    async def post(self, path: str, body: Any = None, *, timeout: float = ASK_TIMEOUT) -> Reply:
        """Send JSON, or nothing where `body` is None. Never sent twice. Raises `httpx.RequestError`."""
        content = None if body is None else await asyncio.to_thread(encode, body)
        reply = await self.client.post(
            self.url + path,
            content=content,
            headers=None if content is None else _JSON,
            timeout=_timeout(timeout),
        )
        return Reply(reply.status_code, reply.content)

    async def aclose(self) -> None:
        """Close what is open."""
        await self.client.aclose()


async def _traced(request: httpx.Request) -> None:
    request.headers.update(spans.headers())


def nothing_sent(exc: httpx.RequestError) -> bool:
    """Whether a request failed before the runtime had all of it, so that it cannot have acted on it."""
    return isinstance(exc, _NOTHING_SENT)


def before_start(exc: httpx.RequestError) -> RuntimeRefusedStartError:
    """Turn a failed question into the error for a run that has not begun."""
    return RuntimeRefusedStartError(f"the runtime cannot be reached: {describe(exc)}")


def after_start(exc: httpx.RequestError) -> AgentError:
    """Turn the failure of a request that starts an inference into the right error."""
    if nothing_sent(exc):
        return before_start(exc)
    return RuntimeLostError(f"the runtime was lost while it worked: {describe(exc)}")


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=CONNECT_TIMEOUT)
