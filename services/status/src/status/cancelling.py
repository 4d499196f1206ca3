"""Cancelling a task: a queued one ends here and is told, of a running one its agent is asked (DESIGN 4.2)."""

import uuid
from typing import Any

from lambda_api.ports import Clock
from s3io.errors import ClaimCheckError
from status.errors import UnavailableError
from status.ports import Announcer, Payloads
from status.reading import not_found
from task_schema import Notification, RequestCode, RequestRefusedError, Status, TaskError
from task_store import (
    MAX_KEPT_BYTES,
    AlreadyEndedError,
    Outcome,
    RowTooLargeError,
    StaleError,
    Task,
    TaskNotFoundError,
    TaskStore,
    announcement_of,
    fits,
)
from telemetry import names
from telemetry.segments import Span

_PUBLISH = {
    names.MESSAGING_SYSTEM: names.SNS,
    names.MESSAGING_OPERATION: "publish",
    names.MESSAGING_OPERATION_TYPE: "send",
    names.MESSAGING_DESTINATION: "notifications",
}


class Canceller:
    """Cancels tasks.

    Each step may be the last one: the end is committed before it is told, so sending the request again tells
    it, and if nobody does the notifier's sweeper does.
    """

    def __init__(self, *, store: TaskStore, announcer: Announcer, payloads: Payloads, clock: Clock) -> None:
        self._store = store
        self._announcer = announcer
        self._payloads = payloads
        self._clock = clock

    def cancel(self, task_id: str, span: Span) -> Task:
        """Cancel a task and return it: cancelled, or running and asked to end.

        Raises:
            RequestRefusedError: `not_found`; `conflict`, it has ended.
            UnavailableError, TableUnavailableError: nobody knows how far it came; sending it again is safe.
        """
        task = self._store.get(task_id)
        if task is None:
            raise not_found(task_id)
        if not task.status.is_terminal:
            with span.child("cancel"):
                task = self._cancel(task)
        elif task.is_finished or task.status is not Status.CANCELLED:
            raise _ended(task)
        if task.status.is_terminal:
            self._tell(task, span)
        return task

    def _cancel(self, task: Task) -> Task:
        try:
            return self._store.cancel(
                task.id, task.submission, outcome=self._outcome(task), now=self._clock()
            )
        except TaskNotFoundError as exc:
            raise not_found(task.id) from exc
        except AlreadyEndedError as exc:
            raise _ended(exc.task) from exc
        except (StaleError, RowTooLargeError) as exc:
            raise UnavailableError("the row changed under our hands") from exc

    def _tell(self, task: Task, span: Span) -> None:
        with span.child("publish notifications", kind="producer", attributes=_PUBLISH) as publishing:
            kept = None
            if task.notification is None:
                ref = task.notification_ref or ""
                kept = self._payloads.get(ref, submission=task.submission, limit=MAX_KEPT_BYTES)
            context = publishing.context
            traceparent = None if context is None else context.traceparent
            self._announcer.announce(announcement_of(task, kept=kept, traceparent=traceparent))
        self._store.mark_notified(task.id, task.submission, now=self._clock())

    def _outcome(self, task: Task) -> Outcome:
        notification = Notification.ended_without_result(
            task_id=task.id,
            submission=task.submission,
            runtime=task.runtime,
            context=self._context(task),
            error=TaskError.cancelled(),
            status=Status.CANCELLED,
        )
        outcome = Outcome.of(notification, event_id=str(uuid.uuid4()))
        if fits(task, outcome):
            return outcome
        document = notification.model_dump(mode="json")
        return outcome.by_reference(self._payloads.put(task.submission, outcome.payload_name, document))

    def _context(self, task: Task) -> Any:
        if task.context_ref is None:
            return task.context if task.context is not None else {}
        try:
            return self._payloads.get(task.context_ref, submission=task.submission, limit=MAX_KEPT_BYTES)
        except ClaimCheckError:
            # Its user would rather hear of the end without it than not at all.
            return {}


def _ended(task: Task) -> RequestRefusedError:
    message = f"task {task.id} has ended ({task.status}); there is nothing left to cancel"
    return RequestRefusedError.of(RequestCode.CONFLICT, message, "id")
