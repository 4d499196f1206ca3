import asyncio
from pathlib import Path

import pytest

from darkroom_client import AsyncDarkroom, NoAnswerError, Retries, TaskFailedError
from darkroom_client.testing import ACCEPTED, Say, Server, refusal, task

QUICK = Retries(tries=4, first=0.002, longest=0.01)
BUSY = Say(429, refusal("throttled"), {"Retry-After": "0"})


def calls(server: Server, timeout: float = 5) -> AsyncDarkroom:
    return AsyncDarkroom(f"{server.url}/prod", "a-key", retries=QUICK, timeout=timeout)


async def test_a_task_is_submitted_waited_for_and_fetched(server: Server, tmp_path: Path) -> None:
    images = [{"s3": "s3://out/output/a/a-1.png", "url": f"{server.url}/bucket/a-1.png"}]
    done = Say(200, task("succeeded", images=images))
    server.says(BUSY, Say(200, ACCEPTED), Say(200, task()), Say(304, hang=1), done, Say(200, b"picture"))
    async with calls(server) as client:
        accepted = await client.submit({}, runtime="sdruntime", tasktype="pipeline")
        result = await client.result(accepted.id)
        [saved] = await client.download(result, tmp_path)
    assert saved.read_bytes() == b"picture"


async def test_many_wait_at_once(server: Server) -> None:
    server.script = lambda seen: Say(200, task("succeeded", id=seen.path.rpartition("/")[2]), hang=0.2)
    async with calls(server) as client:
        tasks = await asyncio.gather(*(client.wait(f"t{number}") for number in range(20)))
    assert [one.id for one in tasks] == [f"t{number}" for number in range(20)]


async def test_a_list_goes_through_its_pages(server: Server) -> None:
    server.says(
        Say(200, {"tasks": [task(id="b")], "cursor": "2"}), Say(200, {"tasks": [task()], "cursor": None})
    )
    async with calls(server) as client:
        assert [one.id async for one in client.list()] == ["b", "a"]


async def test_a_task_is_cancelled(server: Server) -> None:
    error = {"code": "cancelled", "message": "cancelled by the user", "retryable": False}
    server.says(Say(503), Say(202, task("running")), Say(200, task("cancelled", error=error)))
    async with calls(server) as client:
        assert not (await client.cancel("a")).ended
        with pytest.raises(TaskFailedError) as caught:
            await client.result("a")
    assert caught.value.code == "cancelled"


@pytest.mark.parametrize("broken", [Say(drop=True), Say(200, task(), cut=True), Say(200, task(), hang=30)])
async def test_an_api_that_breaks_off_or_hangs_has_given_no_answer(server: Server, broken: Say) -> None:
    server.says(broken)
    async with calls(server, timeout=0.5) as client:
        with pytest.raises(NoAnswerError):
            await client.get("a")
    assert 1 < len(server.seen) <= 4
