"""httpx transports that connect to checked addresses only.

A name is resolved once, its addresses are checked, and the connection goes to one of these very addresses:
an answer that changes between check and connection (DNS rebinding) has nothing to change.
"""

import asyncio
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpx

from netguard.errors import HostUnresolvedError
from netguard.guard import AddressGuard
from netguard.limiting import LimitedTransport
from netguard.resolver import Resolver, SyncResolver, SyncSystemResolver, SystemResolver
from netguard.urls import checked_url

ADDRESSES_TRIED = 3  # of a host with many, so that dead ones cannot add up their connect timeouts

# Connections are never kept: the pool knows them by address, so one whose certificate was verified for a host
# would serve another host of the same address unverified.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)

_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout)


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport for URLs from strangers (DESIGN 4.4).

    http and https only, no credentials in the URL, every address of the host public or allowed by `guard`, no
    proxy from the environment. Host header and TLS name are those of the URL, and the certificate is verified
    against it. It follows no redirects: see `stream_following`.

    `inner` sends the requests, which by then name an address; given by tests, or to tune a connection pool
    that must not keep connections. `ssl_context` must verify certificates and host names.

    `most_bytes` is for callers who want the status and no more: of an answer so many bytes are read, head,
    interim answers and body together, and `AnswerTooLongError` is raised where there are more.

    Its requests raise `netguard.errors.NetguardError` besides what httpx raises.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self._guard = guard
        self._resolver = resolver or SystemResolver()
        self._inner = inner or _inner(ssl_context, most_bytes)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to a checked address of its host."""
        host, port = _target(request)
        addresses = await self._resolve(host, port, _connect_timeout(request))
        self._guard.check(host, addresses)
        *others, last = addresses[:ADDRESSES_TRIED]
        for address in others:
            try:
                return await self._inner.handle_async_request(_addressed(request, host, address))
            except _UNREACHED:
                continue
        return await self._inner.handle_async_request(_addressed(request, host, last))

    async def _resolve(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolver.resolve(host, port)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(f"resolving {host} took too long") from exc
        return _some(host, addresses)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(exc_type, exc_value, traceback)


class SyncGuardedTransport(httpx.BaseTransport):
    """`GuardedTransport` for `httpx.Client`; resolving takes as long as the system's resolver does."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        resolver: SyncResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        self._guard = guard
        self._resolver = resolver or SyncSystemResolver()
        self._inner = inner or httpx.HTTPTransport(
            verify=_verifying(ssl_context), trust_env=False, limits=_LIMITS
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to a checked address of its host."""
        host, port = _target(request)
        addresses = _some(host, self._resolver.resolve(host, port))
        self._guard.check(host, addresses)
        *others, last = addresses[:ADDRESSES_TRIED]
        for address in others:
            try:
                return self._inner.handle_request(_addressed(request, host, address))
            except _UNREACHED:
                continue
        return self._inner.handle_request(_addressed(request, host, last))

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._inner.__exit__(exc_type, exc_value, traceback)


def _target(request: httpx.Request) -> tuple[str, int]:
    url = checked_url(request.url)
    return url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def _some(host: str, addresses: Sequence[str]) -> Sequence[str]:
    if not addresses:
        raise HostUnresolvedError(host)
    return addresses


def _addressed(request: httpx.Request, host: str, address: str) -> httpx.Request:
    """Return the same request, sent to `address`, with the host of its URL as Host header and TLS name."""
    headers = request.headers.copy()
    headers["Host"] = request.url.netloc.decode("ascii")
    extensions = dict(request.extensions)
    # A name in TLS ends without the dot that makes a name in DNS absolute.
    extensions["sni_hostname"] = host.rstrip(".")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(ip_address(address))),
        headers=headers,
        stream=request.stream,
        extensions=extensions,
    )


def _connect_timeout(request: httpx.Request) -> float | None:
    seconds = request.extensions.get("timeout", {}).get("connect")
    return None if seconds is None else float(seconds)


def _inner(ssl_context: ssl.SSLContext | None, most_bytes: int | None) -> httpx.AsyncBaseTransport:
    context = _verifying(ssl_context)
    if most_bytes is not None:
        return LimitedTransport(context, most=most_bytes)
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=_LIMITS)


def _verifying(context: ssl.SSLContext | None) -> ssl.SSLContext:
    if context is None:
        return httpx.create_ssl_context(trust_env=False)
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        raise ValueError("the TLS context must verify certificates and host names")
    return context
