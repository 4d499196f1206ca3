from collections.abc import Callable

import httpx
import pytest

from netguard import (
    AddressGuard,
    AddressRefusedError,
    GuardedTransport,
    RedirectRefusedError,
    TooManyRedirectsError,
    UrlRefusedError,
    stream_following,
)
from netguard.testing import FakeResolver, response, serve

PUBLIC = "93.184.215.14"

type Network = Callable[[httpx.Request], httpx.Response]


def transport_of(network: Network, **hosts: str) -> GuardedTransport:
    resolver = FakeResolver.of(**{"a_test": PUBLIC, "b_test": PUBLIC, "private_test": "10.0.0.1", **hosts})
    return GuardedTransport(AddressGuard(), resolver=resolver, inner=httpx.MockTransport(network))


def redirecting(locations: dict[str, str], seen: list[httpx.Request] | None = None) -> Network:
    """Return a network that redirects by host and path; anything else is the picture."""

    def network(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        location = locations.get(request.headers["Host"] + request.url.path)
        if location is None:
            return httpx.Response(200, content=b"picture")
        return httpx.Response(302, headers={"Location": location})

    return network


async def fetch(transport: GuardedTransport, url: str, **options: object) -> bytes:
    async with stream_following(transport, url, **options) as answer:  # type: ignore[arg-type] # each test's own
        return await answer.aread()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_every_kind_of_redirect_is_followed(status: int) -> None:
    def network(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/old":
            return httpx.Response(status, headers={"Location": "/new"})
        return httpx.Response(200, content=b"picture")

    assert await fetch(transport_of(network), "https://a.test/old") == b"picture"


async def test_the_response_tells_where_the_chain_ended() -> None:
    transport = transport_of(redirecting({"a.test/1": "https://b.test/2"}))
    async with stream_following(transport, "https://a.test/1") as answer:
        assert str(answer.request.url) == "https://b.test/2"


async def test_each_hop_goes_through_the_door() -> None:
    transport = transport_of(
        redirecting({"a.test/1": "https://b.test/2", "b.test/2": "https://private.test/"})
    )
    with pytest.raises(AddressRefusedError, match=r"private\.test"):
        await fetch(transport, "https://a.test/1")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://b.test/", "from https to http"),
        ("ftp://b.test/", "neither http nor https"),
        ("file:///etc/passwd", "neither http nor https"),
        ("data:text/plain,hello", "neither http nor https"),
        ("https://user:SECRET@b.test/", "carries a user name"),
        ("https://[::1", "not a URL"),
        ("", "to nowhere"),
    ],
)
async def test_a_redirect_to_what_must_not_be_asked_for_is_refused(location: str, reason: str) -> None:
    transport = transport_of(redirecting({"a.test/1": location}))
    with pytest.raises(RedirectRefusedError, match=reason) as caught:
        await fetch(transport, "https://a.test/1?SECRET")
    assert "SECRET" not in str(caught.value)
    assert "https://a.test/1" in str(caught.value)


async def test_from_http_to_https_is_fine() -> None:
    transport = transport_of(redirecting({"a.test/1": "https://a.test/2"}))
    assert await fetch(transport, "http://a.test/1") == b"picture"


async def test_a_circle_ends_at_the_limit() -> None:
    seen: list[httpx.Request] = []
    transport = transport_of(redirecting({"a.test/1": "/1"}, seen))
    with pytest.raises(TooManyRedirectsError, match="more than 2 times"):
        await fetch(transport, "https://a.test/1?SECRET", max_redirects=2)
    assert len(seen) == 3


async def test_as_many_redirects_as_allowed_are_followed() -> None:
    transport = transport_of(redirecting({"a.test/1": "/2", "a.test/2": "/3"}))
    assert await fetch(transport, "https://a.test/1", max_redirects=2) == b"picture"


async def test_secret_headers_and_cookies_do_not_travel_to_another_origin() -> None:
    seen: list[httpx.Request] = []

    def network(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        locations = {"/1": "https://a.test/2", "/2": "https://b.test/3"}
        location = locations.get(request.url.path)
        headers = {"Set-Cookie": "a=b", **({"Location": location} if location else {})}
        return httpx.Response(302 if location else 200, headers=headers)

    await fetch(transport_of(network), "https://a.test/1", headers={"Authorization": "SECRET", "X-Own": "1"})
    assert [request.headers.get("Authorization") for request in seen] == ["SECRET", "SECRET", None]
    assert [request.headers.get("X-Own") for request in seen] == ["1", "1", "1"]
    assert all("Cookie" not in request.headers for request in seen)


@pytest.mark.parametrize("status", [200, 204, 300, 304, 404, 500])
async def test_what_is_no_redirect_is_the_callers_to_judge(status: int) -> None:
    transport = transport_of(lambda _: httpx.Response(status, headers={"Location": "https://private.test/"}))
    async with stream_following(transport, "https://a.test/") as answer:
        assert answer.status_code == status


async def test_a_url_that_must_not_be_asked_for_is_refused() -> None:
    with pytest.raises(UrlRefusedError):
        await fetch(transport_of(redirecting({})), "ftp://a.test/")


async def test_a_real_chain_over_the_wire() -> None:
    def answer(head: bytes) -> bytes:
        if head.startswith(b"GET /old?q=1 "):
            return response(b"moved", status=301, headers={"Location": "/new"})
        return response(b"picture")

    async with (
        serve(answer) as server,
        GuardedTransport(AddressGuard(["127.0.0.1"])) as transport,
        stream_following(transport, f"http://127.0.0.1:{server.port}/old?q=1") as final,
    ):
        assert await final.aread() == b"picture"
        assert [head.split(b"\r\n")[0] for head in server.requests] == [
            b"GET /old?q=1 HTTP/1.1",
            b"GET /new HTTP/1.1",
        ]
