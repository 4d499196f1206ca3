"""Ending a task that nobody runs: the outcome is committed, then told (DESIGN 4.2, 4.3)."""

import math
import uuid
from dataclasses import dataclass
from typing import Any

from notifier.errors import LaterError
from notifier.ports import Announcer, Clock, Outputs, Payloads
from s3io.errors import ClaimCheckError
from task_schema import Announcement, Message, Notification, Status, TaskError
from task_store import (
    MAX_KEPT_BYTES,
    LostError,
    NotClaimableError,
    Outcome,
    Task,
    TaskStore,
    announcement_of,
    fits,
)

# Longer than a function needs for one task, short enough that a crash delays it by minutes only.
LEASE_SECONDS = 60

# A lease is a minute; a longer one comes from a clock that is off.
_MAX_WAIT = 3600  # seconds


@dataclass(frozen=True, slots=True)
class Held:
    """A task that is ours to end, as its row was when we took it."""

    task: Task
    token: str


class Ending:
    """Takes tasks, ends them and tells their ends."""

    def __init__(
        self, *, store: TaskStore, announcer: Announcer, payloads: Payloads, outputs: Outputs, clock: Clock
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._payloads = payloads
        self._outputs = outputs
        self._clock = clock

    def seize(self, task: Task) -> Held:
        """Take the right to end a task.

        Raises:
            LaterError: another attempt holds it, or it has just ended.
        """
        token, now = uuid.uuid4().hex, self._clock()
        try:
            taken = self._store.seize(
                task.id, task.submission, token=token, lease_until=now + LEASE_SECONDS * 1000, now=now
            )
        except NotClaimableError as exc:
            raise _not_free(exc.task, now) from exc
        return Held(taken, token)

    def let_go(self, held: Held) -> None:
        """Put a task back that is not to be ended after all."""
        try:
            self._store.give_back(held.task.id, held.task.submission, held.token)
        except LostError:
            return

    def end(self, held: Held, error: TaskError, *, status: Status = Status.FAILED) -> Task:
        """Commit a failure or a cancellation, with the `.out` that users find in their folder.

        Raises:
            LaterError: another attempt took the task.
            UnavailableError, TableUnavailableError: not committed as far as anybody knows.
        """
        task = held.task
        # Of a message that nobody could read, nobody knows the folder.
        url = None
        if not task.is_unread:
            url = self._outputs.store(task.prefix, task.id, {"error": error.model_dump(mode="json")})
        notification = Notification.ended_without_result(
            task_id=task.id,
            submission=task.submission,
            runtime=task.runtime,
            context=self._context(task),
            error=error,
            status=status,
            output_url=url,
        )
        outcome = self._outcome(task, notification)
        try:
            return self._store.commit(task.id, task.submission, held.token, outcome, now=self._clock())
        except LostError as exc:
            # Only here it is certain that nothing refers to it. Without an answer it stays.
            if url is not None:
                self._outputs.discard(url)
            raise _not_free(exc.task, self._clock()) from exc

    def tell(self, task: Task, traceparent: str | None = None) -> None:
        """Tell the outcome of a task that has ended, in the words and with the event id of its commit.

        Raises:
            UnavailableError, TableUnavailableError: nobody knows whether it was told; telling it again is
                harmless.
            s3io.errors.ClaimCheckError: its words are gone.
        """
        kept = None
        if task.notification is None:
            ref = task.notification_ref or ""
            kept = self._payloads.get(ref, submission=task.submission, limit=MAX_KEPT_BYTES)
        self._announcer.announce(announcement_of(task, kept=kept, traceparent=traceparent))
        self._store.mark_notified(task.id, task.submission, now=self._clock())

    def tell_conflict(self, message: Message, traceparent: str | None) -> None:
        """Tell that a message was refused whose id belongs to another task; that task is left alone.

        Raises:
            UnavailableError: nobody knows whether it was told; telling it again is harmless.
        """
        self._announcer.announce(Announcement.of_conflict(message.metadata, message.submission, traceparent))

    def _context(self, task: Task) -> Any:
        if task.context_ref is None:
            return task.context if task.context is not None else {}
        try:
            return self._payloads.get(task.context_ref, submission=task.submission, limit=MAX_KEPT_BYTES)
        except ClaimCheckError:
            # Its user would rather hear of the end without it than not at all.
            return {}

    def _outcome(self, task: Task, notification: Notification) -> Outcome:
        outcome = Outcome.of(notification, event_id=str(uuid.uuid4()))
        if fits(task, outcome):
            return outcome
        document = notification.model_dump(mode="json")
        return outcome.by_reference(self._payloads.put(task.submission, outcome.payload_name, document))


def _not_free(task: Task | None, now: int) -> LaterError:
    if task is None or task.status.is_terminal:
        return LaterError(1, "it changed hands: look again")
    left = math.ceil(((task.lease_until or 0) - now) / 1000) + 1
    return LaterError(min(max(1, left), _MAX_WAIT), "another attempt runs it")
