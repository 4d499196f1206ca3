"""Turns on the GPU: whose is next, and when a runtime that was in doubt gets one again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from queue_agent.breaker import Breaker
from queue_agent.gpu import MAX_PASSED_SECONDS, Gpu, NoTurnError
from queue_agent.health import Health
from queue_agent.metrics import Metrics
from queue_agent.pace import Pace
from queue_agent.ports import Job
from queue_agent.restart import Restarts
from queue_agent.testing import FakeClock, FakeRuntime, picture, run, until
from queue_agent.turns import Backlog
from queue_agent.warmup import WarmUp


def job(name: str, model: str | None = None) -> Job:
    return Job(name, f"submission-{name}", f"attempt-{name}", "text-to-image", {}, model)


class Machine:
    """A GPU and its runtime."""

    def __init__(self, *, warmed_up: bool = False) -> None:
        self.runtime = FakeRuntime(picture())
        self.clock = FakeClock()
        self.pace = Pace(self.clock)
        health = Health()
        content = {"prompt": "warm"}
        warm_up = WarmUp(self.runtime, "text-to-image", content, limit=5, health=health)
        self.gpu = Gpu(
            runtime=self.runtime,
            pace=self.pace,
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


class Getting:
    """What a job does to get ready."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self) -> None:
        self.begun.set()
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault


async def test_a_job_gets_ready_shortly_before_the_runtime_is_free() -> None:
    machine = Machine()
    machine.pace.ran(job("any"), 10.0)
    getting = Getting()
    async with machine.kept():
        turn = await machine.gpu.take(job("first"), patience=5)
        taking = asyncio.create_task(machine.gpu.take(job("next"), patience=50, get_ready=getting))
        await until(lambda: machine.gpu.waiting)
        machine.clock.now += 9.9
        machine.gpu.progressed()
        await asyncio.sleep(0)
        assert not getting.begun.is_set()
        machine.clock.now += 0.06
        machine.gpu.progressed()
        await until(getting.begun.is_set)
        getting.go_on.set()
        await asyncio.sleep(0.01)
        assert not taking.done()
        turn.close()
        (await taking).close()


async def test_the_time_to_get_ready_comes_by_itself() -> None:
    machine = Machine()
    machine.pace.ran(job("any"), 0.07)
    getting = Getting()
    async with machine.kept():
        turn = await machine.gpu.take(job("first"), patience=5)
        taking = asyncio.create_task(machine.gpu.take(job("next"), patience=50, get_ready=getting))
        await until(lambda: machine.gpu.waiting)
        machine.clock.now += 0.03
        await until(getting.begun.is_set)
        assert machine.gpu.turn is turn
        getting.go_on.set()
        await asyncio.sleep(0.01)
        assert not taking.done()
        turn.close()
        (await taking).close()


async def test_a_free_runtime_waits_for_who_is_getting_ready_and_goes_on_where_that_fails() -> None:
    machine = Machine()
    failing, other = Getting(), Getting()
    failing.fault = ZeroDivisionError("claim")
    other.go_on.set()
    async with machine.kept():
        first = asyncio.create_task(machine.gpu.take(job("first"), patience=5, get_ready=failing))
        await until(failing.begun.is_set)
        second = asyncio.create_task(machine.gpu.take(job("second"), patience=5, get_ready=other))
        await until(lambda: len(machine.gpu.waiting) == 2)
        assert machine.gpu.turn is None
        assert not other.begun.is_set()
        failing.go_on.set()
        (await second).close()
        with pytest.raises(ZeroDivisionError):
            await first


async def test_who_gets_ready_while_the_runtime_is_closed_gets_no_turn() -> None:
    machine = Machine()
    getting = Getting()
    async with machine.kept():
        taking = asyncio.create_task(machine.gpu.take(job("first"), patience=5, get_ready=getting))
        await until(getting.begun.is_set)
        machine.gpu.close()
        await asyncio.sleep(0.01)
        assert not taking.done()
        getting.go_on.set()
        with pytest.raises(NoTurnError):
            await taking


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
