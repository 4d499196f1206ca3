"""Every write against every state, on every kind of store: the table of DESIGN 4.2."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from task_schema import Status
from task_store import (
    Outcome,
    Task,
    TaskStore,
    TaskStoreError,
)
from task_store.testing import new_task, outcome
from task_store.testing_states import LEASE, MINE, NOW, OTHER, claimed, ended, recorded, told

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
