"""Ending a task: the outcome is committed, then told, and only then may its message go (DESIGN 4.2, 4.3)."""

import asyncio
import json
import uuid
from typing import Any

from task_schema import Notification, Status, TaskError
from task_store import Outcome, Task, fits

from queue_agent.aws import AwsCalls, persistently
from queue_agent.inhand import InHand
from queue_agent.ports import Announcement, Announcer, Outputs, Payloads, Result, Stored
from queue_agent.tasks import Claim, Tasks

_MAX_KEPT_BYTES = 4 * 1024 * 1024


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
    ) -> None:
        self._tasks = tasks
        self._outputs = outputs
        self._announcer = announcer
        self._payloads = payloads
        self._calls = calls

    async def succeed(self, held: InHand, claim: Claim, stored: Stored) -> Task:
        """Commit a success; the outputs are stored.

        Raises:
            LostError: another attempt took the task; what was stored is deleted.
            ServiceError: not committed, the claim still stands.
        """
        notification = Notification.succeeded(
            task_id=held.message.metadata.id,
            submission=held.message.submission,
            runtime=held.message.metadata.runtime,
            context=held.message.metadata.context,
            images=list(stored.images),
            output_url=stored.output_url,
        )
        return await self._commit(claim, held.task, notification, stored.output_url)

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
            ServiceError: not committed, the claim still stands.
        """
        metadata = held.message.metadata
        document = {"error": error.model_dump(mode="json")}
        if answer is not None:
            document["answer"] = answer
        stored = await persistently(
            lambda: self._outputs.store(metadata.prefix, metadata.id, Result(answer=document))
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
        try:
            return await self._commit(claim, held.task, notification, stored.output_url)
        except Exception:
            await self._outputs.discard(stored)
            raise

    async def tell(self, task: Task, traceparent: str | None) -> None:
        """Tell the outcome of a task that has ended, in the words and with the event id of its commit.

        Raises:
            ServiceError: nobody knows whether it was told; telling it again is harmless.
        """
        text = task.notification
        if text is None:
            kept = await self._calls(
                self._payloads.get,
                task.notification_ref or "",
                submission=task.submission,
                limit=_MAX_KEPT_BYTES,
            )
            text = _text(kept)
        await self._announcer.announce(
            Announcement(
                text=text,
                id=task.id,
                submission=task.submission,
                event_id=task.event_id or "",
                runtime=task.runtime,
                tasktype=task.tasktype,
                result=task.status is Status.SUCCEEDED,
                callback=task.callback_url is not None,
                traceparent=traceparent,
            )
        )
        await self._tasks.mark_notified(task)

    async def tell_conflict(self, held: InHand, error: TaskError) -> None:
        """Tell that a message was refused whose id belongs to another task; that task is left alone."""
        metadata, submission = held.message.metadata, held.message.submission
        notification = Notification.ended_without_result(
            task_id=metadata.id,
            submission=submission,
            runtime=metadata.runtime,
            context=metadata.context,
            error=error,
        )
        await self._announcer.announce(
            Announcement(
                text=_text(notification.model_dump(mode="json")),
                id=metadata.id,
                submission=submission,
                # The same for each delivery of the same message.
                event_id=str(uuid.uuid5(uuid.UUID(submission), "conflict")),
                runtime=metadata.runtime,
                tasktype=metadata.tasktype,
                result=False,
                callback=metadata.callback_url is not None,
                traceparent=held.traceparent,
            )
        )

    async def _commit(
        self, claim: Claim, task: Task, notification: Notification, output_url: str | None
    ) -> Task:
        document = notification.model_dump(mode="json")
        event_id = str(uuid.uuid4())
        outcome = Outcome(
            status=notification.status,
            event_id=event_id,
            notification=_text(document),
            error=notification.error,
            output_url=output_url,
        )
        if not fits(task, outcome):
            # A name of its own: an attempt that loses the commit must not have written over the winner's.
            name = f"notification-{event_id}"
            ref = await self._calls(self._payloads.put, task.submission, name, document)
            outcome = outcome.by_reference(ref)
        # A commit under way is not abandoned: whether it happened decides what the user is told.
        return await asyncio.shield(persistently(lambda: self._tasks.commit(claim, outcome)))


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))
