"""For tests: tasks in each state, as the library's own writes bring them there."""

from typing import Any

from task_schema import Status
from task_store._store import TaskStore
from task_store._task import Task
from task_store.testing import new_task, outcome

#: Milliseconds since the epoch: when these tasks do everything.
NOW = 1_790_000_000_000
#: Until when an attempt of theirs has its task.
LEASE = NOW + 60_000
MINE = "token-mine"
OTHER = "token-other"


def recorded(store: TaskStore, **fields: Any) -> Task:
    """Return a queued task; `fields` replace what `new_task` makes up."""
    return store.record(new_task(**fields), now=NOW)


def claimed(store: TaskStore, *, token: str = MINE, lease_until: int = LEASE, **fields: Any) -> Task:
    """Return a running task."""
    task = recorded(store, **fields)
    return store.claim(task.id, task.submission, token=token, lease_until=lease_until, now=NOW)


def ended(store: TaskStore, status: Status = Status.SUCCEEDED, **fields: Any) -> Task:
    """Return a task that another's attempt has ended."""
    task = claimed(store, token=OTHER, **fields)
    return store.commit(task.id, task.submission, OTHER, outcome(status), now=NOW)


def told(store: TaskStore, **fields: Any) -> Task:
    """Return a task that has ended and of which everybody was told."""
    task = ended(store, **fields)
    assert store.mark_notified(task.id, task.submission, now=NOW)
    return now_of(store, task)


def now_of(store: TaskStore, task: Task) -> Task:
    """Return a task as it is in the store now."""
    current = store.get(task.id)
    assert current is not None
    return current
