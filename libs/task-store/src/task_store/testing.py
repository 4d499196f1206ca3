"""For tests: a task store in memory (the same state machine over a dictionary), and things to store in it."""

import threading
import uuid
from typing import Any

from task_schema import Status, TaskCode, TaskError
from task_store._conditions import Changes, Condition, Item, changed, holds
from task_store._cursors import Position
from task_store._machine import Machine, WriteRefusedError
from task_store._table import INDEX_PARTITION, LOOK_PARTITION, LOOK_SORT
from task_store._task import Due, NewTask, Outcome
from task_store.errors import TableUnavailableError


class MemoryTaskStore(Machine):
    """A `TaskStore` without AWS; it may be used from several threads."""

    def __init__(self) -> None:
        self._memory = _MemoryRows()
        super().__init__(self._memory)

    @property
    def available(self) -> bool:
        """Whether the table answers; set it to false, and every call raises `TableUnavailableError`."""
        return self._memory.available

    @available.setter
    def available(self, value: bool) -> None:
        self._memory.available = value


class _MemoryRows:
    def __init__(self) -> None:
        self.available = True
        self._items: dict[str, Item] = {}
        self._lock = threading.Lock()

    def read(self, task_id: str) -> Item | None:
        self._check()
        with self._lock:
            return self._items.get(task_id)

    def replace(self, item: Item, condition: Condition) -> None:
        self._check()
        with self._lock:
            self._demand(str(item["id"]), condition)
            self._items[str(item["id"])] = dict(item)

    def change(self, task_id: str, condition: Condition, changes: Changes) -> Item:
        self._check()
        with self._lock:
            before = self._demand(task_id, condition)
            # A new dictionary each time: rows that were handed out stay as they were.
            self._items[task_id] = changed(before or {}, changes)
            return self._items[task_id]

    def page(
        self, partition: str, limit: int, after: Position | None, until: int | None = None
    ) -> tuple[list[Item], Position | None]:
        self._check()
        with self._lock:
            rows = [
                item
                for item in self._items.values()
                if item[INDEX_PARTITION] == partition and (until is None or int(item["created_at"]) <= until)
            ]
        rows.sort(key=_position, reverse=True)
        if after is not None:
            rows = [item for item in rows if _position(item) < (after.time, after.task_id)]
        page = rows[:limit]
        return page, Position(*_position(page[-1])) if len(rows) > limit else None

    def due(
        self, shard: str, before: int, limit: int, after: Position | None
    ) -> tuple[list[Due], Position | None]:
        self._check()
        with self._lock:
            rows = [
                (int(item[LOOK_SORT]), str(item["id"]))
                for item in self._items.values()
                if item.get(LOOK_PARTITION) == shard and int(item[LOOK_SORT]) <= before
            ]
        rows = sorted(row for row in rows if after is None or row > (after.time, after.task_id))
        page = [Due(task_id, look_at) for look_at, task_id in rows[:limit]]
        return page, Position(page[-1].look_at, page[-1].id) if len(rows) > limit else None

    def _demand(self, task_id: str, condition: Condition) -> Item | None:
        item = self._items.get(task_id)
        if not holds(condition, item):
            raise WriteRefusedError(item)
        return item

    def _check(self) -> None:
        if not self.available:
            raise TableUnavailableError("the table is away")


def _position(item: Item) -> tuple[int, str]:
    return int(item["created_at"]), str(item["id"])


def new_task(**fields: Any) -> NewTask:
    """Make a task to record; `fields` replace what is made up."""
    made_up = {
        "id": "test-t2i",
        "submission": str(uuid.uuid4()),
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "prefix": "output",
        "api_version": "v1alpha2",
        "body_hash": "0" * 64,
    }
    return NewTask(**(made_up | fields))


def outcome(status: Status = Status.SUCCEEDED, **fields: Any) -> Outcome:
    """Make a way to end; `fields` replace what is made up, an error among it where one is due."""
    code = TaskCode.CANCELLED if status is Status.CANCELLED else TaskCode.INTERNAL
    made_up: dict[str, Any] = {
        "status": status,
        "event_id": str(uuid.uuid4()),
        "error": None if status is Status.SUCCEEDED else TaskError.of(code, "it ended"),
    }
    if "notification_ref" not in fields:
        made_up["notification"] = "{}"
    return Outcome(**(made_up | fields))
