"""What becomes of a letter: it is kept, and the task in it is ended and told (DESIGN 2, 4.2)."""

import uuid
from collections.abc import Callable

from notifier.causes import Cause
from notifier.ending import UNKNOWN, Ending
from notifier.errors import LaterError, shorten
from notifier.fates import Fate, Fates, is_submission
from notifier.letters import Letter
from notifier.ports import Clock, Kept, Payloads
from task_schema import (
    Message,
    Status,
    TaskCode,
    TaskError,
    UnreadableMessageError,
    read_message,
)
from task_store import ConflictError, NewTask, RowTooLargeError, Task, TaskStore, context_fits

#: Says why a task ends, given the time in ms.
type Why = Callable[[int], TaskError]

_MAX_RUNTIME = 64  # characters
# The row changed under our hands: look at it again soon.
_TAKEN_SECONDS = 1

UNREADABLE = "unreadable"
STALE = "stale"
CONFLICT = "conflict"
TOLD_BEFORE = "told_before"
TOLD_LATE = "told_late"


class Undertaker:
    """Settles letters, one by one; settling one again is harmless.

    Rows, fates and conflicts of messages that nobody recorded follow the same rules as in the queue agent:
    either of them may meet such a message first.
    """

    def __init__(
        self,
        *,
        store: TaskStore,
        kept: Kept,
        payloads: Payloads,
        ending: Ending,
        cause: Cause,
        clock: Clock,
    ) -> None:
        self._store = store
        self._kept = kept
        self._payloads = payloads
        self._fates = Fates(payloads)
        self._ending = ending
        self._cause = cause
        self._clock = clock

    def settle(self, letter: Letter, seen: dict[str, object]) -> str:
        """Keep a letter, then end its task and tell it.

        Args:
            letter: what came.
            seen: gets what may be logged of it: ids and codes, never what the user wrote.

        Returns:
            What became of it, in a word: the code that its task ended with, or one of the words above.

        Raises:
            LaterError: its task is in other hands; says when to come back.
            UnavailableError, TableUnavailableError: not all of it was done.
        """
        try:
            message, bare = _read(letter)
        except UnreadableMessageError as exc:
            return self._unreadable(letter, exc, seen)
        self._keep(letter, None, seen)
        seen.update(task=message.metadata.id, submission=message.submission)
        try:
            return self._readable(letter, message, bare=bare)
        except UnreadableMessageError as exc:
            return self._unreadable(letter, exc, seen)

    def _keep(self, letter: Letter, reason: str | None, seen: dict[str, object]) -> None:
        document = letter.as_json() if reason is None else {"reason": reason, **letter.as_json()}
        before = not self._kept.keep(letter.key, document)
        seen.setdefault("kept_before", before)
        seen["key"] = letter.key

    def _readable(self, letter: Letter, message: Message, *, bare: bool) -> str:
        task = self._store.get(message.metadata.id)
        if task is None or task.submission != message.submission:
            if task is not None and not bare:
                return STALE
            if task is not None and (word := self._met(task, message, letter)):
                return word
            task = self._record(message)
        if bare:
            self._fates.remember(message.submission, Fate.RECORDED)
        return self._finish(task, letter, lambda now: self._why(task, letter, now))

    def _met(self, task: Task, message: Message, letter: Letter) -> str | None:
        """Decide about a message that nobody recorded, whose id another task has; None: record it."""
        fate = self._fates.recall(message.submission)
        if fate is Fate.RECORDED:
            return STALE
        if fate is Fate.CONFLICT or not task.status.is_terminal:
            error = TaskError.of(
                TaskCode.CONFLICT,
                f"another task with the id {task.id} is not finished; this one was not started",
            )
            self._fates.remember(message.submission, Fate.CONFLICT)
            self._ending.tell_conflict(message.metadata, message.submission, error, letter.traceparent)
            return CONFLICT
        if not task.is_finished:
            self._ending.tell(task)
        return None

    def _record(self, message: Message) -> Task:
        """Record a task that came straight from the topic, so that its sender is told by the usual way."""
        metadata = message.metadata
        context, context_ref = metadata.context, None
        if not context_fits(context):
            context_ref = self._payloads.put(message.submission, "context", context)
            context = None
        sent = int(message.submitted_at.timestamp() * 1000)
        new = NewTask(
            id=metadata.id,
            submission=message.submission,
            runtime=metadata.runtime,
            tasktype=metadata.tasktype,
            prefix=metadata.prefix,
            api_version=message.api_version,
            # No request came with it: no request is the same as this one.
            body_hash=message.submission,
            context=context,
            context_ref=context_ref,
            callback_url=metadata.callback_url,
            deadline=sent + metadata.expires_in * 1000 if metadata.expires_in else None,
            published_at=sent,
        )
        try:
            return self._store.record(new, now=self._clock())
        except ConflictError as exc:
            raise LaterError(_TAKEN_SECONDS, f"its id was taken meanwhile: {exc}") from exc
        except RowTooLargeError as exc:
            raise UnreadableMessageError(
                f"metadata: {exc}", task_id=metadata.id, submission=message.submission
            ) from exc

    def _why(self, task: Task, letter: Letter, now: int) -> TaskError:
        error = self._cause(letter)
        if task.cancel_requested:
            return TaskError.of(TaskCode.CANCELLED, "cancelled by the user")
        late = task.deadline is not None and task.deadline < now and task.attempts == 0
        if late and error.code is not TaskCode.UNKNOWN_RUNTIME:
            return TaskError.of(TaskCode.EXPIRED, "it did not start within expires_in")
        return error

    def _finish(self, task: Task, letter: Letter, why: Why) -> str:
        """End a task that has not ended, and tell it if nobody was told."""
        if task.is_finished:
            return TOLD_BEFORE
        if task.status.is_terminal:
            self._ending.tell(task, letter.traceparent)
            return TOLD_LATE
        held = self._ending.seize(task)
        error = why(self._clock())
        status = Status.CANCELLED if error.code is TaskCode.CANCELLED else Status.FAILED
        ended = self._ending.end(held, error, status=status)
        self._ending.tell(ended, letter.traceparent)
        return str(error.code)

    def _unreadable(self, letter: Letter, error: UnreadableMessageError, seen: dict[str, object]) -> str:
        self._keep(letter, error.reason, seen)
        seen.update(reason=shorten(error.reason), task=error.task_id)
        if error.task_id is not None:
            self._end_unread(error.task_id, letter, error)
        return UNREADABLE

    def _end_unread(self, task_id: str, letter: Letter, error: UnreadableMessageError) -> None:
        submission = error.submission or ""
        if not is_submission(submission):
            submission = str(uuid.uuid5(uuid.NAMESPACE_OID, letter.message_id))
        task = self._store.get(task_id)
        if task is not None and task.submission != submission:
            # The row is another task's; it may be followed once, by a message that never had one.
            if not task.is_finished or self._fates.recall(submission) is not None:
                return
            task = None
        if task is None:
            task = self._record_unread(task_id, submission, letter)
        if task is None or task.submission != submission:
            return
        self._fates.remember(submission, Fate.RECORDED)
        reason = shorten(f"the message cannot be read: {error.reason}")
        self._finish(task, letter, lambda _: TaskError.of(TaskCode.UNREADABLE_MESSAGE, reason))

    def _record_unread(self, task_id: str, submission: str, letter: Letter) -> Task | None:
        now = self._clock()
        new = NewTask(
            id=task_id,
            submission=submission,
            runtime=_runtime(letter),
            tasktype=UNKNOWN,
            prefix=UNKNOWN,
            api_version=UNKNOWN,
            body_hash=submission,
            published_at=now,
        )
        try:
            return self._store.record(new, now=now)
        except ConflictError:
            return None


def _read(letter: Letter) -> tuple[Message, bool]:
    received = read_message(
        letter.body,
        message_id=letter.message_id,
        runtime=_runtime(letter),
        received_at=letter.sent_at,
    )
    message = received.message
    if not is_submission(message.submission):
        raise UnreadableMessageError("submission: is not one that the API gives", task_id=message.metadata.id)
    return message, received.bare


def _runtime(letter: Letter) -> str:
    # As long as a row and a notification can hold; what was sent is kept as it was.
    return (letter.runtime or UNKNOWN)[:_MAX_RUNTIME]
