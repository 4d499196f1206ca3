import asyncio
import gzip
import io
import itertools
import ssl
import tracemalloc
from collections.abc import Callable, Iterator

import httpx
import pytest
from PIL import Image

from netguard import AddressGuard, GuardedTransport
from netguard.testing import FakeResolver, response, serve
from s3io.errors import InputError, InputRefusedError, InputTooLargeError, InputUnreachableError
from s3io.inputs import InputFetcher, InputLimits, is_link
from s3io.media import PNG
from task_schema import TaskCode

LOOPBACK = ["127.0.0.0/8"]
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"


def png(width: int = 8, height: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    return out.getvalue()


def fetcher(**limits: float) -> InputFetcher:
    # mypy cannot know which of the limits are whole numbers.
    return InputFetcher(s3_client=None, allowed_hosts=LOOPBACK, limits=InputLimits(**limits))  # type: ignore[arg-type]


def local(port: int, rest: str = "a.png?sig=SECRET") -> str:
    return f"http://127.0.0.1:{port}/{rest}"


async def test_a_picture_is_fetched_and_known_by_its_bytes() -> None:
    picture = png()
    headers = {"Content-Type": "text/html"}
    async with serve(lambda _: response(picture, headers=headers)) as server, fetcher() as inputs:
        url = local(server.port)
        found = await inputs.fetch(url)
        assert (found.url, found.data, found.media) == (url, picture, PNG)
        assert server.headers("accept-encoding") == ["identity"]
        assert "SECRET" not in repr(found)


async def test_any_other_file_is_fetched_as_well() -> None:
    async with serve(lambda _: response(b"some bytes")) as server, fetcher() as inputs:
        found = await inputs.fetch(local(server.port))
        assert (found.data, found.media.extension) == (b"some bytes", "bin")


async def test_many_links_are_fetched_at_once() -> None:
    async with serve(lambda head: response(head.split(b" ")[1])) as server, fetcher() as inputs:
        found = await asyncio.gather(*(inputs.fetch(local(server.port, f"{n}")) for n in range(20)))
        assert [each.data for each in found] == [b"/%d" % n for n in range(20)]


async def test_redirects_are_followed_up_to_the_limit() -> None:
    def answer(head: bytes) -> bytes:
        step = int(head.split(b" ")[1].strip(b"/"))
        return response(b"here") if step == 3 else response(status=302, headers={"Location": f"/{step + 1}"})

    async with serve(answer) as server:
        async with fetcher(max_redirects=3) as inputs:
            assert (await inputs.fetch(local(server.port, "0"))).data == b"here"
        async with fetcher(max_redirects=2) as inputs:
            with pytest.raises(InputUnreachableError, match="redirected more than 2 times") as caught:
                await inputs.fetch(local(server.port, "0"))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *((status, False) for status in (304, 400, 403, 404, 410)),
        *((status, True) for status in (408, 429, 500, 502, 503)),
    ],
)
async def test_a_status_that_is_no_success_says_whether_to_try_again(status: int, retryable: bool) -> None:
    async with serve(lambda _: response(b"sorry", status=status)) as server, fetcher() as inputs:
        with pytest.raises(InputUnreachableError, match=f"/a.png answered {status}$") as caught:
            await inputs.fetch(local(server.port))
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    assert "SECRET" not in str(caught.value)
    assert caught.value.url == f"http://127.0.0.1:{server.port}/a.png"


async def test_an_announced_length_above_the_limit_is_enough_to_refuse() -> None:
    # Nothing follows the header, so whoever waits for the body runs into the time limit.
    async with serve(lambda _: response(length=10**9), keep_open=True) as server, fetcher() as inputs:
        with pytest.raises(InputTooLargeError, match="more than 33554432 bytes"):
            await inputs.fetch(local(server.port))


async def test_the_limit_holds_exactly() -> None:
    async with serve(lambda _: response(b"x" * 1000)) as server:
        async with fetcher(max_bytes=1000) as inputs:
            assert len((await inputs.fetch(local(server.port))).data) == 1000
        async with fetcher(max_bytes=999) as inputs:
            with pytest.raises(InputTooLargeError):
                await inputs.fetch(local(server.port))


async def test_a_server_that_never_stops_sending_costs_no_more_memory_than_the_limit() -> None:
    limit = 1 << 20

    def answer(_: bytes) -> Iterator[bytes]:
        return itertools.chain([ENDLESS], itertools.repeat(b"x" * 65_536))

    async with serve(answer) as server, fetcher(max_bytes=limit) as inputs:
        with pytest.raises(InputTooLargeError):
            await inputs.fetch(local(server.port))  # the first fetch also pays for imports
        tracemalloc.start()
        try:
            with pytest.raises(InputTooLargeError):
                await inputs.fetch(local(server.port))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4 * limit


async def test_a_server_that_sends_too_slowly_is_given_up() -> None:
    async with (
        serve(lambda _: ENDLESS + b"x", keep_open=True) as server,
        fetcher(total_seconds=0.3) as inputs,
    ):
        with pytest.raises(InputUnreachableError, match=r"took longer than 0\.3 s") as caught:
            await inputs.fetch(local(server.port))
    assert caught.value.retryable


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with serve(lambda _: b"", keep_open=True) as server, fetcher(step_seconds=0.2) as inputs:
        with pytest.raises(InputUnreachableError, match="did not answer in time") as caught:
            await inputs.fetch(local(server.port))
    assert caught.value.retryable


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        response(b"half", length=100),
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
    ],
)
async def test_an_answer_that_breaks_off_may_be_whole_next_time(answer: bytes) -> None:
    async with serve(lambda _: answer) as server, fetcher() as inputs:
        with pytest.raises(InputUnreachableError, match="broke off") as caught:
            await inputs.fetch(local(server.port))
    assert caught.value.retryable


async def test_a_server_that_is_down_may_be_up_next_time() -> None:
    async with serve(lambda _: b"") as server:
        port = server.port
    async with fetcher() as inputs:
        with pytest.raises(InputUnreachableError, match="cannot be connected to") as caught:
            await inputs.fetch(local(port))
    assert caught.value.retryable


async def test_an_encoding_that_was_not_asked_for_is_undone_within_the_limit() -> None:
    answers = {b"/small": gzip.compress(b"data"), b"/bomb": gzip.compress(b"\x00" * 50_000_000)}

    def answer(head: bytes) -> bytes:
        return response(answers[head.split(b" ")[1]], headers={"Content-Encoding": "gzip"})

    async with serve(answer) as server, fetcher(max_bytes=100_000) as inputs:
        assert (await inputs.fetch(local(server.port, "small"))).data == b"data"
        tracemalloc.start()
        try:
            with pytest.raises(InputTooLargeError):
                await inputs.fetch(local(server.port, "bomb"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2_000_000


async def test_what_is_sent_counts_though_nothing_ever_comes_of_it() -> None:
    name_without_end = b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 100_000
    answer = response(name_without_end, headers={"Content-Encoding": "gzip"}, length=None)
    async with serve(lambda _: answer) as server, fetcher(max_bytes=10_000) as inputs:
        with pytest.raises(InputTooLargeError, match="more than 10000 bytes"):
            await inputs.fetch(local(server.port))


@pytest.mark.parametrize(("encoding", "body"), [("br", b"data"), ("gzip", b"no gzip"), ("gzip", b"\x1f\x8b")])
async def test_an_encoding_that_cannot_be_undone_is_refused(encoding: str, body: bytes) -> None:
    answer = response(body, headers={"Content-Encoding": encoding})
    async with serve(lambda _: answer) as server, fetcher() as inputs:
        with pytest.raises(InputRefusedError):
            await inputs.fetch(local(server.port))


async def test_a_picture_with_too_many_pixels_is_too_large() -> None:
    picture = png(101, 100)
    async with serve(lambda _: response(picture)) as server:
        async with fetcher(max_pixels=10_100) as inputs:
            assert (await inputs.fetch(local(server.port))).media == PNG
        async with fetcher(max_pixels=10_099) as inputs:
            with pytest.raises(InputTooLargeError, match="more than 10099 pixels"):
                await inputs.fetch(local(server.port))


@pytest.mark.parametrize(
    ("body", "reason"), [(b"", "is empty"), (b"\x89PNG\r\n\x1a\n", r"is a broken image \(image/png\)")]
)
async def test_what_no_runtime_could_use_is_refused(body: bytes, reason: str) -> None:
    async with serve(lambda _: response(body)) as server, fetcher() as inputs:
        with pytest.raises(InputRefusedError, match=reason):
            await inputs.fetch(local(server.port))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://0x7f.1/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "https://user:SECRET@93.184.215.14/",
        "https://xn--a/?key=SECRET",
        "https://xn--/",
    ],
)
async def test_a_link_to_where_it_must_not_lead_is_refused(url: str) -> None:
    async with InputFetcher(s3_client=None) as inputs:
        with pytest.raises((InputRefusedError, InputUnreachableError)) as caught:
            await inputs.fetch(url)
    assert "SECRET" not in str(caught.value)
    if "64:" not in url:  # a machine without IPv6 does not resolve it at all
        assert isinstance(caught.value, InputRefusedError)


async def test_a_redirect_to_the_inside_is_refused() -> None:
    inside = response(status=302, headers={"Location": "http://169.254.169.254/"})
    async with serve(lambda _: inside) as server, fetcher() as inputs:
        with pytest.raises(InputRefusedError, match=r"169\.254\.169\.254 has an address that is not public"):
            await inputs.fetch(local(server.port))


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64,iVBORw0KGgo=",
        "ftp://example.org/a",
        "file:///etc/passwd",
        "a prompt",
        "",
        "s3:/b/k",
    ],
)
async def test_what_is_no_link_is_refused(text: str) -> None:
    async with InputFetcher(s3_client=None) as inputs:
        with pytest.raises(InputRefusedError, match="is not an http, https or s3 URL"):
            await inputs.fetch(text)
    assert not is_link(text)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("https://example.org/a.png", True),
        ("HTTP://EXAMPLE.ORG", True),
        ("s3://bucket/key", True),
        ("s3://bucket/my pictures/a cat (1).png", True),
        ("S3://bucket/a  b", True),
        ("s3://bucket/a ", False),
        ("s3:// bucket/a", False),
        ("s3://my bucket/a", False),
        ("s3://bucket/a\tb", False),
        ("s3://bucket/a\n b", False),
        ("https://", False),
        (" https://example.org/a.png", False),
        ("https://example.org/a.png\n", False),
        ("see https://example.org/a.png", False),
        ("https://example.org/a.png is nice", False),
    ],
)
def test_a_text_is_a_link_only_as_a_whole(text: str, verdict: bool) -> None:
    assert is_link(text) is verdict


async def test_a_host_that_does_not_exist_is_unreachable_for_good() -> None:
    transport = GuardedTransport(AddressGuard(), resolver=FakeResolver({}))
    async with InputFetcher(s3_client=None, http=transport) as inputs:
        with pytest.raises(InputUnreachableError, match=r"nowhere\.test cannot be resolved") as caught:
            await inputs.fetch("https://nowhere.test/a.png?SECRET")
    assert not caught.value.retryable
    assert "SECRET" not in str(caught.value)


def unverified(request: httpx.Request) -> httpx.Response:
    try:
        raise ssl.SSLCertVerificationError("expired")
    except ssl.SSLError as exc:
        raise httpx.ConnectError("expired", request=request) from exc


def unsendable(request: httpx.Request) -> httpx.Response:
    raise httpx.LocalProtocolError("a header that cannot be sent", request=request)


@pytest.mark.parametrize(
    ("network", "reason", "retryable"),
    [(unverified, "certificate that cannot be verified", False), (unsendable, "broke off", True)],
)
async def test_trouble_on_the_way_says_whether_to_try_again(
    network: Callable[[httpx.Request], httpx.Response], reason: str, retryable: bool
) -> None:
    resolver = FakeResolver.of(a_test="93.184.215.14")
    transport = GuardedTransport(AddressGuard(), resolver=resolver, inner=httpx.MockTransport(network))
    async with InputFetcher(s3_client=None, http=transport) as inputs:
        with pytest.raises(InputUnreachableError, match=reason) as caught:
            await inputs.fetch("https://a.test/")
    assert caught.value.retryable is retryable


def test_a_transport_comes_with_its_own_guard() -> None:
    with pytest.raises(ValueError, match="its own guard"):
        InputFetcher(s3_client=None, http=GuardedTransport(AddressGuard()), allowed_hosts=LOOPBACK)


def test_the_codes_are_those_of_failed_tasks() -> None:
    errors: list[type[InputError]] = [InputUnreachableError, InputRefusedError, InputTooLargeError]
    assert [TaskCode(error.code) for error in errors] == [
        TaskCode.INPUT_UNREACHABLE,
        TaskCode.INPUT_REFUSED,
        TaskCode.INPUT_TOO_LARGE,
    ]


def test_the_limits_are_those_of_the_design() -> None:
    limits = InputLimits()
    assert (limits.max_bytes, limits.total_seconds, limits.max_redirects) == (32 * 1024**2, 60, 5)
    assert limits.max_pixels == 64_000_000
