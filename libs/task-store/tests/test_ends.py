"""How a task ends, and that it was told, on every kind of store (DESIGN 4.2)."""

from dataclasses import replace

import pytest

from task_schema import Status, TaskCode, TaskError
from task_store import (
    AlreadyEndedError,
    LostError,
    NotClaimableError,
    NotEndedError,
    StaleError,
    TaskNotFoundError,
    TaskStore,
)
from task_store.testing import outcome
from task_store.testing_states import LEASE, MINE, NOW, OTHER, claimed, ended, now_of, recorded

DAYS_30 = 30 * 24 * 3600


def test_a_success_is_kept_with_its_outputs(store: TaskStore) -> None:
    task = claimed(store)
    url = f"s3://outputs/output/{task.id}/{task.id}-abcd.out"
    end = outcome(output_url=url, notification='{"id": "ö"}')
    done = store.commit(task.id, task.submission, MINE, end, now=NOW + 9)
    assert done == now_of(store, task)
    assert done == replace(
        task,
        status=Status.SUCCEEDED,
        token=None,
        lease_until=None,
        progress=1,
        finished_at=NOW + 9,
        event_id=end.event_id,
        output_url=url,
        notification='{"id": "ö"}',
        expires_on=(NOW + 9) // 1000 + DAYS_30,
    )
    assert not done.is_finished


@pytest.mark.parametrize("url", ["s3://b/output/test-t2i/other-abcd.out", "test-t2i", "https://x/?a"])
def test_an_output_anywhere_else_is_kept_as_well(store: TaskStore, url: str) -> None:
    task = claimed(store)
    assert store.commit(task.id, task.submission, MINE, outcome(output_url=url), now=NOW).output_url == url


def test_a_failure_is_kept_with_its_error(store: TaskStore) -> None:
    task = claimed(store)
    error = TaskError(code=TaskCode.RUNTIME_REFUSED, message="no such sampler", retryable=False)
    end = outcome(Status.FAILED, error=error)
    done = store.commit(task.id, task.submission, MINE, end, now=NOW)
    assert (done.status, done.error) == (Status.FAILED, error)


def test_a_large_notification_is_named_by_its_reference(store: TaskStore) -> None:
    task = claimed(store)
    end = outcome().by_reference("s3://payloads/tasks/s/notification.json")
    done = store.commit(task.id, task.submission, MINE, end, now=NOW)
    assert (done.notification, done.notification_ref) == (None, "s3://payloads/tasks/s/notification.json")


def test_a_task_ends_once(store: TaskStore) -> None:
    task = claimed(store)
    done = store.commit(task.id, task.submission, MINE, outcome(), now=NOW)
    with pytest.raises(LostError) as refused:
        store.commit(task.id, task.submission, MINE, outcome(Status.FAILED), now=NOW + 1)
    assert refused.value.task == done == now_of(store, task)


def test_nobody_takes_an_end_for_their_own_that_another_token_wrote(store: TaskStore) -> None:
    task = claimed(store, token=OTHER)
    end = outcome()
    store.commit(task.id, task.submission, OTHER, end, now=NOW)
    with pytest.raises(LostError):
        store.commit(task.id, task.submission, MINE, end, now=NOW)


def test_a_queued_task_is_cancelled_at_once(store: TaskStore) -> None:
    task = recorded(store)
    end = outcome(Status.CANCELLED)
    done = store.cancel(task.id, outcome=end, now=NOW + 1)
    assert done == now_of(store, task)
    assert (done.status, done.error, done.event_id) == (Status.CANCELLED, end.error, end.event_id)
    assert (done.finished_at, done.expires_on) == (NOW + 1, (NOW + 1) // 1000 + DAYS_30)


def test_the_holder_of_a_running_task_is_asked_to_cancel(store: TaskStore) -> None:
    task = claimed(store)
    asked = store.cancel(task.id, task.submission, outcome=outcome(Status.CANCELLED), now=NOW)
    assert asked == now_of(store, task) == replace(task, cancel_requested=True)
    assert store.renew(task.id, task.submission, MINE, lease_until=LEASE).cancel_requested


def test_the_next_attempt_hears_of_a_cancellation_too(store: TaskStore) -> None:
    task = claimed(store, token=OTHER)
    store.cancel(task.id, outcome=outcome(Status.CANCELLED), now=NOW)
    store.give_back(task.id, task.submission, OTHER)
    again = store.claim(task.id, task.submission, token=MINE, lease_until=LEASE, now=NOW)
    assert again.cancel_requested


def test_what_has_ended_cannot_be_cancelled(store: TaskStore) -> None:
    task = ended(store)
    with pytest.raises(AlreadyEndedError) as refused:
        store.cancel(task.id, outcome=outcome(Status.CANCELLED), now=NOW)
    assert refused.value.task == task == now_of(store, task)


def test_cancelling_twice_is_too_late_the_second_time(store: TaskStore) -> None:
    task = recorded(store)
    store.cancel(task.id, outcome=outcome(Status.CANCELLED), now=NOW)
    with pytest.raises(AlreadyEndedError):
        store.cancel(task.id, outcome=outcome(Status.CANCELLED), now=NOW)


def test_cancelling_means_one_submission(store: TaskStore) -> None:
    task = recorded(store)
    with pytest.raises(StaleError):
        store.cancel(task.id, "another", outcome=outcome(Status.CANCELLED), now=NOW)
    with pytest.raises(TaskNotFoundError):
        store.cancel("nobody", outcome=outcome(Status.CANCELLED), now=NOW)
    assert now_of(store, task) == task


def test_cancelling_leads_to_cancelled_only(store: TaskStore) -> None:
    recorded(store)
    with pytest.raises(ValueError, match="does not lead to failed"):
        store.cancel("test-t2i", outcome=outcome(Status.FAILED), now=NOW)


def test_what_is_seized_ends_without_an_attempt(store: TaskStore) -> None:
    task = recorded(store)
    seized = store.seize(task.id, task.submission, token=MINE, lease_until=LEASE, now=NOW)
    assert seized == replace(task, status=Status.RUNNING, token=MINE, lease_until=LEASE)
    done = store.commit(task.id, task.submission, MINE, outcome(Status.FAILED), now=NOW)
    assert (done.status, done.attempts, done.started_at) == (Status.FAILED, 0, None)


def test_a_living_attempt_is_not_seized(store: TaskStore) -> None:
    task = claimed(store, token=OTHER)
    with pytest.raises(NotClaimableError) as refused:
        store.seize(task.id, task.submission, token=MINE, lease_until=LEASE * 2, now=NOW)
    assert refused.value.task == task
    seized = store.seize(task.id, task.submission, token=MINE, lease_until=LEASE * 2, now=LEASE)
    assert (seized.attempts, seized.started_at, seized.token) == (1, NOW, MINE)


def test_notified_is_kept_as_first_told(store: TaskStore) -> None:
    task = ended(store)
    assert store.mark_notified(task.id, task.submission, now=NOW + 1)
    assert not store.mark_notified(task.id, task.submission, now=NOW + 2)
    assert now_of(store, task) == replace(task, notified_at=NOW + 1)
    assert now_of(store, task).is_finished


def test_a_later_task_is_not_marked_notified_by_the_one_before(store: TaskStore) -> None:
    task = ended(store)
    assert not store.mark_notified(task.id, "another", now=NOW)
    assert not store.mark_notified("nobody", "another", now=NOW)
    assert now_of(store, task) == task
    assert store.mark_notified(task.id, task.submission, now=NOW)
    assert not store.mark_notified(task.id, "another", now=NOW)


def test_what_has_not_ended_cannot_have_been_told(store: TaskStore) -> None:
    task = claimed(store)
    with pytest.raises(NotEndedError) as refused:
        store.mark_notified(task.id, task.submission, now=NOW)
    assert refused.value.task == task
