"""Tasks that somebody has to look at: listed until their end was told (DESIGN 2, the sweeper)."""

import pytest

from task_schema import Status
from task_store import SHARDS, BadCursorError, Due, TableUnavailableError, Task, TaskStore
from task_store.testing import MemoryTaskStore, new_task, outcome

NOW = 1_790_000_000_000
LEASE = NOW + 60_000


def record(store: TaskStore, task_id: str = "a", *, now: int = NOW) -> Task:
    return store.record(new_task(id=task_id, submission=f"of-{task_id}"), now=now)


def end(store: TaskStore, task: Task, *, now: int) -> None:
    store.seize(task.id, task.submission, token="t", lease_until=now + 1, now=now)
    store.commit(task.id, task.submission, "t", outcome(Status.FAILED), now=now)


def due(store: TaskStore, *, before: int = NOW * 2, limit: int = 100) -> list[Due]:
    """Ask every shard for all its pages."""
    found: list[Due] = []
    for shard in range(SHARDS):
        cursor = None
        while True:
            page = store.list_due(shard, before=before, limit=limit, cursor=cursor)
            assert len(page.due) <= limit
            found += page.due
            if (cursor := page.cursor) is None:
                break
    return found


def test_a_task_is_due_from_its_record_on(store: TaskStore) -> None:
    record(store)
    assert due(store, before=NOW - 1) == []
    assert due(store, before=NOW) == [Due("a", NOW)]


def test_publishing_claiming_and_giving_back_leave_it_due_as_it_was(store: TaskStore) -> None:
    task = record(store)
    store.mark_published("a", task.submission, now=NOW + 1)
    store.claim("a", task.submission, token="t", lease_until=LEASE, now=NOW + 2)
    store.renew("a", task.submission, "t", lease_until=LEASE + 1)
    assert due(store) == [Due("a", NOW)]
    store.give_back("a", task.submission, "t")
    assert due(store) == [Due("a", NOW)]


def test_it_is_due_anew_from_its_end_and_no_more_once_that_was_told(store: TaskStore) -> None:
    task = record(store)
    end(store, task, now=NOW + 5)
    assert due(store) == [Due("a", NOW + 5)]
    store.mark_notified("a", task.submission, now=NOW + 6)
    assert due(store) == []


def test_a_cancelled_task_that_nobody_was_told_of_is_due(store: TaskStore) -> None:
    task = record(store)
    store.cancel("a", task.submission, outcome=outcome(Status.CANCELLED), now=NOW + 7)
    assert due(store) == [Due("a", NOW + 7)]


def test_a_postponed_task_is_passed_over_until_its_time(store: TaskStore) -> None:
    task = record(store)
    assert store.postpone("a", task.submission, seen=NOW, until=NOW + 100)
    assert due(store, before=NOW + 99) == []
    assert due(store, before=NOW + 100) == [Due("a", NOW + 100)]
    assert store.get("a") == task


def test_the_end_of_a_postponed_task_makes_it_due_at_once(store: TaskStore) -> None:
    task = record(store)
    store.postpone("a", task.submission, seen=NOW, until=NOW * 2)
    end(store, task, now=NOW + 5)
    assert due(store) == [Due("a", NOW + 5)]


def test_a_task_to_which_something_happened_since_it_was_listed_is_not_postponed(store: TaskStore) -> None:
    task = record(store)
    end(store, task, now=NOW + 5)
    assert not store.postpone("a", task.submission, seen=NOW, until=NOW * 2)
    assert not store.postpone("a", "another", seen=NOW + 5, until=NOW * 2)
    assert not store.postpone("b", task.submission, seen=NOW + 5, until=NOW * 2)
    assert due(store) == [Due("a", NOW + 5)]


def test_a_task_that_was_told_is_not_made_due_by_postponing_it(store: TaskStore) -> None:
    task = record(store)
    end(store, task, now=NOW + 5)
    store.mark_notified("a", task.submission, now=NOW + 6)
    assert not store.postpone("a", task.submission, seen=NOW + 5, until=NOW * 2)
    assert due(store) == []


def test_the_next_task_of_the_same_id_is_due_again(store: TaskStore) -> None:
    task = record(store)
    end(store, task, now=NOW + 5)
    store.mark_notified("a", task.submission, now=NOW + 6)
    store.record(new_task(id="a", submission="next"), now=NOW + 9)
    assert due(store) == [Due("a", NOW + 9)]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_all_tasks_are_found_page_by_page_and_the_oldest_of_a_shard_first(
    store: TaskStore, limit: int
) -> None:
    ids = [f"task-{n}" for n in range(24)]
    for n, task_id in enumerate(ids):
        record(store, task_id, now=NOW + (n * 7) % 24 // 2)
    found = due(store, limit=limit)
    assert sorted(one.id for one in found) == sorted(ids)
    for shard in range(SHARDS):
        times = [one.look_at for one in store.list_due(shard, before=NOW * 2).due]
        assert times == sorted(times)


def test_tasks_spread_over_the_shards() -> None:
    store = MemoryTaskStore()
    for n in range(400):
        record(store, f"task-{n}")
    sizes = [len(store.list_due(shard, before=NOW).due) for shard in range(SHARDS)]
    assert sum(sizes) == 400
    assert min(sizes) > 400 / SHARDS / 2


def test_nonsense_is_refused(store: TaskStore) -> None:
    with pytest.raises(BadCursorError):
        store.list_due(0, before=NOW, cursor="nonsense")
    with pytest.raises(ValueError, match="shards are numbered"):
        store.list_due(SHARDS, before=NOW)
    with pytest.raises(ValueError, match="limit"):
        store.list_due(0, before=NOW, limit=0)


def test_a_table_that_is_away_says_so() -> None:
    store = MemoryTaskStore()
    store.available = False
    with pytest.raises(TableUnavailableError):
        store.list_due(0, before=NOW)
    with pytest.raises(TableUnavailableError):
        store.postpone("a", "s", seen=NOW, until=NOW + 1)
