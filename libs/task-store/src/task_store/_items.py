"""How a task is kept as a row of scalars, and how large the row is."""

import json
from datetime import UTC, datetime
from typing import Any

from task_schema import Status, TaskCode, TaskError
from task_store._conditions import Item, Scalar
from task_store._table import LOOK_PARTITION, LOOK_SORT, shard_of
from task_store._task import MAX_INLINE_NOTIFICATION, MAX_TOKEN, NewTask, Outcome, Task, context_json
from task_store._writes import TERMINAL
from task_store.errors import RowTooLargeError, UnreadableRowError

#: Largest row in bytes: what DynamoDB reads for one unit (DESIGN 4.2).
MAX_ROW = 4096
#: Bytes of UTF-8 that the row keeps of an error's message; the notification has all of it.
MAX_ERROR_MESSAGE = 500
#: How long a row is kept after its task has ended, in ms.
KEPT_AFTER_END = 30 * 24 * 3600 * 1000

_MAX_BUCKET = 63
_MAX_REFERENCE = 170  # s3://<bucket>/tasks/<submission>/notification-<event id>.json
_LATEST = 9_999_999_999_999  # ms: the year 2286
_DAY = len("#2026-01-31")
# Attributes that the row has only while it is held or while it may be claimed again.
HOLDER = ("token", "lease_until", "attempts_before")

# Kept as they are, under the same name in the row and in `Task`.
_PLAIN = (
    "id",
    "submission",
    "tasktype",
    "prefix",
    "api_version",
    "body_hash",
    "created_at",
    "room",
    "attempts",
    "context_ref",
    "callback_url",
    "deadline",
    "idempotency_key",
    "token",
    "lease_until",
    "published_at",
    "started_at",
    "finished_at",
    "notified_at",
    "notification",
    "notification_ref",
    "event_id",
    "trace_id",
    "expires_on",
)


def day_of(time: int) -> str:
    """Return the day in UTC, `2026-01-31`, of a time in ms: what `list_by_runtime` takes."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d")


def runtime_day(runtime: str, day: str) -> str:
    """Return the partition of the index by runtime and day."""
    return f"{runtime}#{day}"


def new_item(new: NewTask, now: int) -> Item:
    """Make the row of a task that was just accepted.

    Raises:
        RowTooLargeError: nothing that ends the task would fit any more.
    """
    item: Item = {
        "id": new.id,
        "submission": new.submission,
        "status": Status.QUEUED.value,
        "runtime_day": runtime_day(new.runtime, day_of(now)),
        "tasktype": new.tasktype,
        "prefix": new.prefix,
        "api_version": new.api_version,
        "body_hash": new.body_hash,
        "created_at": now,
        "attempts": 0,
        "room": MAX_ROW,
        **to_look_at(new.id, now),
    }
    item |= _given(
        context=None if new.context_ref else context_json(new.context),
        context_ref=new.context_ref,
        callback_url=new.callback_url,
        deadline=new.deadline,
        idempotency_key=new.idempotency_key,
        published_at=new.published_at,
        trace_id=new.trace_id,
    )
    room = MAX_ROW - size_of(item | _GROWTH)
    item["room"] = room
    lacking = size_of(_largest_ending(new)) - room
    if lacking > 0:
        raise RowTooLargeError(f"the row of task {new.id} is {lacking} bytes too large")
    return item


def to_look_at(task_id: str, when: int) -> Item:
    """Return the attributes that put a row into the index of tasks that somebody has to look at."""
    return {LOOK_PARTITION: shard_of(task_id), LOOK_SORT: when}


def ending(task_id: str, outcome: Outcome) -> Item:
    """Return the attributes that a row has room for: what an outcome adds to it."""
    error = outcome.error
    item = _output(task_id, outcome.output_url)
    item |= _given(notification=outcome.notification, notification_ref=outcome.notification_ref)
    if error is not None:
        item |= {
            "error_code": error.code.value,
            "error_message": _cut(error.message),
            "error_retryable": error.retryable,
        }
    return item


def fits(task: Task, outcome: Outcome) -> bool:
    """Whether the row of a task takes an outcome as it is.

    If it does not, keep the notification in S3 and commit `outcome.by_reference(uri)`: that always fits where
    the output lies in the folder of the task (DESIGN 4.3) and the URI has up to 170 characters.
    """
    return _notification_fits(outcome) and size_of(ending(task.id, outcome)) <= task.room


def needed_room(task_id: str, outcome: Outcome) -> int:
    """Return the room in bytes that an outcome needs.

    Raises:
        RowTooLargeError: its notification is too large for any row.
    """
    if not _notification_fits(outcome):
        raise RowTooLargeError(f"a notification above {MAX_INLINE_NOTIFICATION} bytes is kept in S3")
    return size_of(ending(task_id, outcome))


def expires_on(now: int) -> int:
    """Return when the table drops a row that ends now, in seconds since the epoch."""
    return (now + KEPT_AFTER_END) // 1000


def size_of(item: Item) -> int:
    """Return the size of a row as DynamoDB counts it: names and values; numbers rounded up."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def task_of(item: Item) -> Task:
    """Read a row.

    Raises:
        UnreadableRowError: this release does not understand it.
    """
    try:
        values: dict[str, Any] = {name: item[name] for name in _PLAIN if name in item}
        progress = item.get("progress")
        return Task(
            **values,
            status=Status(str(item["status"])),
            runtime=str(item["runtime_day"])[:-_DAY],
            context=json.loads(str(item["context"])) if "context" in item else None,
            cancel_requested=bool(item.get("cancel_requested", False)),
            progress=None if progress is None else float(progress),
            error=_error(item),
            output_url=_output_url(item),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise UnreadableRowError(f"row of task {item.get('id')}: {exc}") from exc


def _given(**values: Scalar | None) -> Item:
    return {name: value for name, value in values.items() if value is not None}


def _notification_fits(outcome: Outcome) -> bool:
    return len((outcome.notification or "").encode()) <= MAX_INLINE_NOTIFICATION


def _size(value: Scalar) -> int:
    if isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return len(value.encode())
    return (len(str(value)) + 1) // 2 + 2


def _output(task_id: str, url: str | None) -> Item:
    if url is None:
        return {}
    # s3://<bucket>/<prefix>/<id>/<id>-<rest>: the id may have 128 bytes, and the row has it already.
    folder, middle, rest = url.rpartition(f"/{task_id}/{task_id}-")
    return {"output_folder": folder, "output_name": rest} if middle else {"output_url": url}


def _output_url(item: Item) -> str | None:
    if "output_folder" in item:
        return f"{item['output_folder']}/{item['id']}/{item['id']}-{item['output_name']}"
    url = item.get("output_url")
    return None if url is None else str(url)


def _error(item: Item) -> TaskError | None:
    if "error_code" not in item:
        return None
    return TaskError(
        code=TaskCode(str(item["error_code"])),
        message=str(item["error_message"]),
        retryable=bool(item["error_retryable"]),
    )


def _cut(message: str) -> str:
    # Runtimes' messages may hold lone surrogates, which are not UTF-8.
    kept = message.encode(errors="replace")
    if len(kept) <= MAX_ERROR_MESSAGE:
        return kept.decode()
    return kept[: MAX_ERROR_MESSAGE - len("…".encode())].decode(errors="ignore") + "…"


def _largest_ending(new: NewTask) -> Item:
    """Return the largest outcome by reference: what a row must have room for from the start."""
    return {
        "error_code": max((code.value for code in TaskCode), key=len),
        "error_message": "x" * MAX_ERROR_MESSAGE,
        "error_retryable": True,
        "output_folder": f"s3://{'x' * _MAX_BUCKET}/{new.prefix}",
        "output_name": "abcd.out",
        "notification_ref": "x" * _MAX_REFERENCE,
    }


# All other attributes that a row may get once it is recorded, each at its largest; the holder's are gone by
# the time the task ends, and smaller than the room for its end before that.
_GROWTH: Item = {
    "status": max((status.value for status in TERMINAL), key=len),
    "attempts": 999_999,
    "cancel_requested": True,
    "progress": 0.9999,
    "published_at": _LATEST,
    "started_at": _LATEST,
    "finished_at": _LATEST,
    "notified_at": _LATEST,
    "event_id": "x" * MAX_TOKEN,
    "ended_token": "x" * MAX_TOKEN,
    "expires_on": _LATEST,
}
