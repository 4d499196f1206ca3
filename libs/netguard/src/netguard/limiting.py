"""Connections that end when a server sends more than somebody wants to read.

An HTTP parser goes through all that arrives, head and interim answers (1xx) included, before its caller sees
anything: a server that floods it holds up everything else in the process.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from netguard.errors import AnswerTooLongError

# What a parser gets at once: what it does with it takes a millisecond or two.
_PIECE = 2048  # bytes


class LimitedTransport(httpx.AsyncHTTPTransport):
    """An httpx transport that reads so many bytes of a connection, and no more; it uses each once."""

    def __init__(self, ssl_context: ssl.SSLContext, *, most: int) -> None:
        super().__init__(verify=ssl_context, trust_env=False)
        # httpx hands no network backend on; without keep-alive, what a connection brings is one answer.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_Backend(most),
        )


class _Backend(httpcore.AnyIOBackend):
    def __init__(self, most: int) -> None:
        self._most = most

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._most)


class _Stream(httpcore.AsyncNetworkStream):
    """A stream of which so many bytes are read; below TLS what the handshake reads does not count."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, most: int) -> None:
        self._stream = stream
        self._most = most
        self._left = most

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise AnswerTooLongError(self._most)
        # What TLS has decrypted already is read without a wait: others would not get their turn.
        await asyncio.sleep(0)
        data = await self._stream.read(min(max_bytes, self._left, _PIECE), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _Stream(stream, self._most)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
