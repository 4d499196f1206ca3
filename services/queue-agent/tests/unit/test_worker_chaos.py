"""Promises 1 and 2 of DESIGN 2 under random faults: two agents, and everything around them may fail."""

import asyncio
import contextlib
import json
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, ServiceError, TaskFailedError
from queue_agent.ports import Announcement, Delivery, Job, Output, Progress, Result, Stored
from queue_agent.tasks import now_ms
from queue_agent.testing import MemoryAnnouncer, MemoryOutputs, MemoryPayloads, MemoryQueue
from task_schema import Status, TaskCode, TaskError, read_message
from task_store import AlreadyEndedError, ConflictError, Outcome, TableUnavailableError
from task_store.testing import MemoryTaskStore

MakeAgent = Callable[..., Any]

FAULT_RATE = 0.08
STEPS = 40


class Chaos:
    """Says which call fails; `spared` ones never do."""

    def __init__(self, seed: int, *, spared: frozenset[str]) -> None:
        self.random = random.Random(seed)
        self.spared = spared
        self.on = True
        self.ahead = 0  # ms that the agents' clock has leapt

    def strikes(self, name: str) -> bool:
        return self.on and name not in self.spared and self.random.random() < FAULT_RATE

    def check(self, name: str) -> None:
        if self.strikes(name):
            raise ServiceError(name)

    def now(self) -> int:
        return now_ms() + self.ahead


class ChaoticStore(MemoryTaskStore):
    def __init__(self, chaos: Chaos) -> None:
        super().__init__()
        for name in ("get", "record", "claim", "seize", "renew", "give_back", "commit", "mark_notified"):
            setattr(self, name, _shaken(chaos, name, getattr(self, name)))


def _shaken(chaos: Chaos, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if chaos.strikes(name):
            raise TableUnavailableError(name)
        answer = method(*args, **kwargs)
        if chaos.strikes(name):
            raise TableUnavailableError(name)
        return answer

    return call


class ChaoticQueue(MemoryQueue):
    def __init__(self, chaos: Chaos) -> None:
        super().__init__()
        self._chaos = chaos

    async def receive(self, *, wait_seconds: int) -> Delivery | None:
        self._chaos.check("receive")
        return await super().receive(wait_seconds=wait_seconds)

    async def hide(self, delivery: Delivery, seconds: int) -> bool:
        self._chaos.check("hide")
        done = await super().hide(delivery, seconds)
        self._chaos.check("hide")
        return done

    async def delete(self, delivery: Delivery) -> bool:
        self._chaos.check("delete")
        done = await super().delete(delivery)
        self._chaos.check("delete")
        return done


class ChaoticOutputs(MemoryOutputs):
    def __init__(self, chaos: Chaos) -> None:
        super().__init__()
        self._chaos = chaos

    async def store(self, prefix: str, task_id: str, result: Result) -> Stored:
        self._chaos.check("store")
        return await super().store(prefix, task_id, result)


class ChaoticAnnouncer(MemoryAnnouncer):
    def __init__(self, chaos: Chaos) -> None:
        super().__init__()
        self._chaos = chaos

    async def announce(self, announcement: Announcement) -> None:
        self._chaos.check("announce")
        await super().announce(announcement)
        self._chaos.check("announce")


class ChaoticPayloads(MemoryPayloads):
    def __init__(self, chaos: Chaos) -> None:
        super().__init__()
        self._chaos = chaos

    def put(self, submission: str, name: str, value: Any) -> str:
        self._chaos.check("put")
        return super().put(submission, name, value)

    def get(self, ref: str, *, submission: str, limit: int) -> Any:
        self._chaos.check("payload")
        return super().get(ref, submission=submission, limit=limit)


class World:
    """Two agents on one queue, and whatever happens to them."""

    def __init__(self, make_agent: MakeAgent, seed: int) -> None:
        # Every second world leaves the agents the means to clean up: nothing may be left lying about.
        self.tidy = seed % 2 == 0
        self.chaos = Chaos(seed, spared=frozenset({"give_back"} if self.tidy else ()))
        self.agent = make_agent(
            self._run,
            store=ChaoticStore(self.chaos),
            beat=0.01,
            receive_wait=0,
            receive_leftover=0.01,
            shutdown_grace=0.01,
            retry_delays=(0.0, 0.0),
            trouble_pause=0.001,
            max_attempts=3,
        )
        self.agent.queue = ChaoticQueue(self.chaos)
        self.agent.outputs = ChaoticOutputs(self.chaos)
        self.agent.announcer = ChaoticAnnouncer(self.chaos)
        self.agent.payloads = ChaoticPayloads(self.chaos)
        self.agent.fates._payloads = self.agent.payloads
        self.agent.tasks.now = self.chaos.now
        self.submissions: set[str] = set()
        self.runs: list[tuple[Any, asyncio.Task[None]]] = []

    async def _run(self, job: Job, progress: Progress) -> Result:
        for n in range(self.chaos.random.randrange(4)):
            progress(n / 4)
            await asyncio.sleep(0.01)
        if self.chaos.on:
            match self.chaos.random.randrange(8):
                case 0:
                    raise RuntimeLostError("cut")
                case 1:
                    raise RuntimeRefusedStartError("away")
                case 2:
                    raise TaskFailedError(TaskCode.NO_OUTPUT, "nothing", answer={"a": 1})
                case 3:
                    raise ZeroDivisionError
        return Result(
            answer={"a": None}, outputs=[Output(f"{job.submission} {job.attempt}".encode(), ("a",))]
        )

    def start(self) -> None:
        worker = self.agent.worker()
        self.runs.append((worker, asyncio.create_task(worker.run())))

    async def stop(self) -> None:
        worker, run = self.runs.pop(0)
        worker.stop()
        await asyncio.wait_for(run, 10)

    def post(self) -> None:
        task_id = f"t{self.chaos.random.randrange(4)}"
        context = "c" * self.chaos.random.choice([1, 2000])
        before = self.chaos.on
        self.chaos.on = False  # the API's own troubles are not ours
        with contextlib.suppress(ConflictError):
            self.submissions.add(self.agent.post(task_id, context=context).submission)
        self.chaos.on = before

    def post_bare(self) -> None:
        message_id = self.agent.post_bare(f"b{len(self.submissions)}", context="c" * 1000)
        body = self.agent.queue._messages[message_id].body
        self.submissions.add(read_message(body, message_id=message_id).message.submission)

    def publish_again(self) -> None:
        messages = list(self.agent.queue._messages.values())
        if messages and json.loads((message := self.chaos.random.choice(messages)).body).get("schema"):
            self.agent.queue.send(message.body, **message.attributes)

    def cancel(self) -> None:
        task_id = f"t{self.chaos.random.randrange(4)}"
        error = TaskError.of(TaskCode.CANCELLED, "by the API")
        with contextlib.suppress(AlreadyEndedError, TableUnavailableError):
            task = self.agent.store.get(task_id)
            if task is not None:
                told = json.dumps({"submission": task.submission, "result": False, "image_url": []})
                outcome = Outcome(
                    status=Status.CANCELLED, event_id=f"api-{task.created_at}", notification=told, error=error
                )
                self.agent.store.cancel(task_id, task.submission, outcome=outcome, now=self.chaos.now())

    def leap(self) -> None:
        self.chaos.ahead += 61_000

    async def restart(self) -> None:
        await self.stop()
        self.start()

    async def live(self) -> None:
        for _ in range(2):
            self.start()
        self.post()
        for _ in range(STEPS):
            step = self.chaos.random.choice(
                [self.post, self.post, self.post_bare, self.publish_again, self.cancel, self.leap,
                 self.agent.queue.reappear, self.agent.queue.reappear, self.restart]
            )  # fmt: skip
            if (waiting := step()) is not None:
                await waiting
            await asyncio.sleep(0.003)
        self.chaos.on = False
        async with asyncio.timeout(10):
            while len(self.agent.queue):
                self.leap()
                self.agent.queue.reappear()
                await asyncio.sleep(0.05)
        while self.runs:
            await self.stop()

    def check(self) -> None:
        announced: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for one in self.agent.announcer.announced:
            announced[one.submission].add((one.event_id, one.text))
        assert set(announced) == self.submissions, "every task is told, and no other"
        assert all(len(outcomes) == 1 for outcomes in announced.values()), "one outcome for each submission"
        rows = [self.agent.store.get(task_id) for task_id in self.agent.store._memory._items]
        assert all(row.is_finished for row in rows)
        named: set[str] = set()
        for submission, [(_, text)] in announced.items():
            told = json.loads(text)
            assert told["result"] == bool(told["image_url"])
            for url in told["image_url"]:
                data = self.agent.outputs.objects[url.removeprefix("s3://out/")]
                assert data.decode().startswith(submission), "the picture is this submission's"
            named |= {*told["image_url"], *([told["output_url"]] if told.get("output_url") else [])}
        there = {f"s3://out/{key}" for key in self.agent.outputs.objects}
        assert named <= there, "what is named is there"
        if self.tidy:
            assert there == named, "what lost is deleted"


@settings(max_examples=24, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_every_task_ends_once_and_is_told_whatever_fails(make_agent: MakeAgent, seed: int) -> None:
    world = World(make_agent, seed)
    asyncio.run(world.live())
    world.check()


@pytest.mark.parametrize("seed", range(4))
def test_the_same_holds_for_seeds_that_everybody_runs(make_agent: MakeAgent, seed: int) -> None:
    world = World(make_agent, seed)
    asyncio.run(world.live())
    world.check()
