"""Servers that send more than anybody wants to read."""

import asyncio
import itertools
from collections.abc import Iterable

import httpx
import pytest

from netguard import AddressGuard, AnswerTooLongError, GuardedTransport
from netguard.testing import Answer, FakeResolver, response, serve

LOOPBACK = AddressGuard(["127.0.0.0/8"])
MOST = 16 * 1024
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


async def asked(answer: Answer) -> httpx.Response:
    """Return what a transport that reads little makes of an answer."""
    async with (
        serve(lambda _: answer) as server,
        GuardedTransport(LOOPBACK, most_bytes=MOST) as transport,
        httpx.AsyncClient(transport=transport) as client,
    ):
        return await client.get(f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize("interim", [0, 1, 100])
async def test_an_answer_of_the_usual_size_is_read_whole(interim: int) -> None:
    answer = await asked(INTERIM * interim + response(b"x" * 4000, headers={"Retry-After": "7"}))
    assert (answer.status_code, answer.headers["retry-after"], len(answer.content)) == (200, "7", 4000)


async def test_an_answer_may_have_exactly_so_many_bytes() -> None:
    head = response(length=MOST)
    body = b"x" * (MOST - len(head) - 1)
    assert (await asked(response(body))).content == body


def _endless(piece: bytes, start: bytes = b"") -> Iterable[bytes]:
    return itertools.chain([start], itertools.repeat(piece))


@pytest.mark.parametrize(
    "answer",
    [
        _endless(INTERIM * 1000),
        _endless(b"X-A: b\r\n" * 5000, start=b"HTTP/1.1 200 OK\r\n"),
        _endless(b"x" * 50_000, start=b"HTTP/1.1 200 OK\r\nX-A: "),
        _endless(b"x" * 50_000, start=b"HTTP/1.1 200 OK\r\n\r\n"),
        _endless(b"1\r\nx\r\n" * 5000, start=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
    ids=["interim answers", "headers", "one header", "body", "chunks"],
)
async def test_an_answer_without_an_end_is_given_up(answer: Iterable[bytes]) -> None:
    with pytest.raises(AnswerTooLongError, match="16384"):
        await asked(answer)


async def test_what_is_too_long_is_read_in_pieces_between_which_others_have_their_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with (
        serve(lambda _: _endless(INTERIM * 5000)) as server,
        GuardedTransport(LOOPBACK, most_bytes=MOST) as transport,
        httpx.AsyncClient(transport=transport) as client,
        asyncio.timeout(30),
    ):
        task = asyncio.create_task(others())
        with pytest.raises(AnswerTooLongError):
            await client.get(f"http://127.0.0.1:{server.port}/")
        task.cancel()
    assert turns >= MOST // 2048


async def test_a_caller_who_wants_whole_answers_gets_them() -> None:
    body = b"x" * (10 * MOST)
    async with (
        serve(lambda _: response(body)) as server,
        GuardedTransport(LOOPBACK, resolver=FakeResolver.of(pictures_test="127.0.0.1")) as transport,
        httpx.AsyncClient(transport=transport) as client,
    ):
        assert (await client.get(f"http://pictures.test:{server.port}/")).content == body
