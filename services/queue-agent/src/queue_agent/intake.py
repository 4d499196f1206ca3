"""From a message to a task that may run: reading it, and what its row says (DESIGN 4.2, 5)."""

import math
from typing import Protocol

from s3io.errors import ClaimCheckError
from task_schema import (
    MAX_BODY_BYTES,
    Message,
    RequestCode,
    RuntimeSpec,
    Status,
    TaskCode,
    TaskError,
    UnreadableMessageError,
    check_content,
    read_message,
    split_routing,
)
from task_store import ConflictError, NewTask, NotClaimableError, Task, context_fits

from queue_agent.aws import AwsCalls
from queue_agent.ending import Ending
from queue_agent.errors import TaskFailedError, shorten
from queue_agent.inhand import Delete, GiveBack, InHand, Settled
from queue_agent.ports import Delivery, Job, Payloads
from queue_agent.tasks import Tasks

# Long enough for whoever ended the last task of that id to tell it.
_UNTOLD_SECONDS = 5

_CODES = {
    RequestCode.BAD_GRAPH: TaskCode.BAD_GRAPH,
    RequestCode.MODEL_NOT_SERVED: TaskCode.UNKNOWN_MODEL,
}


class KeepsUnreadable(Protocol):
    """Where messages go that cannot be read."""

    async def keep(self, delivery: Delivery, error: UnreadableMessageError) -> None:
        """Keep a message, then end its task and tell it, if it has one."""
        ...


class Intake:
    """Decides what a message is worth; raises `Settled` where there is nothing to run."""

    def __init__(
        self,
        *,
        spec: RuntimeSpec,
        task_types: frozenset[str],
        tasks: Tasks,
        payloads: Payloads,
        ending: Ending,
        unreadable: KeepsUnreadable,
        calls: AwsCalls,
        max_attempts: int,
    ) -> None:
        self._spec = spec
        self._task_types = task_types
        self._tasks = tasks
        self._payloads = payloads
        self._ending = ending
        self._unreadable = unreadable
        self._calls = calls
        self._max_attempts = max_attempts

    async def accept(self, delivery: Delivery) -> InHand:
        """Read a message and find its task free to run.

        Raises:
            Settled: there is nothing to run; says what becomes of the message.
            ServiceError: an AWS call failed; nothing has changed that matters.
        """
        try:
            received = read_message(
                delivery.body,
                message_id=delivery.message_id,
                runtime=self._spec.name,
                received_at=delivery.sent_at,
            )
        except UnreadableMessageError as exc:
            await self._unreadable.keep(delivery, exc)
            raise Settled(Delete(), f"unreadable: {exc.reason}") from exc
        message = received.message
        task = await self._row(delivery, message, bare=received.bare)
        held = InHand(delivery, message, task)
        await self._check_row(held)
        await self._check_task(held, bare=received.bare)
        return held

    async def job(self, held: InHand, attempt: str) -> Job:
        """Make the job of an attempt; brings back content that was too large for the message.

        Raises:
            TaskFailedError: the content is not there any more.
            ServiceError: S3 did not answer.
        """
        message = held.message
        content = message.content
        if content is None:
            try:
                content = await self._calls(
                    self._payloads.get,
                    message.content_ref or "",
                    submission=message.submission,
                    limit=MAX_BODY_BYTES,
                )
            except ClaimCheckError as exc:
                raise TaskFailedError(TaskCode.INTERNAL, f"the content cannot be read: {exc}") from exc
        if not isinstance(content, dict):
            raise TaskFailedError(TaskCode.INTERNAL, "the stored content is not an object")
        body, routing = split_routing(content)
        return Job(
            id=message.metadata.id,
            submission=message.submission,
            attempt=attempt,
            tasktype=message.metadata.tasktype,
            content=body,
            model=routing.model,
        )

    async def end(
        self, held: InHand, error: TaskError, *, status: Status = Status.FAILED, answer: object = None
    ) -> Settled:
        """End a task that is not running, and tell it."""
        try:
            claim = await self._tasks.seize(held.message.metadata.id, held.message.submission)
        except NotClaimableError as exc:
            return self.not_free(exc.task, held.message.submission)
        ended = await self._ending.fail(held, claim, error, status=status, answer=answer)
        await self._ending.tell(ended, held.traceparent)
        return Settled(Delete(), f"{status}: {error.code}")

    def not_free(self, task: Task | None, submission: str) -> Settled:
        """Say what becomes of the message of a task that somebody else holds or has ended."""
        if task is None or task.submission != submission:
            return Settled(Delete(), "stale")
        if task.status.is_terminal:
            # Back at once, so that an outcome that nobody was told of gets told.
            return Settled(Delete() if task.is_finished else GiveBack(), "ended meanwhile")
        left = (task.lease_until or 0) - self._tasks.now()
        return Settled(GiveBack(max(1, math.ceil(left / 1000) + 1)), "another attempt runs it")

    async def _row(self, delivery: Delivery, message: Message, *, bare: bool) -> Task:
        task = await self._tasks.get(message.metadata.id)
        if task is not None and task.submission == message.submission:
            return task
        if task is not None and not bare:
            raise Settled(Delete(), "stale: its id was used again since")
        if task is None or task.is_finished:
            if task is not None and message.submitted_at.timestamp() * 1000 < task.created_at:
                raise Settled(Delete(), "stale: its id was used again since")
            try:
                return await self._record(message)
            except ConflictError as exc:
                task = exc.existing
        if task.status.is_terminal:
            raise Settled(GiveBack(_UNTOLD_SECONDS), "its id is taken until the last outcome is told")
        error = TaskError.of(
            TaskCode.CONFLICT, f"another task with the id {task.id} is not finished; this one was not started"
        )
        await self._ending.tell_conflict(InHand(delivery, message, task), error)
        raise Settled(Delete(), "conflict")

    async def _record(self, message: Message) -> Task:
        """Record a task that came straight from the topic."""
        metadata = message.metadata
        context, context_ref = metadata.context, None
        if not context_fits(context):
            context_ref = await self._calls(self._payloads.put, message.submission, "context", context)
            context = None
        sent = int(message.submitted_at.timestamp() * 1000)
        return await self._tasks.record(
            NewTask(
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
        )

    async def _check_row(self, held: InHand) -> None:
        task = held.task
        if task.status.is_terminal:
            if task.notified_at is None:
                await self._ending.tell(task, held.traceparent)
            raise Settled(Delete(), "ended already")
        if task.status is Status.RUNNING and (task.lease_until or 0) > self._tasks.now():
            raise self.not_free(task, task.submission)
        if task.cancel_requested:
            error = TaskError.of(TaskCode.CANCELLED, "cancelled by the user")
            raise await self.end(held, error, status=Status.CANCELLED)
        if task.attempts >= self._max_attempts:
            message = f"the runtime was lost {task.attempts} times while the task ran"
            raise await self.end(held, TaskError.of(TaskCode.ATTEMPTS_EXHAUSTED, message))
        if task.deadline is not None and task.deadline < self._tasks.now() and task.attempts == 0:
            error = TaskError.of(TaskCode.EXPIRED, "it did not start within expires_in")
            raise await self.end(held, error)

    async def _check_task(self, held: InHand, *, bare: bool) -> None:
        metadata = held.message.metadata
        if metadata.runtime != self._spec.name:
            message = f"the message came to the queue of {self._spec.name} but names {metadata.runtime}"
            raise await self.end(held, TaskError.of(TaskCode.UNKNOWN_RUNTIME, message))
        if metadata.tasktype not in self._task_types:
            message = f"{self._spec.name} does not serve {metadata.tasktype}"
            raise await self.end(held, TaskError.of(TaskCode.UNSUPPORTED_TASKTYPE, message))
        if bare:
            faults = check_content(self._spec, metadata.tasktype, held.message.content or {})
            if faults:
                code = _CODES.get(faults[0].code, TaskCode.RUNTIME_REFUSED)
                message = "; ".join(fault.message for fault in faults)
                raise await self.end(held, TaskError.of(code, shorten(message)))
