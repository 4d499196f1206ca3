import asyncio
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from netguard import (
    AddressGuard,
    AddressRefusedError,
    GuardedTransport,
    HostUnresolvedError,
    NetguardError,
    SyncGuardedTransport,
    UrlRefusedError,
)
from netguard.testing import FakeResolver, SyncFakeResolver, response, serve

PUBLIC = "93.184.215.14"
LOOPBACK = AddressGuard(["127.0.0.0/8"])


class Recorder:
    """Stands for the network: notes where a request goes, and refuses connections to some addresses."""

    def __init__(self, *dead: str) -> None:
        self.dead = dead
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.host in self.dead:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200)

    @property
    def hosts(self) -> list[str]:
        return [request.url.host for request in self.seen]


def client_of(
    resolver: FakeResolver, network: Recorder, guard: AddressGuard | None = None
) -> httpx.AsyncClient:
    inner = httpx.MockTransport(network)
    return httpx.AsyncClient(
        transport=GuardedTransport(guard or AddressGuard(), resolver=resolver, inner=inner)
    )


async def test_the_connection_goes_to_the_address_that_was_checked_and_names_the_host() -> None:
    resolver, network = FakeResolver.of(example_org=PUBLIC), Recorder()
    async with client_of(resolver, network) as client:
        await client.get("https://example.org/a?b=c")
    (sent,) = network.seen
    assert str(sent.url) == f"https://{PUBLIC}/a?b=c"
    assert sent.headers["Host"] == "example.org"
    assert sent.extensions["sni_hostname"] == "example.org"


async def test_a_second_answer_for_a_name_is_never_used() -> None:
    resolver, network = FakeResolver({"rebind.test": [[PUBLIC], ["127.0.0.1"]]}), Recorder()
    async with client_of(resolver, network) as client:
        await client.get("http://rebind.test/")
        assert resolver.asked == ["rebind.test"]
        assert network.hosts == [PUBLIC]
        with pytest.raises(AddressRefusedError):
            await client.get("http://rebind.test/")
    assert network.hosts == [PUBLIC]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["169.254.169.254"], ["64:ff9b::a9fe:a9fe"], ["fd00:ec2::254"]],
)
async def test_nothing_is_sent_where_any_address_is_not_public(addresses: Sequence[str]) -> None:
    network = Recorder()
    async with client_of(FakeResolver({"example.org": [addresses]}), network) as client:
        with pytest.raises(AddressRefusedError, match=r"example\.org"):
            await client.get("http://example.org/?token=SECRET")
    assert network.seen == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "169.254.169.254",
        "2852039166",
    ],
)
async def test_however_a_local_address_is_written_it_is_refused(host: str) -> None:
    async with httpx.AsyncClient(transport=GuardedTransport(AddressGuard())) as client:
        with pytest.raises((AddressRefusedError, HostUnresolvedError)):
            await client.get(f"http://{host}/")


async def test_numeric_forms_are_refused_for_their_address_and_not_by_luck() -> None:
    async with httpx.AsyncClient(transport=GuardedTransport(AddressGuard())) as client:
        with pytest.raises(AddressRefusedError) as caught:
            await client.get("http://0x7f.1/")
    assert caught.value.address == "127.0.0.1"


@pytest.mark.parametrize("url", ["ftp://example.org/", "ws://example.org/", "https://user@example.org/"])
async def test_a_url_that_must_not_be_asked_for_is_not_even_resolved(url: str) -> None:
    resolver, network = FakeResolver.of(example_org=PUBLIC), Recorder()
    transport = GuardedTransport(AddressGuard(), resolver=resolver, inner=httpx.MockTransport(network))
    async with transport:
        with pytest.raises(UrlRefusedError):
            await transport.handle_async_request(httpx.Request("GET", url))
    assert resolver.asked == []
    assert network.seen == []


async def test_a_forged_host_header_does_not_survive() -> None:
    network = Recorder()
    async with client_of(FakeResolver.of(example_org=PUBLIC), network) as client:
        await client.get("http://example.org:8080/", headers={"Host": "internal.example"})
    assert network.seen[0].headers["Host"] == "example.org:8080"


async def test_an_ipv6_address_is_connected_to_as_such() -> None:
    network = Recorder()
    async with client_of(FakeResolver.of(example_org="2606:4700::1111"), network) as client:
        await client.get("http://example.org:8080/")
    assert str(network.seen[0].url) == "http://[2606:4700::1111]:8080/"


async def test_the_next_address_is_tried_where_one_cannot_be_connected_to() -> None:
    resolver = FakeResolver({"example.org": [["2606:4700::1111", PUBLIC]]})
    network = Recorder("2606:4700::1111")
    async with client_of(resolver, network) as client:
        assert (await client.get("http://example.org/")).status_code == 200
    assert network.hosts == ["2606:4700::1111", PUBLIC]


async def test_of_many_dead_addresses_only_a_few_are_tried() -> None:
    addresses = [f"93.184.215.{n}" for n in range(20)]
    network = Recorder(*addresses)
    async with client_of(FakeResolver({"example.org": [addresses]}), network) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://example.org/")
    assert network.hosts == addresses[:3]


async def test_a_body_is_sent_to_the_address_that_answers() -> None:
    received: list[bytes] = []

    def network(request: httpx.Request) -> httpx.Response:
        if request.url.host == PUBLIC:
            raise httpx.ConnectTimeout("dead", request=request)
        received.append(request.content)
        return httpx.Response(204)

    resolver = FakeResolver({"example.org": [[PUBLIC, "93.184.215.15"]]})
    transport = GuardedTransport(AddressGuard(), resolver=resolver, inner=httpx.MockTransport(network))
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.post("http://example.org/", content=b"body")).status_code == 204
    assert received == [b"body"]


@pytest.mark.parametrize("host", ["a" * 70 + ".test", ".test", "a..test"])
async def test_a_name_without_an_address_is_an_error_that_names_it(host: str) -> None:
    async with httpx.AsyncClient(transport=GuardedTransport(AddressGuard())) as client:
        with pytest.raises(NetguardError, match=host):
            await client.get(f"http://{host}/?token=SECRET")


async def test_an_empty_answer_is_no_address() -> None:
    network = Recorder()
    async with client_of(FakeResolver({"example.org": [[]]}), network) as client:
        with pytest.raises(HostUnresolvedError):
            await client.get("http://example.org/")
    assert network.seen == []


async def test_resolving_is_part_of_the_connect_timeout() -> None:
    class Stuck:
        async def resolve(self, host: str, port: int) -> Sequence[str]:
            await asyncio.Event().wait()
            raise AssertionError

    async with httpx.AsyncClient(transport=GuardedTransport(AddressGuard(), resolver=Stuck())) as client:
        with pytest.raises(httpx.ConnectTimeout, match=r"example\.org"):
            await client.get("http://example.org/", timeout=0.05)


async def test_a_real_server_that_is_allowed_is_reached_without_a_proxy() -> None:
    async with (
        serve(lambda _: response(b"hello")) as server,
        httpx.AsyncClient(transport=GuardedTransport(LOOPBACK)) as client,
    ):
        answer = await client.get(f"http://127.0.0.1:{server.port}/")
        assert answer.content == b"hello"
        assert server.headers("host") == [f"127.0.0.1:{server.port}"]


async def test_a_redirect_is_not_followed_by_itself() -> None:
    elsewhere = response(status=302, headers={"Location": "http://169.254.169.254/"})
    async with (
        serve(lambda _: elsewhere) as server,
        httpx.AsyncClient(transport=GuardedTransport(LOOPBACK)) as client,
    ):
        assert (await client.get(f"http://127.0.0.1:{server.port}/")).status_code == 302
        with pytest.raises(AddressRefusedError):
            await client.get(f"http://127.0.0.1:{server.port}/", follow_redirects=True)


class Hello(BaseHTTPRequestHandler):
    hosts: list[str]

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives
        return


@pytest.fixture
def hello() -> Iterator[ThreadingHTTPServer]:
    Hello.hosts = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_sync_twin_reaches_what_is_allowed(hello: ThreadingHTTPServer) -> None:
    resolver = SyncFakeResolver.of(pictures_test="127.0.0.1")
    with httpx.Client(transport=SyncGuardedTransport(LOOPBACK, resolver=resolver)) as client:
        assert client.get(f"http://pictures.test:{hello.server_port}/").content == b"hello"
    assert Hello.hosts == [f"pictures.test:{hello.server_port}"]


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "localhost", "[::ffff:127.0.0.1]"])
def test_the_sync_twin_refuses_local_addresses(host: str, hello: ThreadingHTTPServer) -> None:
    with (
        httpx.Client(transport=SyncGuardedTransport(AddressGuard())) as client,
        pytest.raises(AddressRefusedError),
    ):
        client.get(f"http://{host}:{hello.server_port}/")
    assert Hello.hosts == []


def test_the_sync_twin_uses_one_answer_and_tries_its_addresses() -> None:
    resolver = SyncFakeResolver({"rebind.test": [["2606:4700::1111", PUBLIC], ["127.0.0.1"]]})
    network = Recorder("2606:4700::1111")
    transport = SyncGuardedTransport(AddressGuard(), resolver=resolver, inner=httpx.MockTransport(network))
    with httpx.Client(transport=transport) as client:
        assert client.get("http://rebind.test/").status_code == 200
    assert network.hosts == ["2606:4700::1111", PUBLIC]
    assert resolver.asked == ["rebind.test"]


def test_the_sync_twin_says_which_host_has_no_address() -> None:
    with (
        httpx.Client(transport=SyncGuardedTransport(AddressGuard())) as client,
        pytest.raises(HostUnresolvedError, match=r"a\.\.test"),
    ):
        client.get("http://a..test/")
