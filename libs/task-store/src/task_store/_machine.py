"""The state machine: what each method of the store does to a row, whatever keeps the rows."""

import math
from dataclasses import replace
from typing import Protocol

from task_schema import Status, TaskCode
from task_store import _cursors
from task_store._conditions import (
    Absent,
    AllOf,
    Changes,
    Condition,
    Is,
    IsNot,
    Item,
    OneOf,
    holds,
)
from task_store._items import (
    HOLDER,
    ending,
    expires_on,
    needed_room,
    new_item,
    runtime_day,
    task_of,
    to_look_at,
)
from task_store._store import Replacing, TaskStore
from task_store._table import LOOK_PARTITION, LOOK_SORT, SHARDS
from task_store._task import Due, DuePage, NewTask, Outcome, Page, Task, check_token
from task_store._writes import (
    CANCEL,
    CLAIM,
    COMMIT,
    GIVE_BACK,
    MARK_NOTIFIED,
    MARK_PUBLISHED,
    POSTPONE,
    RECORD,
    RENEW,
    REQUEST_CANCEL,
    SEIZE,
    Call,
    Write,
    allows,
    has_happened,
)
from task_store.errors import (
    AlreadyEndedError,
    ConflictError,
    LostError,
    NotClaimableError,
    NotEndedError,
    RowTooLargeError,
    StaleError,
    TableUnavailableError,
    TaskNotFoundError,
)

#: How often a write that depends on what it reads begins anew when the row changes in between.
MAX_ROUNDS = 16


class WriteRefusedError(Exception):
    """The row did not meet the condition; `item` is the row at that time, None if there was none."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the row does not meet the condition")
        self.item = item


class Rows(Protocol):
    """Where the rows are kept: each method is atomic."""

    def read(self, task_id: str) -> Item | None:
        """Return the row as it is now."""

    def replace(self, item: Item, condition: Condition) -> None:
        """Store a whole row if what is there meets the condition, else raise `WriteRefusedError`."""

    def change(self, task_id: str, condition: Condition, changes: Changes) -> Item:
        """Change a row that meets the condition and return it, else raise `WriteRefusedError`."""

    def page(
        self, partition: str, limit: int, after: _cursors.Position | None, until: int | None = None
    ) -> tuple[list[Item], _cursors.Position | None]:
        """Return rows of one partition of the index, newest first, and where the next page starts.

        `until`: none that were recorded later, in ms.
        """

    def due(
        self, shard: str, before: int, limit: int, after: _cursors.Position | None
    ) -> tuple[list[Due], _cursors.Position | None]:
        """Return what a shard has to look at until a time, oldest first, and where the next page starts."""


class Machine(TaskStore):
    """A store over rows of any kind; its methods are described by `TaskStore`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def get(self, task_id: str) -> Task | None:
        item = self._rows.read(task_id)
        return None if item is None else task_of(item)

    def record(self, new: NewTask, *, now: int, replacing: Replacing | None = None) -> Task:
        item = new_item(new, now)
        free = allows(RECORD, Call(submission=new.submission))
        if new.idempotency_key is not None:
            free = AllOf((free, _another_request(new.idempotency_key)))
        condition = free if replacing is None else AllOf((free, Absent("callback_url")))
        for _ in range(MAX_ROUNDS):
            try:
                self._rows.replace(item, condition)
            except WriteRefusedError as refused:
                existing = refused.item
            else:
                return task_of(item)
            # A row that was read after the refusal may be free by now: told, or dropped by the table.
            if existing is not None and not holds(free, existing):
                return _existing(task_of(existing), new)
            if existing is not None and "callback_url" in existing and replacing is not None:
                replacing(task_of(existing))
                condition = AllOf((free, Is("submission", existing["submission"])))
            elif replacing is not None:
                condition = AllOf((free, Absent("callback_url")))
        raise TableUnavailableError(f"task {new.id} keeps changing")

    def mark_published(self, task_id: str, submission: str, *, now: int) -> None:
        changes = Changes(put={"published_at": now})
        try:
            self._write(MARK_PUBLISHED, task_id, Call(submission=submission), changes)
        except WriteRefusedError as refused:
            raise StaleError(f"task {task_id} is not of {submission}", _task(refused)) from refused

    def claim(
        self,
        task_id: str,
        submission: str,
        *,
        token: str,
        lease_until: int,
        now: int,
        max_attempts: int | None = None,
    ) -> Task:
        start = Changes(put={"started_at": now}, add={"attempts": 1}, remove=("progress",))
        call = Call(submission=submission, token=token, now=now)
        if max_attempts is not None:
            call = replace(call, max_attempts=max_attempts)
        return self._take(CLAIM, task_id, call, lease_until, start)

    def seize(self, task_id: str, submission: str, *, token: str, lease_until: int, now: int) -> Task:
        call = Call(submission=submission, token=token, now=now)
        return self._take(SEIZE, task_id, call, lease_until, Changes())

    def renew(
        self, task_id: str, submission: str, token: str, *, lease_until: int, progress: float | None = None
    ) -> Task:
        changes = Changes(put={"lease_until": lease_until, **_progress(progress)})
        return self._hold(RENEW, task_id, Call(submission=submission, token=token), changes)

    def give_back(self, task_id: str, submission: str, token: str, *, count: bool = False) -> Task:
        changes = Changes(
            put={"status": Status.QUEUED.value, "released_token": token},
            copy={} if count else {"attempts": "attempts_before"},
            remove=(*HOLDER, "progress", "started_at"),
        )
        return self._hold(GIVE_BACK, task_id, Call(submission=submission, token=token), changes)

    def commit(self, task_id: str, submission: str, token: str, outcome: Outcome, *, now: int) -> Task:
        call = Call(
            submission=submission,
            token=token,
            event_id=outcome.event_id,
            needed=needed_room(task_id, outcome),
        )
        return self._hold(COMMIT, task_id, call, _end(task_id, outcome, now, {"ended_token": token}))

    def cancel(self, task_id: str, submission: str | None = None, *, outcome: Outcome, now: int) -> Task:
        if outcome.status is not Status.CANCELLED:
            raise ValueError(f"cancelling does not lead to {outcome.status}")
        needed = needed_room(task_id, outcome)
        for _ in range(MAX_ROUNDS):
            task = self.get(task_id)
            if task is None:
                raise TaskNotFoundError(task_id)
            submission = submission or task.submission
            if task.submission != submission:
                raise StaleError(f"task {task_id} is not of {submission}", task)
            call = Call(submission=submission, event_id=outcome.event_id, needed=needed)
            try:
                return self._cancel(task, call, outcome, now)
            except WriteRefusedError:
                continue
        raise TableUnavailableError(f"task {task_id} keeps changing")

    def mark_notified(self, task_id: str, submission: str, *, now: int) -> bool:
        changes = Changes(put={"notified_at": now}, remove=(LOOK_PARTITION, LOOK_SORT))
        try:
            self._write(MARK_NOTIFIED, task_id, Call(submission=submission, now=now), changes)
        except WriteRefusedError as refused:
            task = _task(refused)
            if task is not None and task.submission == submission and not task.status.is_terminal:
                raise NotEndedError(task) from refused
            return False
        return True

    def list_by_runtime(
        self, runtime: str, day: str, *, limit: int = 50, cursor: str | None = None, until: int | None = None
    ) -> Page:
        if limit < 1:
            raise ValueError("limit must be positive")
        after = None if cursor is None else _cursors.read(cursor)
        items, position = self._rows.page(runtime_day(runtime, day), limit, after, until)
        return Page(
            tuple(task_of(item) for item in items), None if position is None else _cursors.write(position)
        )

    def list_due(self, shard: int, *, before: int, limit: int = 100, cursor: str | None = None) -> DuePage:
        if limit < 1:
            raise ValueError("limit must be positive")
        if not 0 <= shard < SHARDS:
            raise ValueError(f"shards are numbered 0 to {SHARDS - 1}")
        after = None if cursor is None else _cursors.read(cursor)
        due, position = self._rows.due(str(shard), before, limit, after)
        return DuePage(tuple(due), None if position is None else _cursors.write(position))

    def postpone(self, task_id: str, submission: str, *, seen: int, until: int) -> bool:
        call = Call(submission=submission, seen=seen, until=until)
        try:
            self._write(POSTPONE, task_id, call, Changes(put={LOOK_SORT: until}))
        except WriteRefusedError:
            return False
        return True

    def _take(self, write: Write, task_id: str, call: Call, lease_until: int, start: Changes) -> Task:
        check_token("token", call.token)
        changes = Changes(
            put={
                "status": Status.RUNNING.value,
                "token": call.token,
                "lease_until": lease_until,
                **start.put,
            },
            copy={"attempts_before": "attempts"},
            add=start.add,
            remove=start.remove,
        )
        try:
            return self._write(write, task_id, call, changes)
        except WriteRefusedError as refused:
            raise NotClaimableError(f"task {task_id} cannot be claimed", _task(refused)) from refused

    def _hold(self, write: Write, task_id: str, call: Call, changes: Changes) -> Task:
        try:
            return self._write(write, task_id, call, changes)
        except WriteRefusedError as refused:
            task = _task(refused)
            if task is not None and task.submission == call.submission and task.token == call.token:
                raise RowTooLargeError(_no_room(task, call)) from refused
            raise LostError(f"task {task_id} is not held by this attempt", task) from refused

    def _cancel(self, task: Task, call: Call, outcome: Outcome, now: int) -> Task:
        if task.status is Status.RUNNING:
            return self._write(REQUEST_CANCEL, task.id, call, Changes(put={"cancel_requested": True}))
        if task.status is Status.QUEUED and task.room < call.needed:
            raise RowTooLargeError(_no_room(task, call))
        try:
            return self._write(CANCEL, task.id, call, _end(task.id, outcome, now, {}))
        except WriteRefusedError as refused:
            current = _task(refused)
            if current is not None and current.submission == task.submission and current.status.is_terminal:
                raise AlreadyEndedError(current) from refused
            raise

    def _write(self, write: Write, task_id: str, call: Call, changes: Changes) -> Task:
        try:
            return task_of(self._rows.change(task_id, allows(write, call), changes))
        except WriteRefusedError as refused:
            if refused.item is not None and holds(has_happened(write, call), refused.item):
                return task_of(refused.item)
            raise


def _another_request(key: str) -> Condition:
    """Whoever repeats a request after its task has ended is told of that, and has no second one.

    But a task that never came to its queue is made anew.
    """
    never = Is("error_code", TaskCode.NOT_PUBLISHED.value)
    return OneOf((IsNot("idempotency_key", key), never))


def _existing(task: Task, new: NewTask) -> Task:
    same_key = new.idempotency_key is not None and task.idempotency_key == new.idempotency_key
    if task.submission == new.submission or task.body_hash == new.body_hash or same_key:
        return task
    raise ConflictError(task)


def _task(refused: WriteRefusedError) -> Task | None:
    return None if refused.item is None else task_of(refused.item)


def _no_room(task: Task, call: Call) -> str:
    return f"the end of task {task.id} needs {call.needed} bytes; its row has room for {task.room}"


def _end(task_id: str, outcome: Outcome, now: int, more: dict[str, str]) -> Changes:
    succeeded = outcome.status is Status.SUCCEEDED
    return Changes(
        put={
            "status": outcome.status.value,
            "finished_at": now,
            "event_id": outcome.event_id,
            "expires_on": expires_on(now),
            # From now on it may lack being told, which is more urgent than whatever it was looked at for.
            **to_look_at(task_id, now),
            **({"progress": 1.0} if succeeded else {}),
            **ending(task_id, outcome),
            **more,
        },
        remove=(*HOLDER, "released_token"),
    )


def _progress(value: float | None) -> dict[str, float]:
    if value is None or math.isnan(value):
        return {}
    return {"progress": round(min(max(value, 0.0), 1.0), 4)}
