"""Lists over runtimes and days."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_schema import Status
from task_store import BadCursorError, Task, list_newest
from task_store.testing import MemoryTaskStore, new_task, outcome

DAY = 24 * 3600 * 1000
NOW = 1_800_000_000_000
RUNTIMES = ["one", "two", "three"]


def recorded(store: MemoryTaskStore, *times: tuple[str, int]) -> None:
    for number, (runtime, age) in enumerate(times):
        store.record(new_task(id=f"t{number:03}", runtime=runtime), now=NOW - age)


def whole(store: MemoryTaskStore, *, limit: int, status: Status | None = None) -> list[Task]:
    tasks: list[Task] = []
    cursor = None
    for _ in range(1000):
        page = list_newest(store, RUNTIMES, now=NOW, limit=limit, status=status, cursor=cursor)
        assert len(page.tasks) <= limit
        tasks += page.tasks
        if (cursor := page.cursor) is None:
            return tasks
    raise AssertionError("it never ends")


@given(
    times=st.lists(
        st.tuples(st.sampled_from(RUNTIMES), st.sampled_from([0, 1, 2, 1000, DAY, DAY + 1, 30 * DAY])),
        max_size=25,
    ),
    limit=st.integers(1, 7),
)
def test_pages_together_have_every_task_once_newest_first(times: list[tuple[str, int]], limit: int) -> None:
    store = MemoryTaskStore()
    recorded(store, *times)
    tasks = whole(store, limit=limit)
    places = [(task.created_at, task.id) for task in tasks]
    assert places == sorted(places, reverse=True)
    assert {task.id for task in tasks} == {f"t{number:03}" for number in range(len(times))}
    assert len(tasks) == len(times)


def test_only_tasks_of_the_status_are_listed() -> None:
    store = MemoryTaskStore()
    recorded(store, *(("one", age) for age in range(60)))
    task = store.get("t030")
    assert task is not None
    store.cancel(task.id, outcome=outcome(Status.CANCELLED), now=NOW)
    assert [each.id for each in whole(store, limit=2, status=Status.CANCELLED)] == ["t030"]
    assert len(whole(store, limit=2, status=Status.QUEUED)) == 59


def test_other_runtimes_are_left_out() -> None:
    store = MemoryTaskStore()
    recorded(store, ("one", 0), ("else", 0))
    assert [task.id for task in whole(store, limit=5)] == ["t000"]


def test_a_list_over_many_empty_days_comes_in_pages_that_end() -> None:
    store = MemoryTaskStore()
    recorded(store, ("one", 40 * DAY))
    many = [*RUNTIMES, *(f"idle-{number}" for number in range(9))]
    first = list_newest(store, many, now=NOW, limit=5)
    assert first.tasks == ()
    cursor, pages = first.cursor, 1
    while cursor is not None:
        page = list_newest(store, many, now=NOW, limit=5, cursor=cursor)
        cursor, pages = page.cursor, pages + 1
        if page.tasks:
            break
    assert [task.id for task in page.tasks] == ["t000"]
    assert pages == 4


def test_a_task_of_a_clock_that_is_a_little_ahead_of_midnight_is_listed() -> None:
    midnight = NOW - NOW % DAY + DAY
    store = MemoryTaskStore()
    store.record(new_task(runtime="one"), now=midnight)
    assert len(list_newest(store, RUNTIMES, now=midnight - 1, limit=5).tasks) == 1


@pytest.mark.parametrize("cursor", ["", "x", "bm8", "WzEsIiJd"])
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursorError):
        list_newest(MemoryTaskStore(), RUNTIMES, now=NOW, limit=1, cursor=cursor)


def test_a_cursor_far_outside_of_time_lists_nothing_or_all() -> None:
    store = MemoryTaskStore()
    recorded(store, ("one", 0))
    past, future = (
        base64.urlsafe_b64encode(json.dumps([time, "a"]).encode()).decode() for time in (-(10**30), 10**60)
    )
    assert list_newest(store, RUNTIMES, now=NOW, limit=1, cursor=past).tasks == ()
    assert len(list_newest(store, RUNTIMES, now=NOW, limit=1, cursor=future).tasks) == 1
