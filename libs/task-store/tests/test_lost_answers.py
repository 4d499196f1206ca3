"""A write that happened though its answer was lost: repeating it must not look refused (DESIGN 4.2)."""

from collections.abc import Callable
from typing import Any

import pytest

from task_schema import Status
from task_store import (
    DynamoTaskStore,
    LostError,
    NotClaimableError,
    TableUnavailableError,
    TaskStore,
)
from task_store.testing import MemoryTaskStore, new_task, outcome

NOW = 1_790_000_000_000
LEASE = NOW + 60_000


class Deaf:
    """A DynamoDB client that loses the answer to the next write."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.losing = False

    def __getattr__(self, name: str) -> Any:
        def call(**kwargs: Any) -> Any:
            answer = getattr(self._inner, name)(**kwargs)
            if self.losing and name in {"put_item", "update_item"}:
                self.losing = False
                raise TimeoutError("read timed out")
            return answer

        return call


def record(store: TaskStore) -> None:
    store.record(new_task(submission="s"), now=NOW)


def claim(store: TaskStore) -> None:
    record(store)
    store.claim("test-t2i", "s", token="mine", lease_until=LEASE, now=NOW)


def commit(store: TaskStore) -> None:
    claim(store)
    store.commit("test-t2i", "s", "mine", END, now=NOW)


def nothing(store: TaskStore) -> None:
    assert store.get("test-t2i") is None


END = outcome()
CANCELLED = outcome(Status.CANCELLED)
WRITES: dict[str, tuple[Callable[[TaskStore], None], Callable[[TaskStore], object]]] = {
    "record": (nothing, lambda store: store.record(new_task(submission="s"), now=NOW)),
    "mark_published": (record, lambda store: store.mark_published("test-t2i", "s", now=NOW)),
    "claim": (
        record,
        lambda store: store.claim("test-t2i", "s", token="mine", lease_until=LEASE, now=NOW),
    ),
    "seize": (
        record,
        lambda store: store.seize("test-t2i", "s", token="mine", lease_until=LEASE, now=NOW),
    ),
    "renew": (claim, lambda store: store.renew("test-t2i", "s", "mine", lease_until=LEASE, progress=0.5)),
    "give_back": (claim, lambda store: store.give_back("test-t2i", "s", "mine")),
    "commit": (claim, lambda store: store.commit("test-t2i", "s", "mine", END, now=NOW)),
    "cancel a queued one": (record, lambda store: store.cancel("test-t2i", "s", outcome=CANCELLED, now=NOW)),
    "cancel a running one": (claim, lambda store: store.cancel("test-t2i", "s", outcome=CANCELLED, now=NOW)),
    "postpone": (record, lambda store: store.postpone("test-t2i", "s", seen=NOW, until=LEASE)),
    "mark_notified": (commit, lambda store: store.mark_notified("test-t2i", "s", now=NOW)),
}


@pytest.fixture
def deaf(moto_client: Any) -> Deaf:
    return Deaf(moto_client)


@pytest.mark.parametrize("name", WRITES)
def test_a_write_whose_answer_was_lost_can_be_repeated_with_the_same_effect(
    deaf: Deaf, moto_table: str, name: str
) -> None:
    before, write = WRITES[name]
    plain = MemoryTaskStore()
    before(plain)
    expected = write(plain)

    store = DynamoTaskStore(deaf, moto_table)
    before(store)
    deaf.losing = True
    with pytest.raises(TableUnavailableError, match="read timed out"):
        write(store)
    assert write(store) == expected
    assert store.get("test-t2i") == plain.get("test-t2i")


def test_a_repeated_claim_counts_one_attempt() -> None:
    store = MemoryTaskStore()
    claim(store)
    again = store.claim("test-t2i", "s", token="mine", lease_until=LEASE, now=NOW)
    assert again.attempts == 1


def test_a_repeated_claim_after_the_lease_is_refused_once_another_has_the_task() -> None:
    store = MemoryTaskStore()
    claim(store)
    store.claim("test-t2i", "s", token="other", lease_until=LEASE * 2, now=LEASE)
    with pytest.raises(NotClaimableError):
        store.claim("test-t2i", "s", token="mine", lease_until=LEASE, now=NOW)


def test_a_token_whose_lease_ran_out_does_not_claim_itself_anew() -> None:
    store = MemoryTaskStore()
    claim(store)
    assert store.claim("test-t2i", "s", token="mine", lease_until=LEASE * 2, now=LEASE * 2).attempts == 1


def test_a_commit_that_happened_is_known_after_it_was_told() -> None:
    store = MemoryTaskStore()
    commit(store)
    store.mark_notified("test-t2i", "s", now=NOW)
    assert store.commit("test-t2i", "s", "mine", END, now=NOW).notified_at == NOW


def test_a_commit_that_happened_is_no_longer_known_once_the_id_is_used_again() -> None:
    store = MemoryTaskStore()
    commit(store)
    store.mark_notified("test-t2i", "s", now=NOW)
    store.record(new_task(submission="next"), now=NOW)
    with pytest.raises(LostError):
        store.commit("test-t2i", "s", "mine", END, now=NOW)
