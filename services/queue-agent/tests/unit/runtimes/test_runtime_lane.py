"""How a run gets to the runtime: one request, one connection, open ahead."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError
from queue_agent.runtime_lane import Lane
from queue_agent.runtime_reply import Reply
from queue_agent.testing import until

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Wire:
    """A server that notes each connection, and answers as it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.opened = 0
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.answer: bytes | Answer = OK
        self.writers: list[asyncio.StreamWriter] = []
        self.server: asyncio.Server | None = None

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.writers.append(writer)
        try:
            if callable(self.answer):
                await self.answer(reader, writer)
                return
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
            self.bodies.append(await reader.readexactly(length))
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    server = Wire()
    await server.start()
    yield server
    assert server.server is not None
    server.server.close()
    for writer in server.writers:
        writer.transport.abort()
    await asyncio.sleep(0.01)  # let them notice


@pytest.fixture
async def lane(wire: Wire) -> AsyncIterator[Lane]:
    made = Lane(wire.url)
    yield made
    await made.aclose()


async def post(lane: Lane, body: bytes = b"{}", *, timeout: float = 5.0) -> Reply:
    async with lane.posting("/run", body, timeout=timeout) as answer:
        return await answer.rest()


async def test_a_request_goes_out_whole_and_its_answer_comes_back(wire: Wire, lane: Lane) -> None:
    assert await post(lane, b'{"a": 1}') == Reply(200, b"ok")
    assert wire.heads[0].startswith("POST /run HTTP/1.1\r\n")
    assert "\r\nHost: 127.0.0.1:" in wire.heads[0]
    assert wire.bodies == [b'{"a": 1}']


@pytest.mark.parametrize(
    ("raw", "reply"),
    [
        (b"HTTP/1.0 200\r\n\r\nto the end", Reply(200, b"to the end")),
        (b"HTTP/1.1 500 No\r\ncontent-length:  3 \r\n\r\nbad", Reply(500, b"bad")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Reply(200, b"")),
        (
            CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            Reply(200, b"abc0123456789"),
        ),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, Reply(200, b"ok")),
    ],
)
async def test_every_form_of_an_answer_is_read(wire: Wire, lane: Lane, raw: bytes, reply: Reply) -> None:
    wire.answer = raw
    assert await post(lane) == reply


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
        CHUNKED + b"5\r\nab",
        CHUNKED + b"xyz\r\n",
    ],
)
async def test_an_answer_that_is_cut_off_is_lost(wire: Wire, lane: Lane, raw: bytes) -> None:
    wire.answer = raw
    with pytest.raises(RuntimeLostError, match="cut off"):
        await post(lane)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 x\r\n\r\n",
    ],
)
async def test_no_answer_at_all_is_lost(wire: Wire, lane: Lane, raw: bytes) -> None:
    wire.answer = raw
    with pytest.raises(RuntimeLostError, match="lost while it worked"):
        await post(lane)


async def test_the_connection_is_open_before_the_request(wire: Wire, lane: Lane) -> None:
    await lane.warm()
    await lane.warm()
    await until(lambda: wire.opened == 1)
    await post(lane)
    assert len(wire.heads) == 1
    await until(lambda: wire.opened == 2)  # and the next one too
    await post(lane)
    assert wire.opened <= 3


async def test_a_connection_that_the_server_has_closed_is_not_used(wire: Wire, lane: Lane) -> None:
    """The runtime was started anew since: the request must not be taken for lost."""
    await lane.warm()
    await until(lambda: wire.opened == 1)
    wire.writers[0].transport.abort()
    await asyncio.sleep(0.05)
    assert await post(lane) == Reply(200, b"ok")
    assert len(wire.heads) == 1


async def test_nothing_was_started_where_nothing_listens(wire: Wire, lane: Lane) -> None:
    assert wire.server is not None
    wire.server.close()
    await wire.server.wait_closed()
    await lane.warm()
    with pytest.raises(RuntimeRefusedStartError, match="cannot be reached"):
        await post(lane)


async def test_a_server_that_does_not_take_all_of_it_has_started_nothing(wire: Wire, lane: Lane) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    wire.answer = hang_up
    with pytest.raises(RuntimeRefusedStartError, match="did not take"):
        await post(lane, b"x" * 30_000_000)


async def test_an_answer_before_all_was_sent_is_an_answer(wire: Wire, lane: Lane) -> None:
    """ComfyUI 8: 413 above 100 MB, and the connection closes."""

    async def too_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    wire.answer = too_large
    assert (await post(lane, b"x" * 3_000_000)).status == 413


async def test_a_runtime_that_does_not_answer_is_given_up(wire: Wire, lane: Lane) -> None:
    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    wire.answer = say_nothing
    with pytest.raises(RuntimeLostError, match=r"did not answer for 0\.1 s"):
        await post(lane, timeout=0.1)


async def test_user_and_password_of_the_url_are_sent_and_not_shown_as_host(wire: Wire) -> None:
    lane = Lane(wire.url.replace("http://", "http://me:p%40ss@") + "/base/")
    await post(lane)
    await lane.aclose()
    assert wire.heads[0].startswith("POST /base/run HTTP/1.1\r\nHost: 127.0.0.1:")
    assert f"\r\nAuthorization: Basic {base64.b64encode(b'me:p@ss').decode()}\r\n" in wire.heads[0]
