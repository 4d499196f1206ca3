"""What each write does, on every kind of store (DESIGN 4.2)."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from task_schema import Status, TaskCode, TaskError
from task_store import (
    AlreadyEndedError,
    BadCursorError,
    ConflictError,
    LostError,
    NotClaimableError,
    NotEndedError,
    Outcome,
    StaleError,
    Task,
    TaskNotFoundError,
    TaskStore,
    TaskStoreError,
    day_of,
)
from task_store.testing import new_task, outcome

NOW = 1_790_000_000_000
LEASE = NOW + 60_000
MINE = "token-mine"
OTHER = "token-other"
DAYS_30 = 30 * 24 * 3600


def recorded(store: TaskStore, **fields: Any) -> Task:
    return store.record(new_task(**fields), now=NOW)


def claimed(store: TaskStore, *, token: str = MINE, lease_until: int = LEASE, **fields: Any) -> Task:
    task = recorded(store, **fields)
    return store.claim(task.id, task.submission, token=token, lease_until=lease_until, now=NOW)


def ended(store: TaskStore, status: Status = Status.SUCCEEDED, **fields: Any) -> Task:
    task = claimed(store, token=OTHER, **fields)
    return store.commit(task.id, task.submission, OTHER, outcome(status), now=NOW)


def told(store: TaskStore, **fields: Any) -> Task:
    task = ended(store, **fields)
    assert store.mark_notified(task.id, task.submission, now=NOW)
    return now_of(store, task)


def now_of(store: TaskStore, task: Task) -> Task:
    current = store.get(task.id)
    assert current is not None
    return current


# --- record


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


def test_a_finished_task_is_not_run_again_by_its_own_message(store: TaskStore) -> None:
    # A bare message has the same submission each time it is delivered.
    first = told(store, submission="derived")
    assert recorded(store, submission="derived") == first
    assert now_of(store, first).status is Status.SUCCEEDED


# --- published


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


# --- claim and renew


def test_a_claim_counts_the_attempt_and_starts_it(store: TaskStore) -> None:
    task = recorded(store)
    running = store.claim(task.id, task.submission, token=MINE, lease_until=LEASE, now=NOW + 5)
    assert running == now_of(store, task)
    assert running == replace(
        task, status=Status.RUNNING, token=MINE, lease_until=LEASE, attempts=1, started_at=NOW + 5
    )


def test_a_lease_that_ran_out_gives_the_task_to_the_next_attempt(store: TaskStore) -> None:
    task = claimed(store, token=OTHER)
    store.renew(task.id, task.submission, OTHER, lease_until=LEASE, progress=0.5)
    with pytest.raises(NotClaimableError):
        store.claim(task.id, task.submission, token=MINE, lease_until=LEASE * 2, now=LEASE - 1)
    again = store.claim(task.id, task.submission, token=MINE, lease_until=LEASE * 2, now=LEASE)
    assert (again.token, again.attempts, again.started_at) == (MINE, 2, LEASE)
    assert again.progress is None


@pytest.mark.parametrize("running", [True, False])
def test_a_claim_finds_out_itself_that_no_attempt_is_left(store: TaskStore, running: bool) -> None:
    task = claimed(store, token=OTHER)
    if not running:
        store.give_back(task.id, task.submission, OTHER, count=True)
    claim = partial(store.claim, task.id, task.submission, token=MINE, lease_until=LEASE * 2, now=LEASE)
    with pytest.raises(NotClaimableError) as refused:
        claim(max_attempts=1)
    assert refused.value.task == now_of(store, task)
    assert claim(max_attempts=2).attempts == 2
    assert claim(max_attempts=2).attempts == 2, "the same claim again, as after a lost answer"


def test_a_late_attempt_cannot_win(store: TaskStore) -> None:
    task = claimed(store, token=OTHER)
    store.claim(task.id, task.submission, token=MINE, lease_until=LEASE * 2, now=LEASE)
    lates: list[Callable[[], Task]] = [
        lambda: store.renew(task.id, task.submission, OTHER, lease_until=LEASE * 3),
        lambda: store.give_back(task.id, task.submission, OTHER),
        lambda: store.commit(task.id, task.submission, OTHER, outcome(), now=LEASE),
    ]
    for late in lates:
        with pytest.raises(LostError) as refused:
            late()
        assert refused.value.task == now_of(store, task)
    assert now_of(store, task).token == MINE


def test_a_renewal_moves_the_lease_and_tells_the_progress(store: TaskStore) -> None:
    task = claimed(store)
    renewed = store.renew(task.id, task.submission, MINE, lease_until=LEASE + 9, progress=0.25)
    assert renewed == now_of(store, task) == replace(task, lease_until=LEASE + 9, progress=0.25)
    assert store.renew(task.id, task.submission, MINE, lease_until=LEASE + 10).progress == 0.25


@pytest.mark.parametrize(
    ("said", "kept"),
    [(-1, 0), (0, 0), (1, 1), (7.5, 1), (1e-300, 0), (1 / 3, 0.3333), (float("nan"), None)],
)
def test_progress_is_brought_into_range(store: TaskStore, said: float, kept: float | None) -> None:
    task = claimed(store)
    assert store.renew(task.id, task.submission, MINE, lease_until=LEASE, progress=said).progress == kept


def test_a_holder_whose_lease_ran_out_may_renew_until_somebody_claims(store: TaskStore) -> None:
    task = claimed(store, lease_until=NOW)
    assert store.renew(task.id, task.submission, MINE, lease_until=LEASE).lease_until == LEASE


@pytest.mark.parametrize("token", ["", "t" * 41])
def test_a_token_has_a_sensible_length(store: TaskStore, token: str) -> None:
    task = recorded(store)
    with pytest.raises(ValueError, match="token"):
        store.claim(task.id, task.submission, token=token, lease_until=LEASE, now=NOW)


# --- give back


def test_what_is_given_back_waits_again_and_does_not_count(store: TaskStore) -> None:
    task = recorded(store)
    store.claim(task.id, task.submission, token=MINE, lease_until=LEASE, now=NOW)
    store.renew(task.id, task.submission, MINE, lease_until=LEASE, progress=0.5)
    assert store.give_back(task.id, task.submission, MINE) == task == now_of(store, task)


def test_a_lost_inference_counts(store: TaskStore) -> None:
    task = claimed(store)
    given_back = store.give_back(task.id, task.submission, MINE, count=True)
    assert (given_back.attempts, given_back.status, given_back.token) == (1, Status.QUEUED, None)
    again = store.claim(task.id, task.submission, token=OTHER, lease_until=LEASE, now=NOW)
    assert again.attempts == 2
    assert store.give_back(task.id, task.submission, OTHER).attempts == 1


def test_giving_back_what_was_seized_uncounts_nobody(store: TaskStore) -> None:
    task = claimed(store)
    store.give_back(task.id, task.submission, MINE, count=True)
    store.seize(task.id, task.submission, token=OTHER, lease_until=LEASE, now=NOW)
    assert store.give_back(task.id, task.submission, OTHER).attempts == 1


def test_giving_back_again_after_the_next_claim_changes_nothing(store: TaskStore) -> None:
    task = claimed(store)
    store.give_back(task.id, task.submission, MINE)
    running = store.claim(task.id, task.submission, token=OTHER, lease_until=LEASE, now=NOW)
    assert store.give_back(task.id, task.submission, MINE) == running == now_of(store, task)


# --- commit


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


# --- cancel


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


# --- seize


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


# --- notified


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


# --- every write against every state


STATES: dict[str, Callable[[TaskStore], Task | None]] = {
    "no row": lambda _: None,
    "another submission": lambda store: recorded(store, submission="another"),
    "queued": lambda store: recorded(store, submission="s"),
    "running, mine": lambda store: claimed(store, submission="s"),
    "running, another's": lambda store: claimed(store, submission="s", token=OTHER),
    "running, lease over": lambda store: claimed(store, submission="s", token=OTHER, lease_until=NOW),
    "succeeded": lambda store: ended(store, submission="s"),
    "failed": lambda store: ended(store, Status.FAILED, submission="s"),
    "cancelled": lambda store: ended(store, Status.CANCELLED, submission="s"),
    "told": lambda store: told(store, submission="s"),
}


@dataclass(frozen=True)
class Row:
    """One row of DESIGN 4.2's table: the write, what it may leave, and the state after it."""

    write: Callable[[TaskStore], object]
    leaves: frozenset[str]
    to: Status | None  # None: as it was


def row(write: Callable[[TaskStore], object], *leaves: str, to: Status | None = None) -> Row:
    return Row(write, frozenset(leaves), to)


ANY_OF_MINE = tuple(name for name in STATES if name not in {"no row", "another submission"})
FREE = ("queued", "running, lease over")
CANCELLED: Outcome = outcome(Status.CANCELLED)
DESIGN = {
    "record": row(
        lambda store: store.record(new_task(submission="new", body_hash="1" * 64), now=NOW),
        *("no row", "told"),
        to=Status.QUEUED,
    ),
    "mark_published": row(lambda store: store.mark_published("test-t2i", "s", now=NOW), *ANY_OF_MINE),
    "claim": row(
        lambda store: store.claim("test-t2i", "s", token="fresh", lease_until=LEASE, now=NOW),
        *FREE,
        to=Status.RUNNING,
    ),
    "renew": row(lambda store: store.renew("test-t2i", "s", MINE, lease_until=LEASE + 1), "running, mine"),
    "give_back": row(lambda store: store.give_back("test-t2i", "s", MINE), "running, mine", to=Status.QUEUED),
    "commit": row(
        lambda store: store.commit("test-t2i", "s", MINE, outcome(Status.FAILED), now=NOW),
        "running, mine",
        to=Status.FAILED,
    ),
    "cancel": row(
        lambda store: store.cancel("test-t2i", "s", outcome=CANCELLED, now=NOW),
        *("queued", "running, mine", "running, another's", "running, lease over"),
    ),
    "seize": row(
        lambda store: store.seize("test-t2i", "s", token="fresh", lease_until=LEASE, now=NOW),
        *FREE,
        to=Status.RUNNING,
    ),
    "mark_notified": row(
        lambda store: _must(store.mark_notified("test-t2i", "s", now=NOW + 1)),
        *("succeeded", "failed", "cancelled"),
    ),
}


def _must(done: bool) -> None:
    if not done:
        raise TaskStoreError("refused")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", DESIGN)
def test_each_write_leaves_the_states_that_the_table_names_and_no_other(
    store: TaskStore, name: str, state: str
) -> None:
    before = STATES[state](store)
    expected = DESIGN[name]
    if state in expected.leaves:
        expected.write(store)
        after = store.get("test-t2i")
        assert after is not None
        assert after != before
        if name == "cancel":
            assert (after.status is Status.CANCELLED) != after.cancel_requested
        elif expected.to or before:
            assert after.status is (expected.to or (before and before.status))
    else:
        with pytest.raises(TaskStoreError):
            expected.write(store)
        assert store.get("test-t2i") == before


# --- together


@pytest.mark.parametrize("store", ["memory", "ministack"], indirect=True)  # moto is not made for threads
def test_of_many_claims_at_once_one_wins(store: TaskStore) -> None:
    task = recorded(store)

    def claim(number: int) -> Task | None:
        try:
            return store.claim(task.id, task.submission, token=f"t{number}", lease_until=LEASE, now=NOW)
        except NotClaimableError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [one for one in pool.map(claim, range(16)) if one]
    assert len(won) == 1
    assert won[0] == now_of(store, task)
    assert won[0].attempts == 1


# --- lists


def test_a_runtime_s_tasks_of_a_day_are_listed_newest_first(store: TaskStore) -> None:
    for number in range(5):
        store.record(new_task(id=f"t{number}"), now=NOW + number)
    store.record(new_task(id="other-runtime", runtime="comfyruntime"), now=NOW)
    store.record(new_task(id="other-day"), now=NOW + 24 * 3600 * 1000)
    first = store.list_by_runtime("sdruntime", day_of(NOW), limit=3)
    assert [task.id for task in first.tasks] == ["t4", "t3", "t2"]
    assert re.fullmatch("[A-Za-z0-9_-]+", first.cursor or "")
    second = store.list_by_runtime("sdruntime", day_of(NOW), limit=3, cursor=first.cursor)
    assert [task.id for task in second.tasks] == ["t1", "t0"]
    assert second.cursor is None
    assert store.list_by_runtime("sdruntime", day_of(0)).tasks == ()


def test_a_list_leaves_out_what_was_recorded_later_than_asked_for(store: TaskStore) -> None:
    for number in range(5):
        store.record(new_task(id=f"t{number}"), now=NOW + number)
    first = store.list_by_runtime("sdruntime", day_of(NOW), limit=2, until=NOW + 3)
    second = store.list_by_runtime("sdruntime", day_of(NOW), limit=3, cursor=first.cursor, until=NOW + 3)
    assert [task.id for task in (*first.tasks, *second.tasks)] == ["t3", "t2", "t1", "t0"]


def test_a_list_shows_tasks_as_they_are(store: TaskStore) -> None:
    task = told(store)
    assert store.list_by_runtime("sdruntime", day_of(NOW)).tasks == (task,)


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA", "WzEsMl0", "W3RydWUsImEiXQ", "é"])
def test_a_cursor_of_nobody_s_is_refused(store: TaskStore, cursor: str) -> None:
    with pytest.raises(BadCursorError):
        store.list_by_runtime("sdruntime", "2026-01-31", cursor=cursor)


def test_a_page_has_at_least_one_task(store: TaskStore) -> None:
    with pytest.raises(ValueError, match="limit"):
        store.list_by_runtime("sdruntime", "2026-01-31", limit=0)
