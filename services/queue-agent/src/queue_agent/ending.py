"""Ending a task: the outcome is committed, then told, and only then may its message go (DESIGN 4.2, 4.3)."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from queue_agent.aws import AwsCalls, Persistence
from queue_agent.errors import ServiceError
from queue_agent.inhand import RECORD, InHand
from queue_agent.ports import Announcer, Outputs, Payloads, Result, Stored
from queue_agent.tasks import Claim, Tasks
from task_schema import Announcement, Message, Notification, Status, TaskError
from task_store import MAX_KEPT_BYTES, LostError, Outcome, Task, announcement_of, fits

log = logging.getLogger(__name__)


class Ending:
    """Commits outcomes and tells them."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        outputs: Outputs,
        announcer: Announcer,
        payloads: Payloads,
        calls: AwsCalls,
        persistently: Persistence,
        ended: Callable[[Task], None] | None = None,
    ) -> None:
        self._tasks = tasks
        self._outputs = outputs
        self._announcer = announcer
        self._payloads = payloads
        self._calls = calls
        self._persistently = persistently
        self._ended = ended
        self._committing: set[asyncio.Task[Task]] = set()

    async def succeed(self, held: InHand, claim: Claim, stored: Stored) -> Task:
        """Commit a success; the outputs are stored.

        Raises:
            LostError: another attempt took the task; what was stored is deleted.
            ServiceError: not committed as far as anybody knows.
        """
        notification = Notification.succeeded(
            task_id=held.message.metadata.id,
            submission=held.message.submission,
            runtime=held.message.metadata.runtime,
            context=held.message.metadata.context,
            images=list(stored.images),
            output_url=stored.output_url,
        )
        return await self.commit(claim, held.task, notification, stored)

    async def fail(
        self,
        held: InHand,
        claim: Claim,
        error: TaskError,
        *,
        status: Status = Status.FAILED,
        answer: Any = None,
    ) -> Task:
        """Commit a failure or a cancellation; what the runtime said goes into the `.out` with the error.

        Raises:
            LostError: another attempt took the task.
            ServiceError: not committed as far as anybody knows.
        """
        metadata = held.message.metadata
        document: dict[str, Any] = {"error": error.model_dump(mode="json")}
        if answer is not None:
            document["answer"] = answer
        document[RECORD] = held.told()
        stored = await self._persistently(
            lambda: self._outputs.store(metadata.prefix, metadata.id, Result(answer=document)),
        )
        notification = Notification.ended_without_result(
            task_id=metadata.id,
            submission=held.message.submission,
            runtime=metadata.runtime,
            context=metadata.context,
            error=error,
            status=status,
            output_url=stored.output_url,
        )
        return await self.commit(claim, held.task, notification, stored)

    async def tell(self, task: Task, traceparent: str | None) -> None:
        """Tell the outcome of a task that has ended, in the words and with the event id of its commit.

        Raises:
            ServiceError: nobody knows whether it was told; telling it again is harmless.
        """
        kept = None
        if task.notification is None:
            kept = await self._calls(
                self._payloads.get,
                task.notification_ref or "",
                submission=task.submission,
                limit=MAX_KEPT_BYTES,
            )
        await self._announcer.announce(announcement_of(task, kept=kept, traceparent=traceparent))
        await self._tasks.mark_notified(task)

    async def tell_conflict(self, message: Message, traceparent: str | None) -> None:
        """Tell that a message was refused whose id belongs to another task; that task is left alone.

        Raises:
            ServiceError: nobody knows whether it was told; telling it again is harmless.
        """
        announcement = Announcement.of_conflict(message.metadata, message.submission, traceparent)
        await self._announcer.announce(announcement)

    async def commit(
        self, claim: Claim, task: Task, notification: Notification, stored: Stored | None = None
    ) -> Task:
        """Commit an outcome; what was stored for it is deleted where it is certain not to be committed.

        Raises:
            LostError: another attempt took the task.
            ServiceError: not committed as far as anybody knows.
        """
        # A commit under way is not abandoned: whether it happened decides what the user is told.
        committing = asyncio.create_task(self._commit(claim, task, notification, stored), name="commit")
        self._committing.add(committing)
        committing.add_done_callback(self._committed)
        return await asyncio.shield(committing)

    async def committed(self, seconds: float) -> None:
        """Wait for commits whose tasks were given up meanwhile, so long at most."""
        if self._committing:
            await asyncio.wait(self._committing, timeout=seconds)

    def _committed(self, committing: asyncio.Task[Task]) -> None:
        self._committing.discard(committing)
        if committing.cancelled() or committing.exception() is not None:
            return
        task = committing.result()
        log.info(
            "task ended",
            extra={
                "action": "task_ended",
                "task": task.id,
                "submission": task.submission,
                "status": task.status.value,
                "code": task.error.code.value if task.error else None,
            },
        )
        if self._ended is not None:
            self._ended(task)

    async def _commit(
        self, claim: Claim, task: Task, notification: Notification, stored: Stored | None
    ) -> Task:
        event_id = str(uuid.uuid4())
        asked = 0

        async def ask() -> Task:
            nonlocal asked
            asked += 1
            return await self._tasks.commit(claim, outcome)

        try:
            outcome = await self._outcome(task, notification, event_id)
            return await self._persistently(ask)
        except LostError as exc:
            lost = exc
        except ServiceError:
            if (lost_or_none := await self._let_go(claim)) is None:
                await self._discard(stored)
                raise
            lost = lost_or_none
        row = lost.task
        if row is not None and row.event_id == event_id:
            return row
        # A row of a later task does not tell whether a commit that got no answer came before it.
        if asked <= 1 or (row is not None and row.submission == claim.submission):
            await self._discard(stored)
        raise lost

    async def _discard(self, stored: Stored | None) -> None:
        if stored is not None:
            await self._outputs.discard(stored)

    async def _let_go(self, claim: Claim) -> LostError | None:
        """Give up a claim whose commit got no answer: after that, either it has happened or it never will.

        Raises:
            ServiceError: there is no answer to this either, so that nothing may be deleted.
        """
        try:
            await self._tasks.give_back(claim, lost=True)
        except LostError as exc:
            return exc
        return None

    async def _outcome(self, task: Task, notification: Notification, event_id: str) -> Outcome:
        outcome = Outcome.of(notification, event_id=event_id)
        if fits(task, outcome):
            return outcome
        document = notification.model_dump(mode="json")
        ref = await self._persistently(
            lambda: self._calls(self._payloads.put, task.submission, outcome.payload_name, document)
        )
        return outcome.by_reference(ref)
