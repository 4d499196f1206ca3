"""What an agent needs of AWS, made in an emulator without the stack, and filled with tasks ahead."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any

import ministack_testing
from task_schema import Message, Metadata, Status
from task_store import DynamoTaskStore, NewTask, Task, table_definition

RUNTIME = "benchmark"
PREFIX = "bench"
SQS_BATCH = 10
S3_BATCH = 1000
SETTLE_SECONDS = 60.0
POLL_SECONDS = 0.2


class UnsettledError(Exception):
    """Not every task ended as it must; what was measured means nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one task asks for."""

    id: str
    tasktype: str
    content: dict[str, Any]


class Cloud:
    """A queue, a table, a topic and two buckets of their own in an emulator."""

    def __init__(self, url: str) -> None:
        self._sqs, self._dynamo, self._sns, self._s3 = (
            ministack_testing.client(service, url) for service in ("sqs", "dynamodb", "sns", "s3")
        )
        name = f"bench-{uuid.uuid4().hex[:8]}"
        self.table, self.outputs, self.payloads = name, f"{name}-outputs", f"{name}-payloads"
        self.queue_url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.topic: str = self._sns.create_topic(Name=name)["TopicArn"]
        self._dynamo.create_table(**table_definition(name))
        for bucket in (self.outputs, self.payloads):
            self._s3.create_bucket(Bucket=bucket)
        self._store = DynamoTaskStore(self._dynamo, name)

    def settings(self) -> dict[str, str]:
        """Return the agent's settings that name these."""
        return {
            "RUNTIME_NAME": RUNTIME,
            "QUEUE_URL": self.queue_url,
            "TASKS_TABLE": self.table,
            "NOTIFICATIONS_TOPIC_ARN": self.topic,
            "OUTPUT_BUCKET": self.outputs,
            "PAYLOAD_BUCKET": self.payloads,
        }

    def fill(self, orders: Sequence[Order]) -> None:
        """Record tasks as the API does, and put their messages into the queue."""
        messages = [self._record(order) for order in orders]
        for batch in batched(messages, SQS_BATCH):
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
            answer = self._sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            assert not answer.get("Failed"), answer

    def settle(self, ids: Sequence[str], *, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until the queue is empty; check that each task succeeded at its first attempt and was told.

        Raises:
            UnsettledError: one did not.
        """
        deadline = time.monotonic() + seconds
        while self._waiting() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        faults = [fault for task_id in ids for fault in _faults(task_id, self._store.get(task_id))]
        if waiting := self._waiting():
            faults.append(f"{waiting} messages are still in the queue or in hand")
        if faults:
            raise UnsettledError("; ".join(faults[:5]))

    def empty(self) -> None:
        """Delete what the tasks left: the emulator keeps it all in memory."""
        for keys in batched(self._stored(), S3_BATCH):
            objects = [{"Key": key} for key in keys]
            self._s3.delete_objects(Bucket=self.outputs, Delete={"Objects": objects, "Quiet": True})

    def _record(self, order: Order) -> str:
        now = datetime.now(UTC)
        metadata = Metadata(id=order.id, runtime=RUNTIME, tasktype=order.tasktype, prefix=PREFIX)
        message = Message(
            submission=str(uuid.uuid4()),
            metadata=metadata,
            content=order.content,
            submitted_at=now,
            api_version="v1alpha2",
        )
        stamp = int(now.timestamp() * 1000)
        new = NewTask(
            id=order.id,
            submission=message.submission,
            runtime=RUNTIME,
            tasktype=order.tasktype,
            prefix=PREFIX,
            api_version=message.api_version,
            body_hash=message.submission,
            published_at=stamp,
        )
        self._store.record(new, now=stamp)
        return message.to_json()

    def _waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)
        counts: Mapping[str, str] = answer["Attributes"]
        return sum(int(counts[name]) for name in names)

    def _stored(self) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs)
        for page in pages:
            yield from (each["Key"] for each in page.get("Contents", ()))


def _faults(task_id: str, task: Task | None) -> Iterator[str]:
    if task is None:
        yield f"{task_id} is gone"
        return
    if task.status is not Status.SUCCEEDED:
        yield f"{task_id} is {task.status}: {task.error}"
    if task.notified_at is None:
        yield f"{task_id} was not told"
    if task.attempts != 1:
        yield f"{task_id} took {task.attempts} attempts"
