"""Messages in hand: how many there may be, and which of them are let go of."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from queue_agent.ports import InputLink, Job, Progress, Result
from queue_agent.tasks import now_ms
from queue_agent.testing import MemoryFetcher, hanging, picture, until
from s3io.inputs import FetchedInput
from task_schema import Status
from task_store import NewTask, Outcome, TableUnavailableError, Task
from task_store.testing import new_task

MakeAgent = Callable[..., Any]

LINK = "https://x/a.png"


def actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [getattr(record, "action", "") for record in caplog.records]


async def test_a_message_that_is_lost_while_it_waits_for_the_gpu_starts_nothing(
    make_agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    agent = make_agent(beat=0.01)
    go_on = asyncio.Event()

    async def told(job: Job, progress: Progress) -> Result:
        await go_on.wait()
        return await picture()(job, progress)

    agent.runtime._scripts = [told]
    agent.post("t1")
    async with agent.working() as worker:
        agent.learn(worker)
        await agent.running("t1")
        agent.runtime._scripts = [picture()]
        agent.post("t2")
        await until(lambda: worker._gpu.waiting)
        agent.queue._messages["message-2"].handle = "another's"
        await until(lambda: "signal" in actions(caplog))
        go_on.set()
        await until(lambda: not worker._flights)
    assert [job.id for job in agent.runtime.jobs] == ["t1"]
    assert (agent.row("t2").status, agent.row("t2").attempts) == (Status.QUEUED, 0)


async def test_a_task_that_ends_between_two_faults_makes_them_no_faults_in_a_row(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(trouble_pause=30)
    prepare = agent.runtime.prepare
    tried: list[str] = []

    async def picky(job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Any:
        tried.append(job.id)
        if job.id.startswith("bad"):
            raise ZeroDivisionError
        return await prepare(job, inputs)

    agent.runtime.prepare = picky
    async with agent.working() as worker:

        def over(name: str) -> bool:
            return name in tried and not worker._flights

        for name in ("bad1", "good1", "bad2", "good2"):
            agent.post(name)
            await until(partial(over, name))
    assert tried == ["bad1", "good1", "bad2", "good2"]


async def test_inputs_that_never_come_let_no_more_than_a_handful_of_messages_be_received(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(slow_preparing=0.01)

    class DeadFetcher(MemoryFetcher):
        async def fetch(self, url: str) -> FetchedInput:
            await asyncio.Event().wait()
            return await super().fetch(url)

    agent.fetcher = DeadFetcher(links={LINK: b"12"})
    for n in range(12):
        agent.post(f"t{n}", content={"init_images": [LINK]})
    async with agent.working():
        await until(lambda: agent.receives == 7)
        await asyncio.sleep(0.15)
        assert agent.receives == 7


async def test_a_message_goes_back_though_giving_its_task_back_trips_up_the_agent_which_is_told(
    make_agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    agent = make_agent(shutdown_grace=0.2)
    agent.post()
    gave_back = asyncio.Event()

    async def deaf(_: Job) -> bool:
        await asyncio.Event().wait()
        return True

    async def broken(*_: Any, **__: Any) -> Task:
        gave_back.set()
        raise ZeroDivisionError

    agent.runtime._scripts, agent.runtime.interrupt = [hanging()], deaf
    async with agent.working() as worker:
        await agent.running()
        agent.tasks.give_back = broken
        worker.stop()
    assert gave_back.is_set()
    assert agent.queue.visible
    told = [record for record in caplog.records if record.exc_info and record.levelname == "ERROR"]
    assert ["ZeroDivisionError" in str(record.exc_info[0]) for record in told if record.exc_info] == [True]


async def test_a_task_that_is_gone_when_it_is_given_back_is_nothing_to_tell_of(
    make_agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    agent = make_agent(shutdown_grace=0.2)
    message = agent.post()

    async def deaf(_: Job) -> bool:
        await asyncio.Event().wait()
        return True

    agent.runtime._scripts, agent.runtime.interrupt = [hanging()], deaf
    async with agent.working() as worker:
        row = await agent.running()
        later = (row.lease_until or 0) + 1
        agent.store.claim("t1", message.submission, token="faster", lease_until=later + 1, now=later)
        worker.stop()
    assert agent.queue.visible
    assert agent.row().token == "faster"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_what_was_stored_stays_where_a_later_task_hides_whether_the_commit_happened(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(retry_delays=(0.0,))
    agent.post()
    commit = agent.store.commit

    def answer_lost(task_id: str, submission: str, token: str, outcome: Outcome, *, now: int) -> Task:
        agent.store.commit = commit
        commit(task_id, submission, token, outcome, now=now)
        agent.store.mark_notified(task_id, submission, now=now)
        later: NewTask = new_task(id=task_id, submission="of a later task")
        agent.store.record(later, now=now_ms())
        raise TableUnavailableError("commit")

    agent.store.commit = answer_lost
    async with agent.working() as worker:
        await until(lambda: agent.row().submission == "of a later task" and not worker._flights)
    assert len(agent.outputs.objects) == 2
