"""AWS that takes calls and never answers."""

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest

from console import glance
from console.context import Context
from console.settings import RuntimeSource, Sources
from console.submitted import Submitted
from darkroom_client import AsyncDarkroom
from darkroom_client.testing import Say, Seen, Server


@pytest.fixture
def silent() -> Iterator[Server]:
    server = Server()
    released = threading.Event()

    def script(_: Seen) -> Say:
        released.wait(30)
        return Say(500)

    server.script = script
    yield server
    released.set()
    server.close()


async def test_a_glance_that_waits_for_aws_keeps_nothing_else_waiting(silent: Server) -> None:
    runtimes = tuple(
        RuntimeSource(name=f"r{number}", type="t", queue_url=f"{silent.url}/q/{number}")
        for number in range(50)
    )
    sources = Sources.model_validate(
        {
            "mode": "local",
            "endpoint": f"{silent.url}/",
            "api_key": "k",
            "runtimes": runtimes,
            "aws": {"region": "us-east-1", "endpoint_url": silent.url},
        }
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        api = AsyncDarkroom(sources.endpoint, "k", http=http)
        glances = glance.create(Context(sources, api, http, Submitted(), lambda: 0.0))
        reading = asyncio.create_task(glances.read())
        async with asyncio.timeout(20):
            while not silent.seen:
                await asyncio.sleep(0.01)
        assert await asyncio.wait_for(asyncio.to_thread(str, 1), 4) == "1"
        reading.cancel()
        await asyncio.wait({reading})
        glances.close()
    assert len(silent.seen) <= glance.AT_ONCE
