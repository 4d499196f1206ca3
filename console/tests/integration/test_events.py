"""The stream of a real console: what pages are told, and that nothing is asked while none listens."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from console.models import Glance
from console.testing import KEY, FakeApi, FakeGlances, Running

type Listen = Callable[[Running], AbstractAsyncContextManager[Any]]
type Serve = Callable[..., Running]


async def grows_no_more(count: Callable[[], int]) -> bool:
    """Wait until a number stays as it is for longer than any pause between two looks."""
    for _ in range(50):
        before = count()
        await asyncio.sleep(0.4)
        if count() == before:
            return True
    return False


async def test_a_page_is_told_everything_in_order(
    serve: Serve, api: FakeApi, glances: FakeGlances, listen: Listen
) -> None:
    for number in range(30):
        api.put(f"t{number:02}")
    glances.says = Glance(at=5, runtimes=[], unrouted=3, history=[])
    console = serve()
    async with listen(console) as first:
        await first.row("t00")
    async with listen(console) as page:
        assert await page.next() == ("system", {"reachable": True, "message": None})
        assert await page.next() == ("reset", {"total": 30})
        name, data = await page.next()
        assert name == "tasks"
        assert [row["id"] for row in data["tasks"]] == [f"t{number:02}" for number in reversed(range(30))]
        assert (await page.until("glance"))["unrouted"] == 3


async def test_an_empty_system_is_told_as_empty_and_what_comes_then_as_it_comes(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    async with listen(console) as page:
        assert await page.until("reset", lambda _: True) == {"total": 0}
        api.put("t1")
        assert (await page.row("t1"))["status"] == "queued"
        api.put("t1", "running", progress=30)
        assert (await page.row("t1", status="running"))["progress"] == 30
        api.put("t1", "succeeded", images=[{"s3": "s3://out/1.png"}])
        assert (await page.row("t1", status="succeeded"))["images"] == 1


async def test_two_pages_are_told_the_same(console: Running, api: FakeApi, listen: Listen) -> None:
    async with listen(console) as one, listen(console) as two:
        api.put("t1", "failed", error={"code": "timeout", "message": "<b>", "retryable": True})
        assert await one.row("t1") == await two.row("t1")


async def test_a_page_that_comes_again_is_told_everything_anew(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    api.put("t1")
    async with listen(console) as page:
        await page.row("t1")
    api.put("t1", "succeeded")
    api.put("t2")
    async with listen(console) as page:
        assert (await page.next())[0] == "system"
        assert (await page.next())[0] == "reset"
        await asyncio.gather(page.row("t1", status="succeeded"))
    async with listen(console) as page:
        assert (await page.until("reset"))["total"] == 2


async def test_a_list_is_not_asked_for_more_tasks_than_are_known(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    for number in range(7):
        api.put(f"t{number}", "succeeded", images=[{"s3": "s3://out/1.png"}])
    async with listen(console) as page:
        await page.row("t0")
        before = len(api.seen)
        for number in range(7, 30):
            api.put(f"t{number}", "succeeded", images=[{"s3": "s3://out/1.png"}])
        await page.row("t7")
    sizes = [int(seen.query["limit"]) for seen in api.seen[before:] if seen.path.endswith("/tasks")]
    assert sizes
    assert max(sizes) < 2 * 30  # it doubles until a known one is met; a whole page would be 100


async def test_the_newest_is_shown_before_the_api_has_found_that_there_are_no_more(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    api.put("t1")
    api.put("t2")
    api.searched.clear()
    async with listen(console) as page:
        await page.row("t2")
        api.searched.set()
        await page.row("t1")


async def test_a_task_that_was_looked_at_before_the_first_look_hides_none_of_the_others(
    console: Running, api: FakeApi, listen: Listen, browser: httpx.Client
) -> None:
    for number in range(5):
        api.put(f"t{number}")
    await asyncio.to_thread(browser.get, "/api/tasks/t4")
    async with listen(console) as page:
        await page.row("t0")


async def test_what_is_submitted_is_told_though_the_list_has_not_told_of_it(
    console: Running, api: FakeApi, listen: Listen, browser: httpx.Client
) -> None:
    metadata = {"id": "t1", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
    api.listed = False
    async with listen(console) as page:
        await page.until("reset", lambda _: True)
        await asyncio.to_thread(
            browser.post, "/api/tasks", json={"task": {"metadata": metadata, "content": {}}}
        )
        await page.row("t1", status="queued")


async def test_what_this_console_submits_and_cancels_is_told_at_once(
    serve: Serve, listen: Listen, browser: httpx.Client, console: Running
) -> None:
    metadata = {"id": "t1", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output"}
    async with listen(console) as one, listen(console) as two:
        await asyncio.to_thread(
            browser.post, "/api/tasks", json={"task": {"metadata": metadata, "content": {}}}
        )
        await one.row("t1", status="queued")
        await asyncio.to_thread(browser.delete, "/api/tasks/t1")
        await one.row("t1", status="cancelled")
        await two.row("t1", status="cancelled")


async def test_pages_are_told_that_the_api_is_away_and_that_it_is_back(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    api.put("t1")
    async with listen(console) as page:
        await page.row("t1")
        api.down = True
        away = await page.until("system")
        assert away["reachable"] is False
        assert "does not answer" in away["message"]
        async with listen(console) as late:
            assert (await late.next()) == ("system", away)
            assert (await late.next()) == ("reset", {"total": 1})
        api.down = False
        assert await page.until("system") == {"reachable": True, "message": None}
        api.put("t1", "running")
        await page.row("t1", status="running")


async def test_a_console_that_is_started_before_its_system_tells_so(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    api.down = True
    async with listen(console) as page:
        assert (await page.next())[1]["reachable"] is False
        assert await page.next() == ("reset", {"total": 0})
        api.down = False
        assert await page.until("system") == {"reachable": True, "message": None}
        api.put("t1")
        await page.row("t1")


async def test_a_key_that_the_api_does_not_take_is_told(serve: Serve, listen: Listen) -> None:
    async with listen(serve(api_key="another-key-altogether")) as page:
        _, system = await page.next()
    assert system["reachable"] is False
    assert "API key" in system["message"]
    assert "another-key-altogether" not in str(system)


async def test_nothing_is_asked_while_no_page_listens(
    console: Running, api: FakeApi, glances: FakeGlances, listen: Listen
) -> None:
    api.put("t1", "running")
    assert api.seen == []
    assert glances.asked == 0
    async with listen(console) as page:
        await page.row("t1")
    assert await grows_no_more(lambda: len(api.seen) + glances.asked)
    api.put("t1", "succeeded")
    async with listen(console) as page:
        await page.row("t1", status="succeeded")


async def test_old_tasks_are_read_page_by_page_and_those_that_run_are_followed(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    api.put("oldest", "running")
    for number in range(350):
        api.put(f"t{number:03}", "succeeded", images=[{"s3": "s3://out/1.png"}])
    async with listen(console) as page:
        await page.row("oldest", status="running")
        api.put("oldest", "failed")
        await page.row("oldest", status="failed")
    async with listen(console) as page:
        assert (await page.until("reset"))["total"] == 351


async def test_a_long_queue_is_followed_from_its_oldest_end(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    for number in range(300):
        api.put(f"t{number:03}")
    async with listen(console) as page:
        await page.row("t000")
        api.put("t000", "running")
        await page.row("t000", status="running")
        api.put("t000", "succeeded", images=[{"s3": "s3://out/1.png"}])
        api.put("t001", "succeeded", images=[{"s3": "s3://out/1.png"}])
        await page.row("t000", status="succeeded")
    most = max(int(seen.query.get("limit", 0)) for seen in api.seen)
    assert most == 100


async def test_a_burst_of_new_tasks_is_found_whole(console: Running, api: FakeApi, listen: Listen) -> None:
    api.put("first")
    async with listen(console) as page:
        await page.row("first")
        for number in range(700):
            api.put(f"t{number:03}", "succeeded", images=[{"s3": "s3://out/1.png"}])
        found: set[str] = set()
        while len(found) < 700:
            found |= {row["id"] for row in (await page.until("tasks"))["tasks"]}
    assert found == {f"t{number:03}" for number in range(700)}


async def test_a_task_that_is_no_more_is_forgotten(console: Running, api: FakeApi, listen: Listen) -> None:
    api.put("gone", "running")
    for number in range(120):
        api.put(f"t{number:03}", "succeeded", images=[{"s3": "s3://out/1.png"}])
    async with listen(console) as page:
        await page.row("gone")
        api.drop("gone")
        assert (await page.until("reset", lambda data: data["total"] == 120))["total"] == 120


async def test_a_system_that_was_made_anew_is_shown_without_the_tasks_of_the_old_one(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    for number in range(120):
        api.put(f"t{number:03}", "succeeded", images=[{"s3": "s3://out/1.png"}])
    async with listen(console) as page:
        await page.row("t000")
        api.tasks.clear()
        api.put("new")
        await page.until("reset", lambda data: data["total"] < 2)
        await page.row("new")
        api.put("newer")
        await page.row("newer")


async def test_a_fault_in_one_glance_does_not_end_those_that_follow(
    serve: Serve, api: FakeApi, glances: FakeGlances, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    glances.fails = True
    async with listen(serve()) as page:
        await page.until("reset", lambda _: True)
        while glances.asked < 2:
            await asyncio.sleep(0.05)
        glances.fails = False
        glances.says = Glance(at=5, runtimes=[], unrouted=3, history=[])
        await page.until("glance")
        api.put("t1")
        await page.row("t1")
    assert "a look failed" in caplog.text
    assert KEY not in caplog.text


async def test_outputs_that_the_list_leaves_out_are_asked_for_once(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    api.put("t1", "succeeded")
    async with listen(console) as page:
        await page.row("t1")
        api.put("t2", "succeeded", images=[{"s3": "s3://out/1.png"}])
        await page.row("t2", images=1)
        api.put("t3", "succeeded")
        await page.row("t3")
        api.put("t4", "running")
        await page.row("t4")
    assert [seen.path for seen in api.seen].count("/v1alpha2/tasks/t1") == 1


async def test_a_page_that_does_not_read_keeps_no_other_waiting_and_is_told_the_latest_in_the_end(
    console: Running, api: FakeApi, listen: Listen
) -> None:
    for number in range(100):
        api.put(
            f"t{number:02}", "running", error={"code": "internal", "message": "x" * 900, "retryable": True}
        )
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.settimeout(20)
    with slow:
        slow.connect(("127.0.0.1", console.entry.port))
        cookie = console.cookie["Cookie"]
        asked = (
            f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{console.entry.port}\r\nCookie: {cookie}\r\n\r\n"
        )
        slow.sendall(asked.encode())
        async with listen(console) as quick:
            for progress in range(1, 41):
                for number in range(100):
                    api.put(f"t{number:02}", "running", progress=progress)
                await quick.row("t99", progress=progress)
            for number in range(100):
                api.put(f"t{number:02}", "succeeded", progress=100, images=[{"s3": "s3://out/1.png"}])
            await quick.row("t99", status="succeeded")
        told, rounds = await asyncio.to_thread(_read_until_ended, slow)
    assert told == {f"t{number:02}" for number in range(100)}
    assert rounds < 40  # what it missed meanwhile was not kept for it


def _read_until_ended(connection: socket.socket) -> tuple[set[str], int]:
    """Return the tasks that were told as succeeded, and how many events with tasks came until then."""
    ended: set[str] = set()
    events, text = 0, b""
    while len(ended) < 100:
        text += connection.recv(65536)
        *lines, text = text.split(b"\n")
        for line in lines:
            if line.startswith(b'data: {"tasks"'):
                events += 1
                rows = json.loads(line.removeprefix(b"data: "))["tasks"]
                ended |= {row["id"] for row in rows if row["status"] == "succeeded"}
    return ended, events
