import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from queue_agent.aws import AwsCalls
from queue_agent.ending import Ending
from queue_agent.fates import Fates
from queue_agent.intake import Intake
from queue_agent.ports import Delivery
from queue_agent.tasks import Tasks, now_ms
from queue_agent.testing import (
    FakeRuntime,
    MemoryAnnouncer,
    MemoryFetcher,
    MemoryOutputs,
    MemoryPayloads,
    MemoryQueue,
    Script,
    picture,
)
from queue_agent.worker import Limits, Worker
from task_schema import Message, Metadata, RuntimeSpec, Status, UnreadableMessageError
from task_store import NewTask, Outcome, Task
from task_store.testing import MemoryTaskStore


@dataclass
class KeptUnreadable:
    kept: list[tuple[Delivery, UnreadableMessageError]] = field(default_factory=list)

    async def keep(self, delivery: Delivery, error: UnreadableMessageError) -> None:
        self.kept.append((delivery, error))


class Agent:
    """A worker with a memory of everything around it."""

    def __init__(self, *scripts: Script, store: MemoryTaskStore | None = None, **limits: Any) -> None:
        self.store = store or MemoryTaskStore()
        self.runtime = FakeRuntime(*(scripts or (picture(),)))
        self.queue = MemoryQueue()
        self.outputs = MemoryOutputs()
        self.announcer = MemoryAnnouncer()
        self.payloads = MemoryPayloads()
        self.fetcher = MemoryFetcher()
        self.unreadable = KeptUnreadable()
        self.calls = AwsCalls()
        self.fates = Fates(self.payloads, "payloads", self.calls)
        self.limits = Limits(
            **{
                "beat": 0.05,
                "visibility": 60,
                "receive_wait": 1,
                "receive_leftover": 0.02,
                "shutdown_grace": 0.05,
                **limits,
            }
        )
        self.tasks = Tasks(self.store, self.calls, lease_seconds=self.limits.visibility)
        self.spec = RuntimeSpec(name="sdruntime", type="sdwebui", model_filename="a.safetensors")

    def worker(self) -> Worker:
        ending = Ending(
            tasks=self.tasks,
            outputs=self.outputs,
            announcer=self.announcer,
            payloads=self.payloads,
            calls=self.calls,
            retry_delays=self.limits.retry_delays,
        )
        intake = Intake(
            spec=self.spec,
            task_types=self.runtime.task_types,
            tasks=self.tasks,
            payloads=self.payloads,
            ending=ending,
            unreadable=self.unreadable,
            fates=self.fates,
            calls=self.calls,
            max_attempts=self.limits.max_attempts,
        )
        return Worker(
            queue=self.queue,
            runtime=self.runtime,
            tasks=self.tasks,
            intake=intake,
            outputs=self.outputs,
            ending=ending,
            fetcher=self.fetcher,
            limits=self.limits,
        )

    def post(self, task_id: str = "t1", *, content: dict[str, Any] | None = None, **metadata: Any) -> Message:
        """Do what the validator does: record, publish, mark."""
        values = {
            "id": task_id,
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "output",
            **metadata,
        }
        message = Message(
            submission=str(uuid.uuid4()),
            metadata=Metadata(**values),
            content={"prompt": "a dog"} if content is None else content,
            submitted_at=datetime.now(UTC),
            api_version="v1alpha2",
        )
        self.store.record(
            NewTask(
                id=task_id,
                submission=message.submission,
                runtime="sdruntime",
                tasktype=message.metadata.tasktype,
                prefix="output",
                api_version="v1alpha2",
                body_hash=message.submission,
                context=message.metadata.context,
                deadline=now_ms() + message.metadata.expires_in * 1000
                if message.metadata.expires_in
                else None,
                published_at=now_ms(),
            ),
            now=now_ms(),
        )
        self.queue.send(
            message.to_json(), runtime="sdruntime", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        )
        return message

    def post_bare(self, task_id: str = "t1", **metadata: Any) -> str:
        values = {
            "id": task_id,
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "prefix": "output",
            **metadata,
        }
        body = json.dumps({"metadata": values, "content": {"prompt": "a dog"}})
        return self.queue.send(body, runtime="sdruntime")

    def row(self, task_id: str = "t1") -> Task:
        task = self.store.get(task_id)
        assert task is not None
        return task

    def finish(self, message: Message) -> None:
        """Let a task end elsewhere, told."""
        now = now_ms()
        self.store.claim(
            message.metadata.id, message.submission, token="other", lease_until=now + 60_000, now=now
        )
        outcome = Outcome(
            status=Status.SUCCEEDED, event_id="event", notification="{}", output_url="s3://o/x.out"
        )
        self.store.commit(message.metadata.id, message.submission, "other", outcome, now=now)
        self.store.mark_notified(message.metadata.id, message.submission, now=now)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[Worker]:
        worker = self.worker()
        run = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await asyncio.wait_for(run, 10)

    async def work_until(self, condition: Callable[[], bool], *, seconds: float = 10) -> None:
        """Run a worker until a condition holds."""
        async with self.working(), asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    async def work_off(self) -> None:
        """Run a worker until the queue is empty."""
        await self.work_until(lambda: len(self.queue) == 0)


@pytest.fixture
def make_agent() -> Callable[..., Agent]:
    return Agent
