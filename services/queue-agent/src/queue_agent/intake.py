"""From a message to a task that may run: reading it, and what its row says (DESIGN 4.2, 5)."""

from dataclasses import replace
from typing import Protocol

from queue_agent import spans
from queue_agent.aws import AwsCalls
from queue_agent.ending import Ending
from queue_agent.errors import TaskFailedError
from queue_agent.fates import Fates
from queue_agent.inhand import Delete, GiveBack, InHand, Settled, not_free
from queue_agent.ports import Delivery, Job, Payloads
from queue_agent.tasks import Tasks
from s3io.errors import ClaimCheckError
from task_schema import (
    MAX_BODY_BYTES,
    Message,
    Received,
    RequestCode,
    RuntimeSpec,
    Status,
    TaskCode,
    TaskError,
    UnreadableMessageError,
    check_content,
    read_message,
    shorten,
    split_routing,
)
from task_store import (
    ConflictError,
    Fate,
    Meeting,
    NewTask,
    NotClaimableError,
    RowTooLargeError,
    Task,
    context_fits,
)
from telemetry.logs import task_id

# The row changed under our hands: look at it again soon.
_TAKEN_SECONDS = 1
# For so long after its end a task is left to be told by whoever ended it, in ms: who met it meanwhile would
# tell it once more. The clocks may differ by that much.
_TELLING_MS, _CLOCKS_DIFFER_MS = 5000, 1000
# A body that the API took can grow when it is written again: 1e15 has four characters, its digits sixteen.
_MAX_CONTENT_BYTES = 4 * MAX_BODY_BYTES

_CODES = {
    RequestCode.BAD_GRAPH: TaskCode.BAD_GRAPH,
    RequestCode.MODEL_NOT_SERVED: TaskCode.UNKNOWN_MODEL,
}


class KeepsUnreadable(Protocol):
    """Where messages go that cannot be read."""

    async def keep(self, delivery: Delivery, error: UnreadableMessageError) -> None:
        """Keep a message, then end its task and tell it, if it has one.

        Raises:
            Settled: its task is in other hands; says when to come back.
        """
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
        fates: Fates,
        calls: AwsCalls,
        max_attempts: int,
    ) -> None:
        self._spec = spec
        self._task_types = task_types
        self._tasks = tasks
        self._payloads = payloads
        self._ending = ending
        self._unreadable = unreadable
        self._fates = fates
        self._calls = calls
        self._max_attempts = max_attempts

    async def accept(self, delivery: Delivery) -> InHand:
        """Read a message and find its task free to run.

        Raises:
            Settled: there is nothing to run; says what becomes of the message.
            ServiceError: an AWS call failed; doing it all again is harmless.
            LostError: likewise; another attempt took the task.
        """
        try:
            received = self._read(delivery)
            self._note(received.message)
            task = await self._row(delivery, received.message, bare=received.bare)
        except UnreadableMessageError as exc:
            await self._unreadable.keep(delivery, exc)
            raise Settled(Delete(), f"unreadable: {shorten(exc.reason)}", unreadable=True) from exc
        held = InHand(delivery, received.message, task)
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
                    limit=_MAX_CONTENT_BYTES,
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
        if (trace_id := spans.trace_id()) is not None:
            held = replace(held, record={"trace_id": trace_id})
        try:
            claim = await self._tasks.seize(held.message.metadata.id, held.message.submission)
        except NotClaimableError as exc:
            return not_free(exc.task, held.message.submission, now=self._tasks.now())
        ended = await self._ending.fail(held, claim, error, status=status, answer=answer)
        spans.note_end(ended)
        await self._ending.tell(ended, held.traceparent)
        return Settled(Delete(), f"{status}: {error.code}")

    async def check_deadline(self, held: InHand) -> None:
        """End a task that had to start by now.

        Raises:
            Settled: it has ended.
        """
        if self.is_late(held):
            raise await self.end(held, TaskError.not_started())

    def is_late(self, held: InHand) -> bool:
        """Whether a task had to start by now and never did."""
        return held.task.is_late(self._tasks.now())

    @staticmethod
    def _note(message: Message) -> None:
        """Let traces and logs name the task, whatever becomes of it."""
        spans.note_task(message)
        task_id.set(message.metadata.id)

    def _read(self, delivery: Delivery) -> Received:
        return read_message(
            delivery.body,
            message_id=delivery.message_id,
            runtime=self._spec.name,
            received_at=delivery.sent_at,
        )

    async def _row(self, delivery: Delivery, message: Message, *, bare: bool) -> Task:
        task = await self._tasks.get(message.metadata.id)
        if task is None or task.submission != message.submission:
            if task is not None and not bare:
                raise Settled(Delete(), "stale: its id was used again since")
            task = await self._bare_row(InHand(delivery, message, task) if task else None, message)
        if bare:
            await self._fates.remember(message.submission, Fate.RECORDED)
        return task

    async def _bare_row(self, met: InHand | None, message: Message) -> Task:
        """Record a task that nobody recorded, unless its id is taken; `met` has the row that is there."""
        if met is not None:
            meeting = Meeting.of(met.task, await self._fates.recall(message.submission))
            if meeting is Meeting.STALE:
                raise Settled(Delete(), "stale: its id was used again since")
            if meeting is Meeting.CONFLICT:
                raise await self._conflict(met)
            if not met.task.is_finished:
                await self._ending.tell(met.task, None)
        try:
            return await self._record(message)
        except ConflictError as exc:
            raise Settled(GiveBack(_TAKEN_SECONDS), f"its id was taken meanwhile: {exc}") from exc
        except RowTooLargeError as exc:
            raise UnreadableMessageError(
                f"metadata: {exc}", task_id=message.metadata.id, submission=message.submission
            ) from exc

    async def _conflict(self, met: InHand) -> Settled:
        await self._fates.remember(met.message.submission, Fate.CONFLICT)
        await self._ending.tell_conflict(met.message, met.traceparent)
        return Settled(Delete(), "conflict")

    async def _record(self, message: Message) -> Task:
        """Record a task that came straight from the topic."""
        new = NewTask.of_bare(message)
        if not context_fits(new.context):
            ref = await self._calls(self._payloads.put, new.submission, "context", new.context)
            new = new.with_context_at(ref)
        return await self._tasks.record(new)

    async def _check_row(self, held: InHand) -> None:
        task = held.task
        if task.status.is_terminal:
            if task.notified_at is None:
                age = self._tasks.now() - (task.finished_at or 0)
                if -_CLOCKS_DIFFER_MS <= age < _TELLING_MS:
                    raise Settled(GiveBack(_TELLING_MS // 1000), "ended just now, and is being told")
                await self._ending.tell(task, held.traceparent)
            raise Settled(Delete(), "ended already")
        if task.status is Status.RUNNING and (task.lease_until or 0) > self._tasks.now():
            raise not_free(task, task.submission, now=self._tasks.now())
        if task.cancel_requested:
            raise await self.end(held, TaskError.cancelled(), status=Status.CANCELLED)
        if task.attempts >= self._max_attempts:
            message = f"the runtime was lost {task.attempts} times while the task ran"
            raise await self.end(held, TaskError.of(TaskCode.ATTEMPTS_EXHAUSTED, message))
        await self.check_deadline(held)

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
