"""Messages that cannot be read: kept for a human, their task failed where it can be made out (DESIGN 5)."""

import json
import logging
from typing import Any

from queue_agent import spans
from queue_agent.aws import AwsCalls
from queue_agent.ending import Ending
from queue_agent.fates import Fates
from queue_agent.inhand import not_free
from queue_agent.ports import Delivery
from queue_agent.tasks import Tasks
from s3io.errors import KeyTakenError
from s3io.outputs import put_new
from task_schema import Notification, TaskError, UnreadableMessageError, shorten, unread_submission
from task_store import ConflictError, Fate, NewTask, NotClaimableError, Task
from telemetry import names

log = logging.getLogger(__name__)


class Unreadable:
    """Keeps unreadable messages under `unreadable/<runtime>/` of the payload bucket."""

    def __init__(
        self,
        *,
        client: Any,
        bucket: str,
        runtime: str,
        tasks: Tasks,
        ending: Ending,
        fates: Fates,
        calls: AwsCalls,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._runtime = runtime
        self._tasks = tasks
        self._ending = ending
        self._fates = fates
        self._calls = calls

    async def keep(self, delivery: Delivery, error: UnreadableMessageError) -> None:
        """Keep a message, then end its task and tell it, if it has one.

        Raises:
            Settled: its task is in other hands; says when to come back.
            ServiceError: not all of it was done; doing it again is harmless.
            LostError: likewise; another attempt took its task.
        """
        key = f"unreadable/{self._runtime}/{delivery.message_id}.json"
        text = json.dumps({"reason": error.reason, **delivery.as_json()}).encode("utf-8", "replace")
        try:
            await self._calls(put_new, self._client, self._bucket, key, text, "application/json")
        except KeyTakenError:
            log.info("kept before", extra={"action": "unreadable_again", "key": key})
        log.error(
            "message cannot be read",
            extra={
                "action": "unreadable_message",
                "key": key,
                "reason": shorten(error.reason),
                "task": error.task_id,
            },
        )
        if error.task_id is not None:
            spans.note({names.TASK_ID: error.task_id})
            await self._end_task(error.task_id, error, delivery)

    async def _end_task(self, task_id: str, error: UnreadableMessageError, delivery: Delivery) -> None:
        submission = unread_submission(error.submission, delivery.message_id)
        task = await self._tasks.get(task_id)
        if task is not None and task.submission != submission:
            # The row is another task's; it may be followed once, by a message that never had one.
            if not task.is_finished or await self._fates.recall(submission) is not None:
                return
            task = None
        if task is None:
            task = await self._record(task_id, submission)
        if task is None or task.submission != submission:
            return
        await self._fates.remember(submission, Fate.RECORDED)
        if not task.status.is_terminal:
            task = await self._end(task, error)
        if task.notified_at is None:
            await self._ending.tell(task, delivery.traceparent or spans.traceparent())

    async def _record(self, task_id: str, submission: str) -> Task | None:
        new = NewTask.of_unread(task_id, submission, runtime=self._runtime, now=self._tasks.now())
        try:
            return await self._tasks.record(new)
        except ConflictError:
            return None

    async def _end(self, task: Task, error: UnreadableMessageError) -> Task:
        notification = Notification.ended_without_result(
            task_id=task.id,
            submission=task.submission,
            runtime=task.runtime,
            context=task.context if task.context is not None else {},
            error=TaskError.unreadable(error.reason),
        )
        try:
            claim = await self._tasks.seize(task.id, task.submission)
        except NotClaimableError as exc:
            raise not_free(exc.task, task.submission, now=self._tasks.now()) from exc
        ended = await self._ending.commit(claim, task, notification)
        spans.note_end(ended)
        return ended
