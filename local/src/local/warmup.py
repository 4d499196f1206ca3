"""First requests to the API, so that the user's first is not the one that waits for a cold start."""

import asyncio
import contextlib

import httpx

from local.errors import DeployError
from local.traces.spans import ASIDE

ROUNDS = 2
WIDTH = (
    2  # requests at a time: each cold one starts a worker, and more than the cores would starve each other
)
TIMEOUT = 60.0  # seconds until the API must answer
RETRY_AFTER = 0.3  # seconds
_TRACED = {"traceparent": f"00-{ASIDE.trace_id}-{ASIDE.span_id}-00"}  # in no list of what users asked for


async def warm_up(endpoint: str, key: str) -> None:
    """Post requests that the validator refuses, until it does so at once.

    Raises:
        DeployError: the API keeps answering with server errors, or not at all.
    """
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as http:
        for _ in range(ROUNDS):
            await asyncio.gather(*(_refused(http, endpoint, key) for _ in range(WIDTH)))


async def warm_up_reading(endpoint: str, key: str) -> None:
    """Ask for the last task once, as a page does first; what comes of it is nobody's concern."""
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as http:
            await http.get(
                f"{endpoint}v1alpha2/tasks", params={"limit": 1}, headers={"x-api-key": key, **_TRACED}
            )


async def _refused(http: httpx.AsyncClient, endpoint: str, key: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + TIMEOUT
    while True:
        try:
            answer = await http.post(f"{endpoint}v1alpha2", json={}, headers={"x-api-key": key, **_TRACED})
            if answer.status_code < 500:
                return
            problem = f"{answer.status_code} {answer.text[:300]}"
        except httpx.HTTPError as exc:
            problem = repr(exc)
        if loop.time() > deadline:
            raise DeployError(f"the API does not work: {problem}")
        await asyncio.sleep(RETRY_AFTER)
