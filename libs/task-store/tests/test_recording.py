"""What recording a task, and marking it as published, do on every kind of store (DESIGN 4.2)."""

from dataclasses import replace

import pytest

from task_schema import Status, TaskCode, TaskError
from task_store import (
    ConflictError,
    StaleError,
    Task,
    TaskStore,
)
from task_store.testing import new_task, outcome
from task_store.testing_states import MINE, NOW, claimed, ended, now_of, recorded, told


def test_what_is_recorded_is_read_back(store: TaskStore) -> None:
    new = new_task(
        context={"abc": [1, 2.5, None, "ö"]},
        callback_url="https://example.com/hook",
        deadline=NOW + 1000,
        idempotency_key="k" * 64,
        trace_id="1-abc",
    )
    task = store.record(new, now=NOW)
    assert task == store.get(new.id)
    assert {name: getattr(task, name) for name in new.__slots__} == {
        name: getattr(new, name) for name in new.__slots__
    }
    assert (task.status, task.created_at, task.attempts) == (Status.QUEUED, NOW, 0)
    assert (task.published_at, task.expires_on, task.token) == (None, None, None)


@pytest.mark.parametrize("context", [None, "", 0, False, [], {}])
def test_a_context_may_be_any_json_value(store: TaskStore, context: object) -> None:
    task = recorded(store, context=context)
    current = now_of(store, task)
    assert current.context == context
    assert type(current.context) is type(context)


def test_a_context_in_s3_is_named_by_its_reference(store: TaskStore) -> None:
    task = recorded(store, context_ref="s3://payloads/tasks/s/context.json")
    assert now_of(store, task).context_ref == "s3://payloads/tasks/s/context.json"
    assert now_of(store, task).context is None


def test_an_id_that_nobody_used_has_no_row(store: TaskStore) -> None:
    assert store.get("nobody") is None


def test_the_same_body_again_gets_the_task_that_is_there(store: TaskStore) -> None:
    first = recorded(store)
    assert recorded(store) == first
    assert now_of(store, first) == first


def test_another_body_while_the_first_is_unfinished_is_a_conflict(store: TaskStore) -> None:
    first = recorded(store)
    with pytest.raises(ConflictError) as refused:
        recorded(store, body_hash="1" * 64)
    assert refused.value.existing == first


def test_the_same_idempotency_key_means_the_same_request(store: TaskStore) -> None:
    first = recorded(store, idempotency_key="k")
    assert recorded(store, idempotency_key="k", body_hash="1" * 64) == first
    with pytest.raises(ConflictError):
        recorded(store, idempotency_key="l", body_hash="1" * 64)


def test_a_repeated_request_does_not_run_again_because_its_task_has_ended_meanwhile(store: TaskStore) -> None:
    first = told(store, idempotency_key="k")
    assert recorded(store, idempotency_key="k") == first
    assert recorded(store, idempotency_key="k", body_hash="1" * 64) == first
    assert recorded(store, idempotency_key="l").submission != first.submission


def test_a_repeated_request_whose_task_was_never_published_is_made_anew(store: TaskStore) -> None:
    first = claimed(store, idempotency_key="k")
    never = outcome(Status.FAILED, error=TaskError.of(TaskCode.NOT_PUBLISHED, "it was never published"))
    store.commit(first.id, first.submission, MINE, never, now=NOW)
    assert recorded(store, idempotency_key="k").submission == first.submission, "nobody was told yet"
    store.mark_notified(first.id, first.submission, now=NOW)
    assert recorded(store, idempotency_key="k").submission != first.submission


def test_an_ended_task_that_was_not_told_keeps_its_id(store: TaskStore) -> None:
    first = ended(store)
    assert recorded(store) == first
    with pytest.raises(ConflictError):
        recorded(store, body_hash="1" * 64)


def test_a_finished_task_gives_its_id_to_a_row_of_its_own(store: TaskStore) -> None:
    first = told(store, callback_url="https://example.com/hook", trace_id="old")
    second = store.record(new_task(), now=NOW + 1)
    assert second == now_of(store, first)
    assert second.submission != first.submission
    assert (second.status, second.created_at) == (Status.QUEUED, NOW + 1)
    assert (second.notified_at, second.event_id, second.trace_id, second.expires_on) == (None,) * 4


def test_a_finished_task_with_a_callback_is_shown_before_its_row_goes(store: TaskStore) -> None:
    first = told(store, callback_url="https://example.com/hook")
    shown: list[Task] = []
    second = store.record(new_task(), now=NOW + 1, replacing=shown.append)
    assert shown == [first]
    assert now_of(store, first) == second
    assert second.callback_url is None


@pytest.mark.parametrize("callback_url", [None, "https://example.com/new"])
def test_nothing_is_shown_where_no_callback_goes(store: TaskStore, callback_url: str | None) -> None:
    shown: list[Task] = []
    new = new_task(callback_url=callback_url)
    assert store.record(new, now=NOW, replacing=shown.append) == store.get(new.id)
    assert store.record(new, now=NOW, replacing=shown.append) == store.get(new.id)
    with pytest.raises(ConflictError):
        store.record(new_task(body_hash="1" * 64), now=NOW, replacing=shown.append)
    finished = told(store, id="other")
    store.record(new_task(id=finished.id), now=NOW + 1, replacing=shown.append)
    assert shown == []


def test_a_row_stays_where_what_it_knows_could_not_be_kept(store: TaskStore) -> None:
    first = told(store, callback_url="https://example.com/hook")

    def refuse(_: Task) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.record(new_task(), now=NOW + 1, replacing=refuse)
    assert now_of(store, first) == first


def test_each_task_that_went_by_in_between_is_shown(store: TaskStore) -> None:
    first = told(store, callback_url="https://example.com/first")
    shown: list[str | None] = []

    def overtaken(task: Task) -> None:
        shown.append(task.callback_url)
        if task == first:
            told(store, callback_url="https://example.com/second")

    last = store.record(new_task(), now=NOW + 1, replacing=overtaken)
    assert shown == ["https://example.com/first", "https://example.com/second"]
    assert now_of(store, first) == last


def test_a_finished_task_is_not_run_again_by_its_own_message(store: TaskStore) -> None:
    # A bare message has the same submission each time it is delivered.
    first = told(store, submission="derived")
    assert recorded(store, submission="derived") == first
    assert now_of(store, first).status is Status.SUCCEEDED


def test_published_is_kept_as_first_told(store: TaskStore) -> None:
    task = recorded(store)
    store.mark_published(task.id, task.submission, now=NOW + 1)
    store.mark_published(task.id, task.submission, now=NOW + 2)
    assert now_of(store, task) == replace(task, published_at=NOW + 1)


def test_a_task_that_moved_on_may_still_be_marked_published(store: TaskStore) -> None:
    task = ended(store)
    store.mark_published(task.id, task.submission, now=NOW)
    assert now_of(store, task) == replace(task, published_at=NOW)


@pytest.mark.parametrize("published_at", [None, NOW])
def test_a_later_task_is_not_marked_published_by_the_one_before(
    store: TaskStore, published_at: int | None
) -> None:
    task = recorded(store, published_at=published_at)
    with pytest.raises(StaleError) as refused:
        store.mark_published(task.id, "another", now=NOW)
    assert refused.value.task == task
    with pytest.raises(StaleError) as refused:
        store.mark_published("nobody", "another", now=NOW)
    assert refused.value.task is None
