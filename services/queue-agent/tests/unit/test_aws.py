import asyncio
import threading
import time

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from queue_agent.aws import AwsCalls, Persistence
from queue_agent.errors import ServiceError


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret details"}}, "PutObject")


async def test_calls_run_beside_the_event_loop() -> None:
    calls = AwsCalls()
    assert await calls(threading.get_ident) != threading.get_ident()
    assert await calls.abandonable(threading.get_ident) != threading.get_ident()


@pytest.mark.parametrize(
    "error", [_client_error("SlowDown"), EndpointConnectionError(endpoint_url="http://x")]
)
async def test_sdk_errors_are_translated_in_both_ways_of_calling(error: Exception) -> None:
    calls = AwsCalls()

    def fail() -> None:
        raise error

    for way in (calls, calls.abandonable):
        with pytest.raises(ServiceError) as caught:
            await way(fail)
        assert caught.value.__cause__ is error


async def test_a_poll_that_nobody_waits_for_any_more_harms_nothing() -> None:
    release = threading.Event()
    poll = asyncio.create_task(AwsCalls().abandonable(release.wait, 5))
    await asyncio.sleep(0.01)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    release.set()
    deadline = time.monotonic() + 5
    while any(thread.name == "aws-poll" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_a_call_is_repeated_until_it_works_and_not_for_ever() -> None:
    tries: list[int] = []

    async def call() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ServiceError("SlowDown")
        return len(tries)

    assert await Persistence((0, 0, 0))(call) == 3
    tries.clear()
    with pytest.raises(ServiceError):
        await Persistence((0,))(call)
    assert len(tries) == 2


async def test_an_answer_that_cannot_be_parsed_is_an_error_of_the_service() -> None:
    def unparsable() -> None:
        raise ResponseParserError("invalid XML")

    with pytest.raises(ServiceError, match="ResponseParserError"):
        await AwsCalls()(unparsable)
