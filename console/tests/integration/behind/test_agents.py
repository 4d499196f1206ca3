"""Agents over HTTP, well and not."""

import socket

import httpx
import pytest

from console.glance import agents
from console.glance.agents import NoReadingError, scrape
from darkroom_client.testing import Say, Server

METRICS = b"""# TYPE darkroom_runtime_ready gauge
darkroom_runtime_ready 1.0
# TYPE darkroom_tasks_total counter
darkroom_tasks_total{runtime="r",tasktype="text-to-image",result="succeeded",code="none"} 3.0
"""


async def asked(url: str) -> agents.Reading:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await scrape(http, url)


async def test_an_agent_is_read(server: Server) -> None:
    server.says(Say(200, METRICS))
    reading = await asked(f"{server.url}/metrics")
    assert (reading.ready, reading.ended, reading.failed) == (True, 3, 0)


@pytest.mark.parametrize(
    "say",
    [
        Say(503, METRICS),
        Say(200, b"<html>"),
        Say(200, b"\xff\xfe" * 100),
        Say(200, METRICS, cut=True),
        Say(drop=True),
        Say(302, METRICS, {"Location": "/elsewhere"}),
    ],
)
async def test_what_is_no_answer_of_an_agent_is_no_reading(server: Server, say: Say) -> None:
    server.says(say)
    with pytest.raises(NoReadingError):
        await asked(f"{server.url}/metrics")


async def test_an_agent_that_hangs_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "TIMEOUT", 0.1)
    server.says(Say(200, METRICS, hang=1.0))
    with pytest.raises(NoReadingError, match="Timeout"):
        await asked(f"{server.url}/metrics")


async def test_an_answer_without_end_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "MAX_BYTES", 1000)
    server.says(Say(200, METRICS * 10))
    with pytest.raises(NoReadingError, match="without end"):
        await asked(f"{server.url}/metrics")


async def test_an_agent_that_is_killed_is_no_reading() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/metrics", "nonsense", "http://[::1", "ftp://x/"):
        with pytest.raises(NoReadingError):
            await asked(url)
