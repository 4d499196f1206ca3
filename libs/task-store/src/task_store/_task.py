import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from task_schema import Message, Notification, Status, TaskError

#: Largest context that is kept in the row, in bytes of its JSON; a larger one is kept in S3.
MAX_INLINE_CONTEXT = 256
#: Largest notification that is kept in the row, in bytes, where the row has room for it.
MAX_INLINE_NOTIFICATION = 1024
#: Largest token or event id, in bytes: room for a UUID.
MAX_TOKEN = 40
#: What a row says of a task whose message nobody could read.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What `record` stores of an accepted task.

    Attributes:
        body_hash: hash of the request's body; the same one means the same request.
        context: JSON value that is returned unchanged; in the row where `context_fits`, else `context_ref` is
            the S3 URI of its JSON and `context` is left out.
        deadline: time in ms by which it must have started (`expires_in`).
        idempotency_key: digest (keep it at 64 characters) of the client's Idempotency-Key; the same one means
            the same request whatever its body is.
        published_at: set for a task that came as a message (a bare one): nobody has to publish it.
    """

    id: str
    submission: str
    runtime: str
    tasktype: str
    prefix: str
    api_version: str
    body_hash: str
    context: Any = field(default_factory=dict)
    context_ref: str | None = None
    callback_url: str | None = None
    deadline: int | None = None
    idempotency_key: str | None = None
    published_at: int | None = None
    trace_id: str | None = None

    @classmethod
    def of_bare(cls, message: Message) -> "NewTask":
        """Make the task of a message that nobody recorded; its times count from when it was sent.

        Its context is not cut: see `context_fits` and `with_context_at`.
        """
        metadata = message.metadata
        sent = int(message.submitted_at.timestamp() * 1000)
        return cls(
            id=metadata.id,
            submission=message.submission,
            runtime=metadata.runtime,
            tasktype=metadata.tasktype,
            prefix=metadata.prefix,
            api_version=message.api_version,
            # No request came with it: no request is the same as this one.
            body_hash=message.submission,
            context=metadata.context,
            callback_url=metadata.callback_url,
            deadline=sent + metadata.expires_in * 1000 if metadata.expires_in else None,
            published_at=sent,
        )

    @classmethod
    def of_unread(cls, task_id: str, submission: str, *, runtime: str, now: int) -> "NewTask":
        """Make the task of a message that cannot be read, so that it can be ended and told.

        Args:
            task_id: the one thing that could be made out.
            submission: of the message; `task_schema.unread_submission` gives it.
            runtime: the one that the message came to.
            now: ms since the epoch.
        """
        return cls(
            id=task_id,
            submission=submission,
            runtime=runtime,
            tasktype=UNKNOWN,
            prefix=UNKNOWN,
            api_version=UNKNOWN,
            body_hash=submission,
            published_at=now,
        )

    def with_context_at(self, context_ref: str) -> "NewTask":
        """Return the same task with its context kept in S3, at the URI `context_ref`."""
        return dataclasses.replace(self, context=None, context_ref=context_ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One row of the tasks table (DESIGN 4.2). Times are ms since the epoch, UTC.

    Attributes:
        context: the value of `NewTask.context`; None where `context_ref` names it.
        token: of the attempt that holds the task; None unless `status` is running.
        lease_until: until when the holder is taken to be alive. It saves work, the token makes it safe.
        attempts: inferences started. An attempt that was given back uncounted is not among them.
        progress: 0 to 1, of the attempt that runs; 1 once succeeded.
        started_at: start of the latest attempt; None while queued, and for a task that ended unstarted.
        notification: exact JSON text that was told or is to be told; else `notification_ref` is its S3 URI.
        room: bytes that the row has for the end of the task; see `Outcome.fits`.
        expires_on: when the table drops the row, in **seconds** since the epoch; None until it has ended.
    """

    id: str
    submission: str
    status: Status
    runtime: str
    tasktype: str
    prefix: str
    api_version: str
    body_hash: str
    created_at: int
    room: int
    attempts: int = 0
    context: Any = None
    context_ref: str | None = None
    callback_url: str | None = None
    deadline: int | None = None
    idempotency_key: str | None = None
    token: str | None = None
    lease_until: int | None = None
    cancel_requested: bool = False
    progress: float | None = None
    published_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    notified_at: int | None = None
    error: TaskError | None = None
    output_url: str | None = None
    notification: str | None = None
    notification_ref: str | None = None
    event_id: str | None = None
    trace_id: str | None = None
    expires_on: int | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it has ended and that was told; only then may its id be used again (DESIGN 4.1)."""
        return self.status.is_terminal and self.notified_at is not None

    @property
    def is_unread(self) -> bool:
        """Whether nobody could read its message: then nobody knows the folder of its outputs either."""
        return self.api_version == UNKNOWN

    def is_late(self, now: int) -> bool:
        """Whether it had to start before `now` (ms) and never did."""
        return self.deadline is not None and self.deadline < now and self.attempts == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a task ends: what `commit` and `cancel` store.

    Attributes:
        status: succeeded, failed or cancelled.
        event_id: fresh for each outcome that is made (a UUID); whoever tells it, tells it with this id.
        notification: exact JSON text to be told. Exactly one of it and `notification_ref` is given.
        error: of a task that did not succeed. The row keeps 500 bytes of its message.

    Raises:
        ValueError: the parts contradict each other.
    """

    status: Status
    event_id: str
    notification: str | None = None
    notification_ref: str | None = None
    error: TaskError | None = None
    output_url: str | None = None

    def __post_init__(self) -> None:
        if not self.status.is_terminal:
            raise ValueError(f"{self.status} does not end a task")
        if (self.notification is None) == (self.notification_ref is None):
            raise ValueError("exactly one of notification and notification_ref is expected")
        if (self.status is Status.SUCCEEDED) != (self.error is None):
            raise ValueError("an error is expected unless the task succeeded, and only then")
        check_token("event_id", self.event_id)

    @classmethod
    def of(cls, notification: Notification, *, event_id: str) -> "Outcome":
        """Make the outcome that a notification tells; see `fits` for whether the row takes it."""
        return cls(
            status=notification.status,
            event_id=event_id,
            notification=notification.to_json(),
            error=notification.error,
            output_url=notification.output_url,
        )

    @property
    def payload_name(self) -> str:
        """Name of its notification among the payloads of the submission, where the row has no room for it.

        One of its own: an attempt that loses the commit must not have written over the winner's.
        """
        return f"notification-{self.event_id}"

    def by_reference(self, notification_ref: str) -> "Outcome":
        """Return the same outcome with its notification kept in S3, at the URI `notification_ref`."""
        return dataclasses.replace(self, notification=None, notification_ref=notification_ref)


@dataclass(frozen=True, slots=True)
class Page:
    """Some tasks of a list, newest first; `cursor` asks for the next ones, None where there are no more."""

    tasks: tuple[Task, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """A task that somebody should look at; `look_at` is since when, in ms."""

    id: str
    look_at: int


@dataclass(frozen=True, slots=True)
class DuePage:
    """Some tasks to look at, the most urgent first; `cursor` asks for the next, None if there are none."""

    due: tuple[Due, ...]
    cursor: str | None


def context_json(value: Any) -> str:
    """Return the JSON text that a context is kept as."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def context_fits(value: Any) -> bool:
    """Whether a context is kept in the row; otherwise its JSON goes to S3 and the row gets `context_ref`."""
    return len(context_json(value).encode(errors="replace")) <= MAX_INLINE_CONTEXT


def check_token(name: str, value: str) -> None:
    """Refuse a token that would not fit the room which rows keep for it.

    Raises:
        ValueError: it is empty or longer than `MAX_TOKEN` bytes.
    """
    if not 0 < len(value.encode()) <= MAX_TOKEN:
        raise ValueError(f"{name} must have 1 to {MAX_TOKEN} bytes")
