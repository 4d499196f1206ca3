import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.errors import UnavailableError
from console.feed import CHUNK, MOST_PAGES, Feed, Mailbox
from console.models import Glance
from darkroom_client import Task

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
type Events = list[tuple[str, Any]]


def task(number: int, status: str = "queued", *, submission: str = "s", **more: Any) -> Task:
    return Task.model_validate(
        {
            "id": f"t{number}",
            "submission": submission,
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "status": status,
            "created_at": BEGIN + timedelta(seconds=number),
            "output_location": "s3://out/x",
            **more,
        }
    )


def a_feed(*tasks: Task, most: int = 5000) -> Feed:
    feed = Feed(most=most)
    feed.note(tasks)
    feed.tell_reachable()
    return feed


async def read(mailbox: Mailbox) -> Events:
    """Return what a page is told until nothing is left."""
    told: Events = []
    stream = mailbox.events(quiet=0.01)
    async for event in stream:
        if event.startswith(b":"):
            break
        name, data = event.decode().removesuffix("\n\n").split("\n")
        told.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    await stream.aclose()
    return told


def names(events: Events) -> list[str]:
    return [name for name, _ in events]


def ids(events: Events) -> list[str]:
    return [row["id"] for name, data in events if name == "tasks" for row in data["tasks"]]


async def test_a_page_is_told_first_whether_the_api_answers_then_all_tasks_newest_first_then_the_glance() -> (
    None
):
    feed = a_feed(*(task(number) for number in range(450)))
    feed.tell_glance(Glance(at=1, runtimes=[], unrouted=0, history=[]))
    with feed.listening() as mailbox:
        told = await read(mailbox)
    assert names(told) == ["system", "reset", "tasks", "tasks", "tasks", "glance"]
    assert told[0][1] == {"reachable": True, "message": None}
    assert told[1][1] == {"total": 450}
    assert [len(data["tasks"]) for name, data in told if name == "tasks"] == [CHUNK, CHUNK, 50]
    assert ids(told) == [f"t{number}" for number in reversed(range(450))]


async def test_a_page_is_told_nothing_before_somebody_has_looked() -> None:
    feed = Feed()
    with feed.listening() as mailbox:
        assert await read(mailbox) == []
        feed.note([task(1)])
        assert await read(mailbox) == []
        feed.tell_reachable()
        assert names(await read(mailbox)) == ["system", "reset", "tasks"]


async def test_a_change_is_told_to_every_page() -> None:
    feed = a_feed(task(1))
    with feed.listening() as one, feed.listening() as two:
        await read(one)
        await read(two)
        assert feed.note([task(1, "running", progress=40)]) == 1
        for mailbox in (one, two):
            [(name, data)] = await read(mailbox)
            assert (name, data["tasks"][0]["status"], data["tasks"][0]["progress"]) == (
                "tasks",
                "running",
                40,
            )


async def test_what_has_not_changed_is_not_told_again() -> None:
    feed = a_feed(task(1))
    with feed.listening() as mailbox:
        await read(mailbox)
        assert feed.note([task(1)]) == 0
        assert await read(mailbox) == []


async def test_a_slow_page_is_told_the_latest_of_each_task_once() -> None:
    feed = a_feed()
    with feed.listening() as slow, feed.listening() as quick:
        await read(slow)
        await read(quick)
        for progress in range(100):
            feed.note([task(1, "running", progress=progress), task(2, "running", progress=progress)])
            assert len(ids(await read(quick))) == 2
        told = await read(slow)
    assert sorted(ids(told)) == ["t1", "t2"]
    assert {row["progress"] for _, data in told for row in data["tasks"]} == {99}


async def test_changes_while_a_page_is_still_being_told_all_do_not_starve_the_glance() -> None:
    feed = a_feed(*(task(number) for number in range(500)))
    feed.tell_glance(Glance(at=1, runtimes=[], unrouted=0, history=[]))
    seen: list[str] = []
    with feed.listening() as mailbox:
        stream = mailbox.events(quiet=0.01)
        for turn in range(8):
            seen.append((await anext(stream)).split(b"\n")[0].decode())
            feed.note(task(number, submission=f"{turn}") for number in range(500))
        await stream.aclose()
    assert "event: glance" in seen


async def test_a_page_that_comes_again_starts_anew() -> None:
    feed = a_feed(task(1))
    with feed.listening() as mailbox:
        await read(mailbox)
    feed.note([task(2)])
    with feed.listening() as mailbox:
        assert names(told := await read(mailbox))[:2] == ["system", "reset"]
        assert ids(told) == ["t2", "t1"]


async def test_of_more_tasks_than_are_remembered_the_oldest_are_forgotten() -> None:
    feed = a_feed(*(task(number) for number in range(5000)))
    assert feed.full
    with feed.listening() as mailbox:
        await read(mailbox)
        feed.note([task(5000), task(-1)])
        assert ids(await read(mailbox)) == ["t5000"]
    assert len(feed.rows()) == 5000
    assert feed.row("t0") is None
    assert feed.row("t-1") is None


async def test_tasks_that_are_no_more_have_the_pages_start_anew() -> None:
    feed = a_feed(task(1), task(2))
    with feed.listening() as mailbox:
        await read(mailbox)
        feed.forget(["t1", "nobody"])
        told = await read(mailbox)
    assert names(told) == ["reset", "tasks"]
    assert ids(told) == ["t2"]


async def test_forgetting_what_is_not_known_tells_nobody() -> None:
    feed = a_feed(task(1))
    with feed.listening() as mailbox:
        await read(mailbox)
        feed.forget(["nobody"])
        assert await read(mailbox) == []


async def test_pages_are_told_when_the_api_stops_to_answer_and_when_it_is_back_once_each() -> None:
    feed = a_feed()
    with feed.listening() as mailbox:
        await read(mailbox)
        for _ in range(3):
            feed.tell_reachable("it does not answer")
        assert await read(mailbox) == [("system", {"reachable": False, "message": "it does not answer"})]
        for _ in range(3):
            feed.tell_reachable()
        assert await read(mailbox) == [("system", {"reachable": True, "message": None})]


@pytest.mark.parametrize("late", ["queued", "running"])
def test_what_has_ended_does_not_go_on_where_an_old_answer_comes_late(late: str) -> None:
    feed = a_feed(task(1, "succeeded", images=[{"s3": "s3://out/1.png"}]))
    assert feed.note([task(1, late)]) == 0
    row = feed.row("t1")
    assert row is not None
    assert row.status == "succeeded"


def test_a_list_that_leaves_outputs_out_does_not_take_them_away_and_one_with_them_adds_them() -> None:
    feed = a_feed(task(1, "succeeded"))
    assert feed.note([task(1, "succeeded", images=[{"s3": "s3://out/1.png"}], images_total=250)]) == 1
    assert feed.note([task(1, "succeeded")]) == 0
    row = feed.row("t1")
    assert row is not None
    assert row.images == 250


def test_an_id_that_went_to_a_new_task_shows_the_new_one_only() -> None:
    feed = a_feed(task(1, "failed", submission="old"))
    newer = task(1, submission="new").model_copy(update={"created_at": BEGIN + timedelta(days=1)})
    assert feed.note([newer]) == 1
    assert feed.note([task(1, "failed", submission="old")]) == 0
    row = feed.row("t1")
    assert row is not None
    assert row.submission == "new"


def test_a_row_has_times_in_milliseconds_and_the_error() -> None:
    error = {"code": "timeout", "message": "<b>too long</b>", "retryable": True}
    feed = a_feed(task(0, "failed", finished_at=BEGIN + timedelta(seconds=1.5), error=error))
    row = feed.row("t0")
    assert row is not None
    assert row.created_at == int(BEGIN.timestamp()) * 1000
    assert row.finished_at == int(BEGIN.timestamp()) * 1000 + 1500
    assert row.started_at is None
    assert row.error is not None
    assert row.error.model_dump() == error


async def test_a_quiet_stream_has_comments() -> None:
    feed = a_feed()
    with feed.listening() as mailbox:
        stream = mailbox.events(quiet=0.001)
        events = [await anext(stream) for _ in range(4)]
        await stream.aclose()
    assert events[2:] == [b":\n\n", b":\n\n"]


async def test_closing_ends_all_streams_and_those_that_come_later() -> None:
    feed = a_feed()
    with feed.listening() as mailbox:
        reading = asyncio.create_task(_all(mailbox))
        await asyncio.sleep(0)
        feed.close()
        await asyncio.wait_for(reading, 5)
    with feed.listening() as late:
        assert await asyncio.wait_for(_all(late), 5) == []


async def _all(mailbox: Mailbox) -> list[bytes]:
    return [event async for event in mailbox.events()]


async def test_somebody_listens_only_while_a_page_does() -> None:
    feed = a_feed()
    seen = [feed.listened]
    with feed.listening(), feed.listening():
        await asyncio.wait_for(feed.somebody(), 5)
        seen.append(feed.listened)
    seen.append(feed.listened)
    assert seen == [False, True, False]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(feed.somebody(), 0.01)


async def test_so_many_pages_may_listen_and_no_more() -> None:
    feed = a_feed()
    entered = [feed.listening() for _ in range(MOST_PAGES)]
    for one in entered:
        one.__enter__()
    with pytest.raises(UnavailableError, match="close some"), feed.listening():
        pass
    for one in entered:
        one.__exit__(None, None, None)
