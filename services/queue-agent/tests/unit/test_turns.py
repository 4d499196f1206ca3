"""Turns on the GPU: whose is next, and when a runtime that was in doubt gets one again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from queue_agent.breaker import Breaker
from queue_agent.gpu import MAX_PASSED_SECONDS, Backlog, Gpu
from queue_agent.health import Health
from queue_agent.metrics import Metrics
from queue_agent.pace import Pace
from queue_agent.ports import Job
from queue_agent.restart import Restarts
from queue_agent.testing import FakeClock, FakeRuntime, picture, run, until
from queue_agent.warmup import WarmUp


def job(name: str, model: str | None = None) -> Job:
    return Job(name, f"submission-{name}", f"attempt-{name}", "text-to-image", {}, model)


class Machine:
    """A GPU and its runtime."""

    def __init__(self, *, warmed_up: bool = False) -> None:
        self.runtime = FakeRuntime(picture())
        self.clock = FakeClock()
        health = Health()
        content = {"prompt": "warm"}
        warm_up = WarmUp(self.runtime, "text-to-image", content, limit=5, health=health)
        self.gpu = Gpu(
            runtime=self.runtime,
            pace=Pace(self.clock),
            restarts=Restarts(None, "http://127.0.0.1:9"),
            backlog=Backlog(4, 1024),
            metrics=Metrics("sdruntime"),
            breaker=Breaker(faults=1, first_pause=60),
            warm_up=warm_up if warmed_up else None,
            health=health,
            guess=5,
            changed=lambda: None,
        )

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the runtime, from when it is trusted."""
        keeping = asyncio.create_task(self.gpu.keep())
        await until(lambda: self.gpu.trusted)
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})

    def warm_ups(self) -> int:
        return sum(job.id == "warm-up" for job in self.runtime.jobs)


@pytest.mark.parametrize(
    ("waited", "winner"), [(MAX_PASSED_SECONDS - 1, "same model"), (MAX_PASSED_SECONDS, "other model")]
)
async def test_a_task_for_another_model_is_passed_for_half_a_minute_at_most(
    waited: float, winner: str
) -> None:
    machine = Machine()
    async with machine.kept():
        turn = await machine.gpu.take(job("first", "a"), patience=5)
        await run(machine.runtime, job("first", "a"))
        waiting = {}
        for name, model in (("other model", "b"), ("same model", "a")):
            waiting[name] = asyncio.create_task(machine.gpu.take(job(name, model), patience=5))
            await until(lambda: len(machine.gpu.waiting) == len(waiting))
        machine.clock.now += waited
        turn.close()
        done, late = await asyncio.wait(waiting.values(), return_when=asyncio.FIRST_COMPLETED)
        assert done == {waiting[winner]}
        [last] = late
        waiting[winner].result().close()
        (await last).close()


async def test_a_runtime_that_was_away_may_have_been_started_again_and_is_warmed_up() -> None:
    machine = Machine(warmed_up=True)
    async with machine.kept():
        assert machine.warm_ups() == 1
        machine.gpu.doubt()
        await until(lambda: machine.gpu.trusted)
        assert machine.warm_ups() == 1, "it was there when it was asked"
        machine.runtime.is_ready = False
        machine.gpu.doubt()
        await asyncio.sleep(0.01)
        machine.runtime.is_ready = True
        await until(lambda: machine.gpu.trusted)
        assert machine.warm_ups() == 2


async def test_a_breaker_that_opens_during_a_turn_keeps_the_warm_up_away_for_its_pause() -> None:
    machine = Machine(warmed_up=True)
    async with machine.kept():
        turn = await machine.gpu.take(job("one"), patience=5)
        machine.gpu.doubt()
        await asyncio.sleep(0.01)  # the keeper waits for the end of the turn
        machine.gpu.failed("submission-one", "cut")
        turn.close()
        await asyncio.sleep(0.05)
        assert machine.warm_ups() == 1
        assert not machine.gpu.trusted
