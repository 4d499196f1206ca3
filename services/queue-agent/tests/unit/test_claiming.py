"""The claim ahead: no runtime gets a task before its claim is written, and none that it is refused for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from queue_agent.ports import Job, Progress, Result
from queue_agent.tasks import now_ms
from queue_agent.testing import MemoryFetcher, SlowCall, SlowOutputs, hanging, picture, until
from s3io.inputs import FetchedInput
from task_schema import Status, TaskCode, TaskError
from task_store import Outcome, TableUnavailableError, Task

MakeAgent = Callable[..., Any]

LINK = "https://x/a.png"
CANCELLED = TaskError.of(TaskCode.CANCELLED, "cancelled")


def cancel(agent: Any, task_id: str) -> Status:
    """Do what the API does; return what it says that the task is."""
    outcome = Outcome(status=Status.CANCELLED, event_id="api", notification="{}", error=CANCELLED)
    status: Status = agent.store.cancel(task_id, outcome=outcome, now=now_ms()).status
    return status


class OnFetch(MemoryFetcher):
    """Does something while the inputs of a task are fetched: after its row was read, before its claim."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(links={LINK: b"12"})
        self._act = act

    async def fetch(self, url: str) -> FetchedInput:
        self._act()
        return await super().fetch(url)


@asynccontextmanager
async def one_ahead(agent: Any, **metadata: Any) -> AsyncIterator[asyncio.Event]:
    """Have t2 claimed while t1 runs, whose end is in sight; yield what ends t1."""
    end = asyncio.Event()

    async def told(job: Job, progress: Progress) -> Result:
        if job.id == "t1":
            progress(0.999)
            await end.wait()
        return await picture()(job, progress)

    agent.runtime._scripts = [told]
    agent.post("t1")
    async with agent.working():
        await agent.running("t1")
        agent.post("t2", **metadata)
        await agent.claimed("t2")
        assert [job.id for job in agent.runtime.jobs] == ["t1"]
        yield end


# --- before the run ---


async def test_a_task_that_another_agent_took_meanwhile_never_reaches_the_runtime(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    message = agent.post(content={"init_images": [LINK]})

    def overtake() -> None:
        now = now_ms()
        agent.store.claim("t1", message.submission, token="faster", lease_until=now + 60_000, now=now)

    agent.fetcher = OnFetch(overtake)
    await agent.work_until(lambda: agent.queue.hidden and agent.queue.hidden[-1][1] > 50)
    assert agent.runtime.jobs == []
    assert (agent.row().token, agent.row().attempts) == ("faster", 1)
    assert agent.announcer.announced == []


async def test_a_task_that_the_api_called_cancelled_never_reaches_the_runtime(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post(content={"init_images": [LINK]})
    said: list[Status] = []
    agent.fetcher = OnFetch(lambda: said.append(cancel(agent, "t1")))
    async with agent.working() as worker:
        await until(lambda: said and not worker._flights)
    assert said == [Status.CANCELLED]
    assert agent.runtime.jobs == []
    assert (agent.row().status, agent.row().attempts) == (Status.CANCELLED, 0)


async def test_a_task_that_cannot_be_claimed_goes_back_unseen_and_uncounted(make_agent: MakeAgent) -> None:
    agent = make_agent(retry_delays=(0.0,))
    agent.post()

    def unavailable(*_: Any, **__: Any) -> Any:
        raise TableUnavailableError("claim")

    claim, agent.store.claim = agent.store.claim, unavailable
    await agent.work_until(lambda: bool(agent.queue.hidden))
    assert agent.runtime.jobs == []
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)
    agent.store.claim = claim
    agent.queue.reappear()
    await agent.work_off()
    assert (agent.row().status, agent.row().attempts) == (Status.SUCCEEDED, 1)


async def test_no_run_begins_before_its_claim_is_answered(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post()
    tasks_claim = agent.tasks.claim
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **kwargs: Any) -> Any:
        asked.set()
        await answer.wait()
        return await tasks_claim(*args, **kwargs)

    agent.tasks.claim = slow
    async with agent.working():
        await asked.wait()
        await asyncio.sleep(0.02)
        assert agent.runtime.jobs == []
        answer.set()
        await until(lambda: len(agent.queue) == 0)
    assert agent.row().status is Status.SUCCEEDED


async def test_a_message_that_is_lost_before_its_claim_is_left_unclaimed(make_agent: MakeAgent) -> None:
    agent = make_agent(visibility=0)
    agent.post()
    async with agent.working() as worker:
        await until(lambda: agent.receives)
        await until(lambda: not worker._flights)
        worker.stop()
    assert agent.runtime.jobs == []
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)


# --- while another task has the GPU ---


async def test_the_next_task_is_claimed_before_the_gpu_is_free(make_agent: MakeAgent) -> None:
    agent = make_agent()
    async with one_ahead(agent) as end:
        end.set()
        await until(lambda: len(agent.queue) == 0)
    assert [agent.row(name).status for name in ("t1", "t2")] == [Status.SUCCEEDED] * 2
    assert agent.row("t2").attempts == 1


async def test_a_task_is_not_claimed_while_the_end_of_the_running_one_is_not_in_sight(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(hanging(), guess=5)
    agent.post("t1")
    agent.post("t2")
    async with agent.working() as worker:
        await until(lambda: worker._gpu.waiting)
        await asyncio.sleep(0.1)
        assert agent.row("t2").status is Status.QUEUED


async def test_a_claim_whose_turn_does_not_come_is_let_go_of_and_counts_nothing(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(hold=0.05)
    async with one_ahead(agent) as end:
        await until(lambda: agent.row("t2").status is Status.QUEUED)
        assert agent.row("t2").attempts == 0
        end.set()
        await until(lambda: len(agent.queue) == 0)
    assert agent.row("t2").attempts == 1


async def test_a_stop_lets_go_of_a_claim_ahead(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=0.2)
    async with one_ahead(agent):
        pass
    assert [(agent.row(name).status, agent.row(name).attempts) for name in ("t1", "t2")] == [
        (Status.QUEUED, 0)
    ] * 2
    assert len(agent.queue.visible) == 2


async def test_a_stop_while_a_claim_ahead_is_on_its_way_counts_nothing(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=0.1)
    claim = agent.store.claim
    async with one_ahead(agent) as end:
        agent.store.claim = slow = SlowCall(claim)
        agent.post("t3")
        end.set()
        await until(slow.asked.is_set)
    assert agent.row("t2").status is Status.SUCCEEDED
    assert (agent.row("t3").status, agent.row("t3").attempts) == (Status.QUEUED, 0)
    assert [job.id for job in agent.runtime.jobs] == ["t1", "t2"]


async def test_the_lease_of_a_claim_ahead_is_renewed(make_agent: MakeAgent) -> None:
    agent = make_agent(beat=0.01)
    async with one_ahead(agent) as end:
        lease = agent.row("t2").lease_until
        await until(lambda: agent.row("t2").lease_until > lease)
        assert [job.id for job in agent.runtime.jobs] == ["t1"]
        end.set()
        await until(lambda: len(agent.queue) == 0)
    assert (agent.row("t2").status, agent.row("t2").attempts) == (Status.SUCCEEDED, 1)


async def test_a_cancel_that_meets_a_claim_ahead_ends_the_task_without_a_run(make_agent: MakeAgent) -> None:
    agent = make_agent(beat=0.01)
    met = asyncio.Event()
    tasks_renew = agent.tasks.renew

    async def renew(*args: Any) -> Task:
        task: Task = await tasks_renew(*args)
        if task.id == "t2" and task.cancel_requested:
            met.set()
        return task

    agent.tasks.renew = renew
    async with one_ahead(agent) as end:
        assert cancel(agent, "t2") is Status.RUNNING
        await until(met.is_set)
        agent.post("t3")
        end.set()
        await until(lambda: len(agent.queue) == 0)
    assert (agent.row("t2").status, agent.row("t2").attempts) == (Status.CANCELLED, 0)
    assert [told["error"]["code"] for told in agent.announcer.told if told["id"] == "t2"] == ["cancelled"]
    assert [job.id for job in agent.runtime.jobs] == ["t1", "t3"]
    assert (agent.row("t3").status, agent.row("t3").attempts) == (Status.SUCCEEDED, 1)


@asynccontextmanager
async def one_expired(agent: Any) -> AsyncIterator[Any]:
    """Let an agent work: t1 runs, and t2, which waits behind it, had to start long ago."""
    agent.post("t1")
    async with agent.working() as worker:
        await agent.running("t1")
        agent.post("t2", expires_in=60)
        await until(lambda: worker._gpu.waiting)
        agent.tasks.now = lambda: now_ms() + 3_600_000
        yield worker


async def test_a_task_that_expires_while_it_waits_is_not_claimed(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging(), guess=5, hold=60)
    async with one_expired(agent) as worker:
        agent.learn(worker, 0.0)
        worker._gpu.progressed()
        await until(lambda: agent.announcer.told)
    assert agent.announcer.told[0]["error"]["code"] == "expired"
    assert agent.row("t2").attempts == 0


async def test_the_gpu_does_not_wait_until_a_task_that_expired_has_been_ended(make_agent: MakeAgent) -> None:
    end = asyncio.Event()

    async def first_waits(job: Job, progress: Progress) -> Result:
        if job.id == "t1":
            await end.wait()
        return await picture()(job, progress)

    agent = make_agent(first_waits, guess=5, hold=60, slow_preparing=60)
    agent.outputs = bucket = SlowOutputs()
    async with one_expired(agent):
        end.set()
        agent.post("t3")
        await agent.running("t3")
        await until(lambda: "t2" in bucket.waiting)
        bucket.open.set()
        await until(lambda: len(agent.queue) == 0)
    assert (agent.row("t2").error.code, agent.row("t2").attempts) == (TaskCode.EXPIRED, 0)
    assert [job.id for job in agent.runtime.jobs] == ["t1", "t3"]
