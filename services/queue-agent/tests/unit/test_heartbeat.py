import asyncio
from collections.abc import Callable
from typing import Any

from queue_agent.heartbeat import Heartbeat, Signal
from queue_agent.ports import Delivery
from queue_agent.tasks import Claim, now_ms
from queue_agent.testing import FakeClock, until
from task_store import LostError, Task

MakeAgent = Callable[..., Any]


async def _receive(agent: Any) -> Delivery:
    delivery: Delivery | None = await agent.queue.receive(wait_seconds=0)
    assert delivery is not None
    return delivery


def _heartbeat(agent: Any, delivery: Delivery, **more: Any) -> Heartbeat:
    options = {"visibility": 60, "beat": 0.01, **more}
    return Heartbeat(agent.queue, agent.tasks, delivery, **options)


async def test_each_beat_keeps_the_message_hidden(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post()
    delivery = await _receive(agent)
    async with _heartbeat(agent, delivery), asyncio.timeout(5):
        while len(agent.queue.hidden) < 3:
            await asyncio.sleep(0.005)
    assert set(agent.queue.hidden) == {(delivery.message_id, 60)}


async def test_a_beat_renews_the_lease_and_writes_the_progress(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post()
    delivery = await _receive(agent)
    claim, task = await agent.tasks.claim(
        "t1", message.submission, token="mine", now=now_ms(), max_attempts=3
    )
    async with _heartbeat(agent, delivery) as beat, asyncio.timeout(5):
        beat.hold(claim)
        beat.progress(0.25)
        while agent.row().progress != 0.25:
            await asyncio.sleep(0.005)
    assert agent.row().lease_until > task.lease_until


async def test_a_message_taken_by_another_is_lost(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post()
    delivery = await _receive(agent)
    agent.queue.reappear()
    await _receive(agent)
    async with _heartbeat(agent, delivery) as beat:
        assert await asyncio.wait_for(beat.signal(), 5) is Signal.LOST
        assert beat.lost


async def test_beats_that_fail_for_less_than_the_visibility_lose_nothing(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post()
    delivery = await _receive(agent)
    now = [0.0]
    agent.queue.failing.add("hide")
    async with _heartbeat(agent, delivery, clock=lambda: now[0]) as beat, asyncio.timeout(5):
        await asyncio.sleep(0.05)
        now[0] = 59.0
        await asyncio.sleep(0.05)
        assert not beat.lost
        now[0] = 60.0
        assert await beat.signal() is Signal.LOST


async def test_no_beat_comes_after_the_end(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post()
    delivery = await _receive(agent)
    async with _heartbeat(agent, delivery):
        await asyncio.sleep(0.03)
    await agent.queue.hide(delivery, 0)
    await asyncio.sleep(0.05)
    assert agent.queue.visible == [delivery.message_id]


async def test_a_message_is_hidden_from_when_that_was_asked_for_however_late_the_answer(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    agent.post()
    delivery = await _receive(agent)
    clock, hide = FakeClock(0.0), agent.queue.hide

    async def slow(delivery: Delivery, seconds: int) -> bool:
        hidden: bool = await hide(delivery, seconds)
        clock.now += 50
        agent.queue.failing.add("hide")
        return hidden

    agent.queue.hide = slow
    async with _heartbeat(agent, delivery, clock=clock) as beat:
        await until(lambda: clock.now == 50)
        await asyncio.sleep(0)
        assert not beat.lost
        clock.now = 60
        assert beat.lost


async def test_a_claim_that_was_let_go_of_while_it_was_renewed_is_not_lost(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post()
    delivery = await _receive(agent)
    claim, _ = await agent.tasks.claim("t1", message.submission, token="mine", now=now_ms(), max_attempts=3)
    let_go = asyncio.Event()

    async with _heartbeat(agent, delivery) as beat:

        async def ended_meanwhile(claim: Claim, _progress: float | None) -> Task:
            beat.hold(None)
            let_go.set()
            raise LostError(claim.id, agent.row())

        agent.tasks.renew = ended_meanwhile
        beat.hold(claim)
        await asyncio.wait_for(let_go.wait(), 5)
        before = len(agent.queue.hidden)
        await until(lambda: len(agent.queue.hidden) > before + 1)
        assert not beat.lost
