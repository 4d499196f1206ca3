"""What becomes of a letter: it is kept, and the task in it is ended and told (DESIGN 2, 4.2)."""

from collections.abc import Callable

from notifier.causes import Cause
from notifier.ending import Ending
from notifier.errors import LaterError
from notifier.fates import Fates
from notifier.letters import Letter
from notifier.ports import Clock, Kept, Payloads
from notifier.traced import of_task, publishing, traceparent_of
from task_schema import (
    Message,
    Received,
    Status,
    TaskCode,
    TaskError,
    UnreadableMessageError,
    read_message,
    shorten,
    unread_submission,
)
from task_store import (
    UNKNOWN,
    ConflictError,
    Fate,
    Meeting,
    NewTask,
    RowTooLargeError,
    Task,
    TaskStore,
    context_fits,
)
from telemetry import names
from telemetry.segments import Span

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

    Messages that nobody recorded may meet the queue agent first: the rules for them are `task_store`'s.
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

    def settle(self, letter: Letter, seen: dict[str, object], span: Span) -> str:
        """Keep a letter, then end its task and tell it.

        Args:
            letter: what came.
            seen: gets what may be logged of it: ids and codes, never what the user wrote.
            span: of the letter; ending its task and telling it have spans below.

        Returns:
            What became of it, in a word: the code that its task ended with, or one of the words above.

        Raises:
            LaterError: its task is in other hands; says when to come back.
            UnavailableError, TableUnavailableError: not all of it was done.
        """
        try:
            received = _read(letter)
            message = received.message
        except UnreadableMessageError as exc:
            return self._unreadable(letter, exc, seen, span)
        self._keep(letter, None, seen)
        seen.update(task=message.metadata.id, submission=message.submission)
        span.update({names.TASK_ID: message.metadata.id, names.SUBMISSION: message.submission})
        try:
            return self._readable(letter, message, span, bare=received.bare)
        except UnreadableMessageError as exc:
            return self._unreadable(letter, exc, seen, span)

    def _keep(self, letter: Letter, reason: str | None, seen: dict[str, object]) -> None:
        document = letter.as_json() if reason is None else {"reason": reason, **letter.as_json()}
        before = not self._kept.keep(letter.key, document)
        seen.setdefault("kept_before", before)
        seen["key"] = letter.key

    def _readable(self, letter: Letter, message: Message, span: Span, *, bare: bool) -> str:
        task = self._store.get(message.metadata.id)
        if task is None or task.submission != message.submission:
            if task is not None and not bare:
                return STALE
            if task is not None and (word := self._met(task, message, span)):
                return word
            task = self._record(message)
        if bare:
            self._fates.remember(message.submission, Fate.RECORDED)
        return self._finish(task, span, lambda now: self._why(task, letter, now))

    def _met(self, task: Task, message: Message, span: Span) -> str | None:
        """Decide about a message that nobody recorded, whose id another task has; None: record it."""
        meeting = Meeting.of(task, self._fates.recall(message.submission))
        if meeting is Meeting.STALE:
            return STALE
        if meeting is Meeting.CONFLICT:
            self._fates.remember(message.submission, Fate.CONFLICT)
            with publishing(span) as told:
                self._ending.tell_conflict(message, traceparent_of(told))
            return CONFLICT
        if not task.is_finished:
            self._ending.tell(task)
        return None

    def _record(self, message: Message) -> Task:
        """Record a task that came straight from the topic, so that its sender is told by the usual way."""
        new = NewTask.of_bare(message)
        if not context_fits(new.context):
            new = new.with_context_at(self._payloads.put(new.submission, "context", new.context))
        try:
            return self._store.record(new, now=self._clock())
        except ConflictError as exc:
            raise LaterError(_TAKEN_SECONDS, f"its id was taken meanwhile: {exc}") from exc
        except RowTooLargeError as exc:
            raise UnreadableMessageError(
                f"metadata: {exc}", task_id=new.id, submission=new.submission
            ) from exc

    def _why(self, task: Task, letter: Letter, now: int) -> TaskError:
        error = self._cause(letter)
        if task.cancel_requested:
            return TaskError.cancelled()
        if task.is_late(now) and error.code is not TaskCode.UNKNOWN_RUNTIME:
            return TaskError.not_started()
        return error

    def _finish(self, task: Task, span: Span, why: Why) -> str:
        """End a task that has not ended, and tell it if nobody was told."""
        span.update(of_task(task))
        if task.is_finished:
            return TOLD_BEFORE
        if task.status.is_terminal:
            self._tell(task, span)
            return TOLD_LATE
        with span.child("end") as ending:
            held = self._ending.seize(task)
            error = why(self._clock())
            ending.set(names.CODE, error.code)
            status = Status.CANCELLED if error.code is TaskCode.CANCELLED else Status.FAILED
            ended = self._ending.end(held, error, status=status)
        span.set(names.CODE, error.code)
        self._tell(ended, span)
        return str(error.code)

    def _tell(self, task: Task, span: Span) -> None:
        with publishing(span) as told:
            self._ending.tell(task, traceparent_of(told))

    def _unreadable(
        self, letter: Letter, error: UnreadableMessageError, seen: dict[str, object], span: Span
    ) -> str:
        self._keep(letter, error.reason, seen)
        seen.update(reason=shorten(error.reason), task=error.task_id)
        if error.task_id is not None:
            self._end_unread(error.task_id, letter, error, span)
        return UNREADABLE

    def _end_unread(self, task_id: str, letter: Letter, error: UnreadableMessageError, span: Span) -> None:
        submission = unread_submission(error.submission, letter.message_id)
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
        self._finish(task, span, lambda _: TaskError.unreadable(error.reason))

    def _record_unread(self, task_id: str, submission: str, letter: Letter) -> Task | None:
        now = self._clock()
        new = NewTask.of_unread(task_id, submission, runtime=_runtime(letter), now=now)
        try:
            return self._store.record(new, now=now)
        except ConflictError:
            return None


def _read(letter: Letter) -> Received:
    return read_message(
        letter.body,
        message_id=letter.message_id,
        runtime=_runtime(letter),
        received_at=letter.sent_at,
    )


def _runtime(letter: Letter) -> str:
    # As long as a row and a notification can hold; what was sent is kept as it was.
    return (letter.runtime or UNKNOWN)[:_MAX_RUNTIME]
