"""Claims, leases and giving back on every kind of store (DESIGN 4.2)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from task_schema import Status
from task_store import (
    LostError,
    NotClaimableError,
    Task,
    TaskStore,
)
from task_store.testing import outcome
from task_store.testing_states import LEASE, MINE, NOW, OTHER, claimed, now_of, recorded


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
