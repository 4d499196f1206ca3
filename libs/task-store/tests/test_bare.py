"""Messages that nobody recorded: the rows that they get, and who may have an id."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from task_schema import Message, Metadata, Status, read_message
from task_store import UNKNOWN, Fate, Meeting, NewTask, Task, context_fits
from task_store.testing import MemoryTaskStore, new_task, outcome

SENT = datetime(2026, 11, 23, 1, 2, 3, 456_000, tzinfo=UTC)
SENT_MS = 1_795_395_723_456
OPEN = [status for status in Status if not status.is_terminal]
ENDED = [status for status in Status if status.is_terminal]


def bare(**metadata: Any) -> Message:
    values = {"id": "t", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "output", **metadata}
    body = json.dumps({"metadata": values, "content": {"prompt": "a dog"}})
    return read_message(body, message_id="m", received_at=SENT).message


def row(status: Status, *, told: bool = False) -> Task:
    task = MemoryTaskStore().record(new_task(submission="earlier"), now=1)
    return dataclasses.replace(task, status=status, notified_at=2 if told else None)


def test_a_bare_message_becomes_a_task_that_is_published_already() -> None:
    message = bare(context={"a": 1}, callback_url="https://x.example/", expires_in=60)
    assert NewTask.of_bare(message) == NewTask(
        id="t",
        submission=message.submission,
        runtime="sdruntime",
        tasktype="text-to-image",
        prefix="output",
        api_version="v1alpha2",
        body_hash=message.submission,
        context={"a": 1},
        callback_url="https://x.example/",
        deadline=SENT_MS + 60_000,
        published_at=SENT_MS,
    )


def test_without_expires_in_it_may_start_at_any_time() -> None:
    assert NewTask.of_bare(bare()).deadline is None


def test_no_later_message_is_taken_for_the_same_request() -> None:
    one, other = (
        NewTask.of_bare(
            Message(
                submission=submission,
                metadata=Metadata(id="t", runtime="r", tasktype="t", prefix="p"),
                content={},
                submitted_at=SENT,
                api_version="v1alpha2",
            )
        )
        for submission in ("one", "other")
    )
    assert one.body_hash != other.body_hash


def test_a_large_context_leaves_the_row_for_its_reference() -> None:
    new = NewTask.of_bare(bare(context="x" * 1000))
    assert not context_fits(new.context)
    kept = new.with_context_at("s3://payloads/tasks/s/context.json")
    task = MemoryTaskStore().record(kept, now=SENT_MS)
    assert (task.context, task.context_ref) == (None, "s3://payloads/tasks/s/context.json")
    assert dataclasses.replace(kept, context=new.context, context_ref=None) == new


def test_of_a_message_that_nobody_can_read_the_row_says_so() -> None:
    new = NewTask.of_unread("t", "s", runtime="sdruntime", now=5)
    task = MemoryTaskStore().record(new, now=5)
    assert (task.id, task.submission, task.runtime, task.published_at) == ("t", "s", "sdruntime", 5)
    assert (task.tasktype, task.prefix, task.context) == (UNKNOWN, UNKNOWN, {})
    assert task.is_unread
    assert not MemoryTaskStore().record(NewTask.of_bare(bare()), now=5).is_unread


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("status", Status)
def test_one_that_had_its_row_is_stale_whatever_came_after_it(status: Status, told: bool) -> None:
    assert Meeting.of(row(status, told=told), Fate.RECORDED) is Meeting.STALE


@pytest.mark.parametrize("status", Status)
def test_one_that_was_refused_stays_refused_though_the_task_has_ended_since(status: Status) -> None:
    assert Meeting.of(row(status, told=True), Fate.CONFLICT) is Meeting.CONFLICT


@pytest.mark.parametrize("status", OPEN)
def test_a_new_one_is_refused_while_a_task_of_its_id_is_open(status: Status) -> None:
    assert Meeting.of(row(status), None) is Meeting.CONFLICT


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("status", ENDED)
def test_a_new_one_may_follow_a_task_that_has_ended(status: Status, told: bool) -> None:
    assert Meeting.of(row(status, told=told), None) is Meeting.NEXT


@pytest.mark.parametrize(("now", "late"), [(99, False), (100, False), (101, True)])
def test_a_task_is_late_after_its_deadline(now: int, late: bool) -> None:
    assert MemoryTaskStore().record(new_task(deadline=100), now=1).is_late(now) is late


def test_a_task_without_deadline_or_that_once_started_is_never_late() -> None:
    store = MemoryTaskStore()
    assert not store.record(new_task(id="no deadline"), now=1).is_late(10**15)
    store.record(new_task(submission="s", deadline=100), now=1)
    store.claim("test-t2i", "s", token="a", lease_until=2, now=1)
    given_back = store.give_back("test-t2i", "s", "a", count=True)
    assert not given_back.is_late(10**15)


def test_the_end_of_a_bare_task_frees_its_id() -> None:
    store = MemoryTaskStore()
    first = store.record(NewTask.of_bare(bare()), now=SENT_MS)
    store.seize(first.id, first.submission, token="a", lease_until=SENT_MS + 1, now=SENT_MS)
    ended = store.commit(first.id, first.submission, "a", outcome(Status.FAILED), now=SENT_MS)
    assert Meeting.of(ended, None) is Meeting.NEXT
    store.mark_notified(first.id, first.submission, now=SENT_MS)
    after = store.record(new_task(id=first.id, submission="next"), now=SENT_MS)
    assert Meeting.of(after, Fate.RECORDED) is Meeting.STALE
