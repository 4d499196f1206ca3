"""Random sequences of calls: the store in memory and the one in DynamoDB say and keep the same.

The one in DynamoDB gets every write twice, as when answers are lost: it must not matter.
"""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from task_schema import Status
from task_store import SHARDS, Due, DynamoTaskStore, Task, TaskStore, TaskStoreError, table_definition
from task_store.testing import MemoryTaskStore, new_task, outcome

NOW = 1_790_000_000_000
DAY = "2026-09-21"
IDS = ("a", "b")
ENDS = [outcome(status) for status in Status if status.is_terminal]
CANCELLED = outcome(Status.CANCELLED)


EVERY = (
    "record",
    "publish",
    "claim",
    "seize",
    "renew",
    "give_back",
    "commit",
    "cancel",
    "notify",
    "postpone",
)
# What mostly gets somewhere; without it, random calls are refused nearly all the time.
SENSIBLE = {
    None: ("record",),
    Status.QUEUED: ("claim", "claim", "claim", "seize", "publish", "cancel", "postpone"),
    Status.RUNNING: ("renew", "give_back", "commit", "claim", "seize", "cancel"),
}
AT_THE_END = ("notify", "notify", "record", "publish", "postpone")


@dataclass(frozen=True)
class Step:
    """One call; a `right` one is sensible and comes from whom the row expects, the others are not."""

    pick: int
    task_id: str
    right: bool
    number: int
    flag: bool


STEPS = st.builds(
    Step,
    st.integers(0, 11),
    st.sampled_from([*IDS, "a", "a"]),
    st.sampled_from([True, True, True, False]),
    st.integers(0, 3),
    st.booleans(),
)


class Pair:
    """Two stores that hear the same calls."""

    def __init__(self, dynamo: TaskStore) -> None:
        self.memory = MemoryTaskStore()
        self.dynamo = dynamo
        self.now = NOW
        self.ended: dict[tuple[str, str], Task] = {}
        self._fresh = itertools.count()

    def take(self, step: Step) -> None:
        call = self._call(step)
        assert _said(call, self.memory) == _said(call, self.dynamo)
        task = self.memory.get(step.task_id)
        assert task == self.dynamo.get(step.task_id)
        if task is not None:
            self._check(task)
        self.now += step.number

    def lists(self) -> list[tuple[list[Task], list[Due]]]:
        return [(_listed(store), _due(store)) for store in (self.memory, self.dynamo)]

    def _call(self, step: Step) -> Callable[[TaskStore], Any]:
        task_id, now, until = step.task_id, self.now, self.now + step.number
        task = self.memory.get(task_id)
        submission = task.submission if task and step.right else "another"
        token = (task.token if task and step.right else None) or "another"
        names = SENSIBLE.get(task.status if task else None, AT_THE_END) if step.right else EVERY
        name = names[step.pick % len(names)]
        if name == "record":
            fresh = f"s{next(self._fresh)}" if step.right else (task.submission if task else "another")
            new = new_task(id=task_id, submission=fresh, body_hash=str(step.flag))
            return lambda store: store.record(new, now=now)
        fresh = f"t{next(self._fresh)}"
        seen = self._seen(task_id)
        end = ENDS[step.number % len(ENDS)]
        named = submission if step.flag else None
        calls: dict[str, Callable[[TaskStore], Any]] = {
            "publish": lambda store: store.mark_published(task_id, submission, now=now),
            "claim": lambda store: store.claim(task_id, submission, token=fresh, lease_until=until, now=now),
            "seize": lambda store: store.seize(task_id, submission, token=fresh, lease_until=until, now=now),
            "renew": lambda store: store.renew(
                task_id, submission, token, lease_until=until, progress=step.number / 2
            ),
            "give_back": lambda store: store.give_back(task_id, submission, token, count=step.flag),
            "commit": lambda store: store.commit(task_id, submission, token, end, now=now),
            "cancel": lambda store: store.cancel(task_id, named, outcome=CANCELLED, now=now),
            "postpone": lambda store: store.postpone(task_id, submission, seen=seen, until=until),
            "notify": lambda store: store.mark_notified(task_id, submission, now=now),
        }
        return calls[name]

    def _seen(self, task_id: str) -> int:
        return next((due.look_at for due in _due(self.memory) if due.id == task_id), NOW)

    def _check(self, task: Task) -> None:
        running = task.status is Status.RUNNING
        assert (task.token is not None) == (task.lease_until is not None) == running
        assert (task.event_id is not None) == (task.expires_on is not None) == task.status.is_terminal
        assert task.attempts >= 0
        # Of what has ended, only when it was published and told may still be added.
        now = replace(task, notified_at=None, published_at=None)
        if task.status.is_terminal:
            self.ended.setdefault((task.id, task.submission), now)
        assert self.ended.get((task.id, task.submission), now) == now


def _listed(store: TaskStore) -> list[Task]:
    tasks = list((page := store.list_by_runtime("sdruntime", DAY, limit=1)).tasks)
    while page.cursor:
        page = store.list_by_runtime("sdruntime", DAY, limit=1, cursor=page.cursor)
        tasks += page.tasks
    return sorted(tasks, key=lambda task: task.id)


def _due(store: TaskStore) -> list[Due]:
    found: list[Due] = []
    for shard in range(SHARDS):
        found += (page := store.list_due(shard, before=NOW * 2, limit=1)).due
        while page.cursor:
            page = store.list_due(shard, before=NOW * 2, limit=1, cursor=page.cursor)
            found += page.due
    return found


def _said(call: Callable[[TaskStore], Any], store: TaskStore) -> Any:
    """Return what a store answers, or what it refuses and the row that it shows for it."""
    try:
        return call(store)
    except TaskStoreError as exc:
        return type(exc), str(exc), getattr(exc, "task", None), getattr(exc, "existing", None)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=15, max_size=30))
def test_both_stores_say_and_keep_the_same(moto_client: Any, moto_stutter: Any, steps: list[Step]) -> None:
    name = f"tasks-{uuid.uuid4()}"
    moto_client.create_table(**table_definition(name))
    pair = Pair(DynamoTaskStore(moto_stutter, name))
    for step in steps:
        pair.take(step)
    in_memory, in_dynamo = pair.lists()
    assert in_memory == in_dynamo
