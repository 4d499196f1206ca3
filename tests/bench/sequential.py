"""The baseline: a plain loop over the agent's own adapters, each call after the one before it.

It does what a task needs and no more: no heartbeat, no check of a message that a well-behaved API would not
send, no retry of its own. Connections are kept, as in the agent. What it takes longer than the agent is what
overlapping wins. Settings come from the environment, as the agent's do; SIGTERM ends it after the task in
hand.
"""

import asyncio
import json
import logging
import os
import signal
import uuid
from typing import Any

import boto3
from botocore.config import Config

from queue_agent.announcer import SnsAnnouncer
from queue_agent.aws import AwsCalls
from queue_agent.outputs import S3Outputs
from queue_agent.ports import Announcer, Delivery, Job, Outputs, Queue, Runtime, Stored
from queue_agent.runtimes import make_runtime
from queue_agent.settings import Settings
from queue_agent.sqs import SqsQueue
from queue_agent.tasks import Claim, Tasks
from task_schema import Announcement, Message, Notification, Status, read_message, split_routing
from task_store import DynamoTaskStore, Outcome, Task


class Sequential:
    """One task at a time, one step at a time."""

    def __init__(
        self, *, queue: Queue, tasks: Tasks, runtime: Runtime, outputs: Outputs, announcer: Announcer
    ) -> None:
        self._queue = queue
        self._tasks = tasks
        self._runtime = runtime
        self._outputs = outputs
        self._announcer = announcer

    async def work(self, delivery: Delivery) -> None:
        """Take one message to its end."""
        message = read_message(delivery.body, message_id=delivery.message_id).message
        task = await self._tasks.get(message.metadata.id)
        assert task is not None, "the benchmark records what it sends"
        job = await self._runtime.prepare(_job(message), {})
        claim, _ = await self._tasks.claim(
            job.id, job.submission, token=job.attempt, now=self._tasks.now(), max_attempts=3
        )
        result = await self._runtime.run(job, lambda _: None)
        stored = await self._outputs.store(task.prefix, task.id, result)
        ended = await self._tasks.commit(claim, _outcome(message, claim, stored))
        await self._announcer.announce(_announcement(ended))
        await self._tasks.mark_notified(ended)
        await self._queue.delete(delivery)


def _job(message: Message) -> Job:
    assert message.content is not None, "the benchmark's contents are small"
    content, routing = split_routing(message.content)
    return Job(
        id=message.metadata.id,
        submission=message.submission,
        attempt=uuid.uuid4().hex,
        tasktype=message.metadata.tasktype,
        content=content,
        model=routing.model,
    )


def _outcome(message: Message, claim: Claim, stored: Stored) -> Outcome:
    notification = Notification.succeeded(
        task_id=claim.id,
        submission=claim.submission,
        runtime=message.metadata.runtime,
        context=message.metadata.context,
        images=list(stored.images),
        output_url=stored.output_url,
    )
    return Outcome(
        status=Status.SUCCEEDED,
        event_id=str(uuid.uuid4()),
        notification=json.dumps(notification.model_dump(mode="json"), separators=(",", ":")),
        output_url=stored.output_url,
    )


def _announcement(task: Task) -> Announcement:
    return Announcement(
        text=task.notification or "",
        id=task.id,
        submission=task.submission,
        event_id=task.event_id or "",
        runtime=task.runtime,
        tasktype=task.tasktype,
        result=True,
        callback=False,
    )


async def run(settings: Settings) -> None:
    """Work until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    session = boto3.session.Session()
    short, path = {"connect_timeout": 3, "read_timeout": 30}, {"addressing_style": "path"}

    def client(name: str, **more: Any) -> Any:
        return session.client(name, config=Config(**short, **more))

    calls = AwsCalls()
    store = DynamoTaskStore(client("dynamodb"), settings.tasks_table)
    queue = SqsQueue(client("sqs"), settings.queue_url, calls, visibility=settings.visibility_seconds)
    s3 = client("s3", signature_version="s3v4", s3=path)
    runtime = make_runtime(settings)
    loop = Sequential(
        queue=queue,
        tasks=Tasks(store, calls, lease_seconds=settings.visibility_seconds),
        runtime=runtime,
        outputs=S3Outputs(s3, settings.output_bucket, calls),
        announcer=SnsAnnouncer(client("sns"), settings.notifications_topic_arn, calls),
    )
    while not await runtime.ready():
        await asyncio.sleep(0.2)
    while not stopping.is_set():
        delivery = await queue.receive(wait_seconds=1)
        if delivery is not None:
            await loop.work(delivery)
    await runtime.aclose()
    calls.close()


def main() -> None:
    """Run with the environment's settings."""
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run(Settings.from_env(os.environ)))


if __name__ == "__main__":
    main()
