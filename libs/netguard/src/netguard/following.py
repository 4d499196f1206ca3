from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from netguard.errors import RedirectRefusedError, TooManyRedirectsError, UrlRefusedError
from netguard.transport import GuardedTransport
from netguard.urls import checked_url, safe_url

MAX_REDIRECTS = 5
TIMEOUT = httpx.Timeout(10.0)  # seconds for each of connect, read, write; the whole is the caller's to bound

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SECRET_HEADERS = ("Authorization", "Cookie", "Proxy-Authorization")


@asynccontextmanager
async def stream_following(
    transport: GuardedTransport,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: httpx.Timeout = TIMEOUT,
    max_redirects: int = MAX_REDIRECTS,
) -> AsyncIterator[httpx.Response]:
    """GET a URL, following redirects by hand, and yield the response with its body unread.

    Each hop goes through the same guarded transport. It takes the transport and no client, so that there is
    no cookie jar, no authentication and no way to leave out the guard. Secret headers do not travel to
    another origin. A redirect from https to http is refused: whoever asked for https would get what anyone
    on the way may have written. `response.request.url` is where the chain ended.

    Raises:
        NetguardError: a hop was refused or cannot be resolved, or there are more than `max_redirects`.
        httpx.TransportError: no or no whole response.
    """
    target = checked_url(url)
    sent = httpx.Headers(headers)
    for _ in range(max_redirects + 1):
        response = await _get(transport, target, sent, timeout)
        try:
            if response.status_code not in _REDIRECTS:
                yield response
                return
            following = _location(response, target)
        finally:
            await response.aclose()
        if _origin(following) != _origin(target):
            for name in _SECRET_HEADERS:
                sent.pop(name, None)
        target = following
    raise TooManyRedirectsError(f"{safe_url(url)} is redirected more than {max_redirects} times")


async def _get(
    transport: GuardedTransport, url: httpx.URL, headers: httpx.Headers, timeout: httpx.Timeout
) -> httpx.Response:
    request = httpx.Request("GET", url, headers=headers, extensions={"timeout": timeout.as_dict()})
    response = await transport.handle_async_request(request)
    response.request = request
    return response


def _location(response: httpx.Response, url: httpx.URL) -> httpx.URL:
    location = response.headers.get("Location", "")
    if not location:
        raise RedirectRefusedError(f"{safe_url(url)} is redirected to nowhere")
    try:
        target = checked_url(url.join(location))
    except (httpx.InvalidURL, ValueError) as exc:
        raise RedirectRefusedError(f"{safe_url(url)} is redirected to what is not a URL") from exc
    except UrlRefusedError as exc:
        raise RedirectRefusedError(f"{safe_url(url)} is redirected, but {exc}") from exc
    if url.scheme == "https" and target.scheme == "http":
        raise RedirectRefusedError(f"{safe_url(url)} is redirected from https to http")
    return target


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
