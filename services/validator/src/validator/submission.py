"""Accepting a task: record it, publish it, remember that it was published (DESIGN 2, 4.1, 4.2)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from lambda_api.ports import Clock
from task_schema import Message, ParsedRequest, RequestCode, RequestRefusedError, fits_inline
from task_store import (
    CALLBACK,
    ConflictError,
    NewTask,
    RowTooLargeError,
    StaleError,
    Task,
    TaskStore,
    context_fits,
)
from telemetry import names
from telemetry.context import TRACEPARENT
from telemetry.segments import Span
from validator.errors import EndingError
from validator.ports import Payloads, Publisher

# Where each API version has the id of the task.
_ID_FIELDS = {"v1alpha1": "alwayson_scripts.id_task", "v1alpha2": "task.metadata.id"}

_PUBLISH = {
    names.MESSAGING_SYSTEM: names.SNS,
    names.MESSAGING_OPERATION: "publish",
    names.MESSAGING_OPERATION_TYPE: "send",
    names.MESSAGING_DESTINATION: "requests",
}


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted task as it is in the table; `outcome` is accepted, republished or repeated."""

    task: Task
    outcome: str


class Submitter:
    """Takes tasks that were found to be good.

    Each step may be the last one, and sending the same request again must finish what is missing: the row
    comes first, without `published_at`; that is set only after SNS has answered. The worst that can happen
    is a message that is published twice with one submission, and only one of them can be claimed.
    """

    def __init__(self, *, store: TaskStore, publisher: Publisher, payloads: Payloads, clock: Clock) -> None:
        self._store = store
        self._publisher = publisher
        self._payloads = payloads
        self._clock = clock

    def submit(
        self,
        request: ParsedRequest,
        *,
        span: Span,
        idempotency_key: str | None = None,
        tenant: str | None = None,
    ) -> Submitted:
        """Record and publish a task, or find that it was before.

        Args:
            request: what was sent.
            span: of the request; what is done for it has spans below, and the trace goes on in the message.
            idempotency_key: digest of the client's key.
            tenant: whose task it is: queues are fair to tenants.

        Raises:
            RequestRefusedError: `conflict`: the id belongs to another task that has not finished.
            EndingError: the task was never published and is given up just now.
            UnavailableError: SNS or S3 is out of order.
            TableUnavailableError: the table is.
        """
        with span.child("record"):
            new = self._new_task(request, span, idempotency_key)
            task = self._record(new, request)
        if task.published_at is not None or task.is_finished:
            return Submitted(task, "repeated")
        if task.status.is_terminal:
            raise EndingError(f"task {task.id} was never published and is about to be told as failed")
        if not _is_of(task, request):
            raise _conflict(request)
        with span.child("publish requests", kind="producer", attributes=_PUBLISH) as publishing:
            self._publish(task, request, publishing, tenant)
        self._mark_published(task)
        return Submitted(task, "accepted" if task.submission == new.submission else "republished")

    def _record(self, new: NewTask, request: ParsedRequest) -> Task:
        try:
            return self._store.record(new, now=self._clock(), replacing=self._keep_callback)
        except ConflictError as exc:
            raise _conflict(request) from exc
        except RowTooLargeError as exc:
            raise RequestRefusedError.of(
                RequestCode.BAD_VALUE,
                "the metadata is too large as a whole; use a shorter prefix or callback",
            ) from exc

    def _keep_callback(self, finished: Task) -> None:
        # Its webhook looks for the URL in the row, and may not have had its first try.
        self._payloads.put(finished.submission, CALLBACK, finished.callback_url)

    def _new_task(self, request: ParsedRequest, span: Span, idempotency_key: str | None) -> NewTask:
        metadata = request.metadata
        submission = str(uuid4())
        inline = context_fits(metadata.context)
        # Before the row: a row must never point to a context that is not there.
        context_ref = None if inline else self._payloads.put(submission, "context", metadata.context)
        lifetime = metadata.expires_in
        return NewTask(
            id=metadata.id,
            submission=submission,
            runtime=metadata.runtime,
            tasktype=metadata.tasktype,
            prefix=metadata.prefix,
            api_version=request.api_version,
            body_hash=request.body_hash,
            context=metadata.context if inline else {},
            context_ref=context_ref,
            callback_url=metadata.callback_url,
            deadline=None if lifetime is None else self._clock() + lifetime * 1000,
            idempotency_key=idempotency_key,
            trace_id=span.log_fields.get("trace_id"),
        )

    def _publish(self, task: Task, request: ParsedRequest, span: Span, tenant: str | None) -> None:
        content: dict[str, Any] | None = request.content
        content_ref = None
        if not fits_inline(content):
            content_ref = self._payloads.put(task.submission, "content", content)
            content = None
        message = Message(
            submission=task.submission,
            metadata=request.metadata,
            content=content,
            content_ref=content_ref,
            submitted_at=datetime.fromtimestamp(task.created_at / 1000, UTC),
            api_version=request.api_version,
        )
        attributes = {"runtime": task.runtime}
        if span.context is not None:
            attributes[TRACEPARENT] = span.context.traceparent
        body = message.to_json()
        span.update({names.RUNTIME: task.runtime, names.MESSAGING_BODY_SIZE: len(body.encode())})
        self._publisher.publish(body, attributes, tenant=tenant)

    def _mark_published(self, task: Task) -> None:
        try:
            self._store.mark_published(task.id, task.submission, now=self._clock())
        except StaleError:
            # It ran, ended and was told before this write: there is nothing left to remember.
            return


def _is_of(task: Task, request: ParsedRequest) -> bool:
    # An idempotency key may bring back a task whose body was another. As long as that was not published,
    # this body runs in its place, so what the row says of it must be true. A deadline, or a context that is
    # not in the row, cannot be compared: those are taken for others.
    if task.body_hash == request.body_hash:
        return True
    metadata = request.metadata
    return (
        (task.runtime, task.tasktype, task.prefix, task.api_version)
        == (metadata.runtime, metadata.tasktype, metadata.prefix, request.api_version)
        and (task.callback_url, task.context) == (metadata.callback_url, metadata.context)
        and (task.context_ref, task.deadline, metadata.expires_in) == (None, None, None)
    )


def _conflict(request: ParsedRequest) -> RequestRefusedError:
    field = _ID_FIELDS[request.api_version]
    message = f"{field}: another task with the id {request.metadata.id} has not finished; take another id"
    return RequestRefusedError.of(RequestCode.CONFLICT, message, field)
