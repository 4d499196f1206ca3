import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from queue_agent.aws import RETRY_DELAYS, AwsCalls, Persistence
from queue_agent.breaker import Breaker
from queue_agent.ending import Ending
from queue_agent.fates import Fates
from queue_agent.health import Health
from queue_agent.intake import Intake
from queue_agent.limits import Limits
from queue_agent.metrics import Metrics
from queue_agent.ports import Delivery, Job
from queue_agent.restart import Restarts
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
from queue_agent.warmup import WarmUp
from queue_agent.worker import Worker
from queue_agent.world import World
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

    def __init__(
        self,
        *scripts: Script,
        store: MemoryTaskStore | None = None,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        breaker_pause: float = 0.05,
        **limits: Any,
    ) -> None:
        self._breaker_pause = breaker_pause
        self.store = store or MemoryTaskStore()
        self.runtime = FakeRuntime(*(scripts or (picture(),)))
        self.queue = MemoryQueue()
        self.outputs = MemoryOutputs()
        self.announcer = MemoryAnnouncer()
        self.payloads = MemoryPayloads()
        self.fetcher = MemoryFetcher()
        self.unreadable = KeptUnreadable()
        self.calls = AwsCalls()
        self.fates = Fates(self.payloads, self.calls)
        self.limits = Limits(
            **{
                "beat": 0.05,
                "visibility": 60,
                "receive_wait": 1,
                "receive_leftover": 0.02,
                "shutdown_grace": 0.05,
                "guess": 0,
                **limits,
            }
        )
        self.tasks = Tasks(self.store, self.calls, lease_seconds=self.limits.visibility)
        self.metrics = Metrics("sdruntime")
        self.persistently = Persistence(retry_delays, retried=self.metrics.aws_retry)
        self.health = Health()
        self.restarts = Restarts(None, "http://127.0.0.1:9")
        self.warm_up: WarmUp | None = None
        self.trace_prompts = False
        self.spec = RuntimeSpec(name="sdruntime", type="sdwebui", model_filename="a.safetensors")

    def ending(self) -> Ending:
        return Ending(
            tasks=self.tasks,
            outputs=self.outputs,
            announcer=self.announcer,
            payloads=self.payloads,
            calls=self.calls,
            persistently=self.persistently,
            ended=self.metrics.ended,
        )

    def worker(self) -> Worker:
        ending = self.ending()
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
        world = World(
            queue=self.queue,
            runtime=self.runtime,
            tasks=self.tasks,
            intake=intake,
            outputs=self.outputs,
            ending=ending,
            fetcher=self.fetcher,
            limits=self.limits,
            metrics=self.metrics,
            persistently=self.persistently,
            stubbornly=self.persistently,
            trace_prompts=self.trace_prompts,
        )
        return Worker(
            world,
            health=self.health,
            restarts=self.restarts,
            warm_up=self.warm_up,
            breaker=Breaker(first_pause=self._breaker_pause),
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

    @property
    def receives(self) -> int:
        """How often any of the messages in the queue was received."""
        return sum(message.receives for message in self.queue._messages.values())

    @staticmethod
    def learn(worker: Worker, seconds: float = 0.0) -> None:
        """Let a worker believe that tasks take so long."""
        job = Job("x", "x", "x", "text-to-image", {"prompt": "a dog"})
        for _ in range(20):
            worker._pace.ran(job, seconds)

    def one_outcome(self) -> dict[str, Any]:
        """Return the one outcome that was told, once or more often."""
        [text] = {announced.text for announced in self.announcer.announced}
        [_] = {announced.event_id for announced in self.announcer.announced}
        outcome: dict[str, Any] = json.loads(text)
        return outcome

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
            if not worker.stopping:
                worker.stop()
            await asyncio.wait_for(run, 10)

    async def work_until(self, condition: Callable[[], bool], *, seconds: float = 10) -> None:
        """Run a worker until a condition holds."""
        async with self.working(), asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    async def running(self, task_id: str = "t1") -> Task:
        """Wait until the runtime has got a task; it is claimed by then."""
        async with asyncio.timeout(5):
            while not any(job.id == task_id for job in self.runtime.jobs):
                await asyncio.sleep(0.001)
        return self.row(task_id)

    async def claimed(self, task_id: str = "t1") -> Task:
        """Wait until a task is claimed, which another may run before."""
        async with asyncio.timeout(5):
            while (task := self.row(task_id)).status is not Status.RUNNING:
                await asyncio.sleep(0.001)
        return task

    async def work_off(self) -> None:
        """Run a worker until the queue is empty."""
        await self.work_until(lambda: len(self.queue) == 0)


@pytest.fixture
def make_agent() -> Callable[..., Agent]:
    return Agent
