"""The row stays under 4 KB whatever its fields are, and there is always room for the end (DESIGN 4.2)."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_schema import Status, TaskCode, TaskError
from task_store import (
    MAX_INLINE_NOTIFICATION,
    MAX_ROW,
    DynamoTaskStore,
    NewTask,
    Outcome,
    RowTooLargeError,
    Task,
    TaskStore,
    context_fits,
    fits,
)
from task_store.testing import MemoryTaskStore, new_task, outcome

NOW = 1_790_000_000_000
LEASE = NOW + 60_000
UUID = "0b5c9a52-1f0e-4d7c-8f4e-2f7c9a521f0e"
BUCKET = "b" * 63
ID = "i" * 128
PREFIX = "ü" * 256  # 512 bytes
REFERENCE = f"s3://{BUCKET}/tasks/{UUID}/notification.json"


def worst_task(**fields: Any) -> NewTask:
    worst: dict[str, Any] = {
        "id": ID,
        "submission": UUID,
        "runtime": "r" * 63,
        "tasktype": "t" * 32,
        "prefix": PREFIX,
        "context": "c" * 254,  # 256 bytes of JSON
        "callback_url": "https://" + "u" * 1016,
        "deadline": NOW,
        "idempotency_key": "k" * 64,
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
    }
    return new_task(**(worst | fields))


def worst_outcome() -> Outcome:
    return outcome(
        Status.FAILED,
        error=TaskError(code=TaskCode.UNSUPPORTED_TASKTYPE, message="ä" * 3000, retryable=False),
        output_url=f"s3://{BUCKET}/{PREFIX}/{ID}/{ID}-abcd.out",
        notification_ref=REFERENCE,
    )


def test_the_largest_task_stays_under_the_limit_all_its_life(moto_client: Any, moto_table: str) -> None:
    store = DynamoTaskStore(moto_client, moto_table)
    sizes = [_size(moto_client, moto_table) for _ in _life(store, worst_task(), worst_outcome())]
    assert len(sizes) == 6
    assert max(sizes) <= MAX_ROW
    assert max(sizes) > MAX_ROW * 0.9, "the task is not the largest one"


def test_what_leaves_no_room_for_the_end_is_refused_at_once() -> None:
    with pytest.raises(RowTooLargeError, match="bytes too large"):
        MemoryTaskStore().record(worst_task(callback_url="u" * 2048), now=NOW)


@settings(max_examples=60, deadline=None)
@given(
    id_size=st.integers(1, 128),
    prefix_size=st.integers(1, 512),
    url_size=st.integers(0, 1024),
    notification_size=st.integers(0, 1200),
    message=st.text(max_size=600),
)
def test_an_outcome_that_is_said_to_fit_fits_and_by_reference_it_always_does(
    id_size: int, prefix_size: int, url_size: int, notification_size: int, message: str
) -> None:
    store = MemoryTaskStore()
    new = worst_task(id="i" * id_size, prefix="p" * prefix_size, callback_url="u" * url_size)
    task = _running(store, new)
    end = outcome(
        Status.FAILED,
        error=TaskError.of(TaskCode.UNSUPPORTED_TASKTYPE, message),
        output_url=f"s3://{BUCKET}/{new.prefix}/{new.id}/{new.id}-abcd.out",
        notification="n" * notification_size,
    )
    if fits(task, end):
        assert store.commit(task.id, task.submission, "t", end, now=NOW).notification == end.notification
    else:
        with pytest.raises(RowTooLargeError):
            store.commit(task.id, task.submission, "t", end, now=NOW)
        assert store.get(task.id) == task
        reference = end.by_reference(REFERENCE)
        assert fits(task, reference)
        assert store.commit(task.id, task.submission, "t", reference, now=NOW).notification_ref == REFERENCE


def test_a_usual_task_keeps_the_largest_notification_that_a_row_may_have(store: TaskStore) -> None:
    end = outcome(notification="n" * MAX_INLINE_NOTIFICATION)
    task = _running(store, new_task())
    assert fits(task, end)
    assert not fits(task, outcome(notification="n" * (MAX_INLINE_NOTIFICATION + 1)))
    assert store.commit(task.id, task.submission, "t", end, now=NOW).notification == end.notification


def test_a_notification_above_1024_bytes_is_refused_before_the_table_is_asked() -> None:
    store = MemoryTaskStore()
    store.available = False
    with pytest.raises(RowTooLargeError, match="kept in S3"):
        store.commit("a", "s", "t", outcome(notification="n" * 1025), now=NOW)


def test_a_notification_that_the_row_has_no_room_for_leaves_the_task_running(store: TaskStore) -> None:
    task = _running(store, worst_task())
    end = Outcome(status=Status.FAILED, event_id="e", error=worst_outcome().error, notification="n" * 1024)
    assert not fits(task, end)
    with pytest.raises(RowTooLargeError, match="room for"):
        store.commit(task.id, task.submission, "t", end, now=NOW)
    assert store.get(task.id) == task


def test_a_cancellation_that_the_row_has_no_room_for_leaves_the_task_queued(store: TaskStore) -> None:
    task = store.record(worst_task(), now=NOW)
    error = TaskError.of(TaskCode.CANCELLED, "m" * 500)
    end = outcome(Status.CANCELLED, error=error, notification="n" * 1024)
    with pytest.raises(RowTooLargeError, match="room for"):
        store.cancel(task.id, outcome=end, now=NOW)
    assert store.get(task.id) == task
    assert store.cancel(task.id, outcome=end.by_reference(REFERENCE), now=NOW).status is Status.CANCELLED


@pytest.mark.parametrize(
    ("message", "kept"),
    [("m" * 500, "m" * 500), ("m" * 501, "m" * 497 + "…"), ("图" * 200, "图" * 165 + "…"), ("", "")],
)
def test_of_an_error_s_message_500_bytes_are_kept(store: TaskStore, message: str, kept: str) -> None:
    task = _running(store, new_task())
    end = outcome(Status.FAILED, error=TaskError.of(TaskCode.INTERNAL, message))
    done = store.commit(task.id, task.submission, "t", end, now=NOW)
    assert done.error == TaskError.of(TaskCode.INTERNAL, kept)


@pytest.mark.parametrize(
    ("context", "kept_in_row"), [({}, True), ("c" * 254, True), ("c" * 255, False), ("图" * 85, False)]
)
def test_a_context_is_kept_in_the_row_up_to_256_bytes(context: object, *, kept_in_row: bool) -> None:
    assert context_fits(context) is kept_in_row


def _running(store: TaskStore, new: NewTask) -> Task:
    store.record(new, now=NOW)
    return store.claim(new.id, new.submission, token="t", lease_until=LEASE, now=NOW)


def _life(store: TaskStore, new: NewTask, end: Outcome) -> Iterator[None]:
    """Take a task through every state that adds to its row, with tokens of the largest size."""
    one, two, three = ("t" * 40, "u" * 40, "v" * 40)
    store.record(new, now=NOW)
    yield
    store.mark_published(new.id, new.submission, now=NOW)
    store.claim(new.id, new.submission, token=one, lease_until=LEASE, now=NOW)
    yield
    store.give_back(new.id, new.submission, one, count=True)
    yield
    store.claim(new.id, new.submission, token=two, lease_until=LEASE, now=NOW)
    store.renew(new.id, new.submission, two, lease_until=LEASE, progress=1 / 3)
    store.cancel(new.id, outcome=outcome(Status.CANCELLED), now=NOW)
    yield
    store.seize(new.id, new.submission, token=three, lease_until=LEASE, now=LEASE)
    yield
    store.commit(new.id, new.submission, three, end, now=NOW)
    store.mark_notified(new.id, new.submission, now=NOW)
    yield


def _size(client: Any, table: str) -> int:
    """Measure as DynamoDB does: texts and names in UTF-8; two digits of a number take a byte."""
    (item,) = client.scan(TableName=table)["Items"]
    return sum(len(name.encode()) + _value_size(*value.popitem()) for name, value in item.items())


def _value_size(kind: str, content: Any) -> int:
    if kind == "S":
        return len(content.encode())
    return 1 if kind == "BOOL" else (len(content) + 1) // 2 + 1
