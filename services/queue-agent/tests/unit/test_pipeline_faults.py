"""The pipeline when its parts fail at the worst moment; each test is a fault that a review found."""

import asyncio
import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, ServiceError
from queue_agent.ports import Announcement, InputLink, Job, Output, Progress, Result, Stored
from queue_agent.restart import Restarts
from queue_agent.testing import DeafTopic, SlowCall, SlowOutputs, failing, hanging, picture, until
from queue_agent.warmup import WarmUp
from s3io.inputs import FetchedInput
from task_schema import Status, TaskCode
from task_store import TableUnavailableError

MakeAgent = Callable[..., Any]

DONE = Result(answer={"images": [None]}, outputs=[Output(b"\x89PNG\r\n\x1a\n", ("images", 0))])


# --- trouble that meets every message ---


@pytest.mark.parametrize("error", [RuntimeRefusedStartError("it has no such model"), ZeroDivisionError()])
async def test_a_node_that_can_prepare_nothing_does_not_sweep_the_queue(
    make_agent: MakeAgent, error: Exception
) -> None:
    agent = make_agent(breaker_pause=60)

    async def prepare(job: Job, inputs: Mapping[InputLink, FetchedInput]) -> Job:
        raise error

    agent.runtime.prepare = prepare
    for n in range(30):
        agent.post(f"t{n}")
    async with agent.working():
        await until(lambda: agent.receives >= 2)
        await asyncio.sleep(0.2)
    assert agent.receives <= 4


async def test_messages_that_overlap_are_failures_in_a_row_too(make_agent: MakeAgent) -> None:
    agent = make_agent(retry_delays=(0.0,), trouble_pause=30)

    async def failing_topic(announcement: Announcement) -> None:
        await asyncio.sleep(0.02)
        raise ServiceError(f"Publish failed {announcement.id}")

    agent.announcer.announce = failing_topic
    for n in range(60):
        agent.post(f"t{n}")
    async with agent.working() as worker:
        agent.learn(worker, 0.0)
        await until(lambda: worker._failures >= 2)
        before = agent.receives
        await asyncio.sleep(0.2)
        assert agent.receives <= before + 1


async def test_an_outage_of_the_bucket_stops_receiving(make_agent: MakeAgent) -> None:
    agent = make_agent(retry_delays=(), trouble_pause=30)
    agent.outputs.failures = 100
    for n in range(10):
        agent.post(f"t{n}")
    async with agent.working():
        await until(lambda: agent.outputs.failures <= 98)
        await asyncio.sleep(0.1)
        before = agent.receives
        await asyncio.sleep(0.2)
        assert agent.receives == before < 10


# --- claims and give-backs without an answer ---


async def test_a_claim_that_is_given_up_counts_no_attempt_though_it_was_written(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(hanging(), retry_delays=(0.0,))
    agent.post()
    claim = agent.store.claim

    def lossy(*args: Any, **kwargs: Any) -> Any:
        claim(*args, **kwargs)
        raise TableUnavailableError("claim")

    agent.store.claim = lossy
    await agent.work_until(lambda: bool(agent.queue.hidden))
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)
    assert agent.runtime.jobs == []


async def test_a_repeated_claim_has_the_time_of_its_first_try(make_agent: MakeAgent) -> None:
    agent = make_agent(retry_delays=(0.01, 0.01))
    agent.post()
    claim = agent.store.claim
    times: list[int] = []

    def shaky(*args: Any, now: int, **kwargs: Any) -> Any:
        times.append(now)
        if len(times) < 3:
            raise TableUnavailableError("claim")
        return claim(*args, now=now, **kwargs)

    agent.store.claim = shaky
    await agent.work_off()
    assert len(times) == 3
    assert len(set(times)) == 1


async def test_a_task_that_has_no_attempt_left_is_not_started_once_more(make_agent: MakeAgent) -> None:
    agent = make_agent(max_attempts=1)
    message = agent.post()
    get = agent.store.get
    rows = [agent.row()]  # as it was before another agent lost it
    now = agent.tasks.now()
    agent.store.claim("t1", message.submission, token="other", lease_until=now, now=now)
    agent.store.give_back("t1", message.submission, "other", count=True)
    agent.store.get = lambda task_id: rows.pop() if rows else get(task_id)
    async with agent.working():
        await until(lambda: agent.queue.hidden)
        agent.queue.reappear()
        await until(lambda: len(agent.queue) == 0)
    assert agent.row().attempts == 1
    assert agent.announcer.told[0]["error"]["code"] == "attempts_exhausted"


async def test_a_give_back_that_fails_once_still_counts_nothing(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging(), shutdown_grace=3, retry_delays=(0.01,))
    agent.post()
    give_back, fails = agent.store.give_back, [1]

    def flaky(*args: Any, **kwargs: Any) -> Any:
        if fails:
            fails.pop()
            raise TableUnavailableError("give_back")
        return give_back(*args, **kwargs)

    agent.store.give_back = flaky
    async with agent.working() as worker:
        await agent.running()
        agent.learn(worker, 1000)
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)


# --- what bounds what ---


async def test_bytes_are_bounded_for_adapters_that_never_free_early(make_agent: MakeAgent) -> None:
    agent = make_agent(picture(b"\x89PNG\r\n\x1a\n" + b"x" * 1000), delivery_bytes=4)
    agent.outputs = SlowOutputs()
    agent.post("t1")
    agent.post("t2")
    async with agent.working() as worker:
        agent.learn(worker, 1.0)
        await until(lambda: agent.outputs.waiting)
        await asyncio.sleep(0.1)
        assert [job.id for job in agent.runtime.jobs] == ["t1"]
        agent.outputs.open.set()
        await until(lambda: len(agent.queue) == 0)


async def test_a_slow_topic_does_not_hold_up_the_gpu(make_agent: MakeAgent) -> None:
    agent = make_agent(deliveries=1, delivery_bytes=4)
    agent.announcer = DeafTopic()
    for n in range(6):
        agent.post(f"t{n}")
    async with agent.working() as worker:
        agent.learn(worker, 0.0)
        await until(lambda: len(agent.runtime.jobs) == 6)
        assert agent.announcer.announced == []
        agent.announcer.open.set()
        await until(lambda: len(agent.queue) == 0)
    assert {told["id"] for told in agent.announcer.told} == {f"t{n}" for n in range(6)}
    assert all(told["result"] for told in agent.announcer.told)


async def test_what_a_run_needed_and_made_is_let_go_of_before_it_is_told(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.announcer = DeafTopic()

    async def run(job: Job, progress: Progress) -> Result:
        return Result(answer={"its own": 1}, outputs=[Output(b"\x89PNG\r\n\x1a\n", ("a",))])

    agent.runtime._scripts = [run]
    agent.outputs.store = _forgetful
    agent.post(content={"prompt": "its own"})
    async with agent.working():
        await until(lambda: agent.announcer.asked)
        agent.runtime.jobs.clear()
        gc.collect()
        held = [thing for thing in gc.get_objects() if isinstance(thing, Result | Job)]
        assert [thing for thing in held if "its own" in repr(thing)] == []
        agent.announcer.open.set()
        await until(lambda: len(agent.queue) == 0)


async def _forgetful(prefix: str, task_id: str, result: Result) -> Stored:
    key = f"{prefix}/{task_id}/{len(result.outputs)}.out"
    return Stored([f"s3://out/{key}"], f"s3://out/{key}", [key])


async def test_a_bug_in_has_loaded_costs_no_turn(make_agent: MakeAgent) -> None:
    agent = make_agent()

    def broken(job: Job) -> bool:
        raise ZeroDivisionError(job.id)

    agent.runtime.has_loaded = broken
    agent.post("t1")
    agent.post("t2")
    await agent.work_off()
    assert agent.row("t2").status is Status.SUCCEEDED


# --- runs that end in strange ways ---


async def test_an_adapter_that_gives_its_run_up_has_lost_it(make_agent: MakeAgent) -> None:
    agent = make_agent(failing(asyncio.CancelledError()))  # type: ignore[arg-type]
    agent.post()
    async with agent.working():
        await until(lambda: agent.row().attempts == 1 and agent.row().status is Status.QUEUED)
        await until(lambda: agent.queue.hidden)
    assert agent.receives == 1


async def test_the_next_job_does_not_start_while_the_last_one_is_interrupted(make_agent: MakeAgent) -> None:
    agent = make_agent(inference=0.05)
    interrupting = asyncio.Event()
    seen: list[str] = []

    async def run(job: Job, progress: Progress) -> Result:
        if job.id == "t1":
            await interrupting.wait()
            agent.runtime.freed[job.attempt]()
        return DONE

    async def interrupt(_: Job) -> bool:
        interrupting.set()
        await asyncio.sleep(0.1)
        seen.extend(job.id for job in agent.runtime.jobs)
        return True

    agent.runtime._scripts = [run]
    agent.runtime.interrupt = interrupt
    agent.post("t1")
    agent.post("t2")
    async with agent.working() as worker:
        agent.learn(worker, 0.05)
        await until(lambda: len(agent.queue) == 0)
    assert seen == ["t1"]
    assert [agent.row(name).status for name in ("t1", "t2")] == [Status.FAILED, Status.SUCCEEDED]


async def test_an_interrupt_that_never_returns_costs_the_runtime_a_restart(
    make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("queue_agent.attempt._INTERRUPT_SECONDS", 0.05)
    agent = make_agent(hanging(), picture(), inference=0.02)

    async def never(_: Job) -> bool:
        await asyncio.Event().wait()
        return True

    agent.runtime.interrupt = never
    agent.restarts = Restarts(
        tmp_path / "restart", "http://127.0.0.1:9"
    )  # nothing listens: it is down at once
    agent.post("t1")
    agent.post("t2")
    await agent.work_off()
    assert agent.row("t2").status is Status.SUCCEEDED
    assert b'darkroom_runtime_restarts_total{why="unstoppable"} 1.0' in agent.metrics.render()


async def test_a_run_that_never_ends_after_it_was_cancelled_costs_the_runtime_a_restart(
    make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("queue_agent.attempt._CLEAN_UP_SECONDS", 0.05)
    release = asyncio.Event()

    async def stubborn(job: Job, progress: Progress) -> Result:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()
        return DONE

    agent = make_agent(stubborn, picture(), inference=0.02)
    agent.restarts = Restarts(tmp_path / "restart", "http://127.0.0.1:9")
    agent.post("t1")
    agent.post("t2")
    await agent.work_off()
    release.set()
    assert agent.row("t2").status is Status.SUCCEEDED
    assert b'darkroom_runtime_restarts_total{why="unstoppable"} 1.0' in agent.metrics.render()


# --- the breaker ---


async def test_tasks_that_do_not_fit_into_memory_are_not_the_nodes_fault(make_agent: MakeAgent) -> None:
    agent = make_agent(
        failing(RuntimeLostError("out of memory", code=TaskCode.OUT_OF_MEMORY)), max_attempts=1
    )
    for n in range(6):
        agent.post(f"t{n}")
    async with agent.working():
        await until(lambda: len(agent.queue) == 0)
        assert agent.health.not_ready() == []
    assert {told["error"]["code"] for told in agent.announcer.told} == {"out_of_memory"}


async def test_the_breakers_pause_holds_when_it_opens_while_the_keeper_waits_for_a_turn(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(breaker_pause=30)
    broken = {f"t{n}": asyncio.Event() for n in range(8)}

    async def run(job: Job, progress: Progress) -> Result:
        if len(agent.runtime.jobs) < 3:
            agent.runtime.freed[job.attempt]()
        await broken[job.id].wait()
        raise RuntimeLostError("cut")

    agent.runtime._scripts = [run]
    for name in broken:
        agent.post(name)
    async with agent.working() as worker:
        agent.learn(worker, 0.0)
        await until(lambda: len(agent.runtime.jobs) == 3)
        for name in ("t0", "t1", "t2"):  # two answers, and then the run that has the GPU
            broken[name].set()
            await asyncio.sleep(0.02)
        await until(lambda: "breaker open" in agent.health.not_ready())
        await asyncio.sleep(0.1)
        assert len(agent.runtime.jobs) == 3
        assert not worker._gpu.trusted


@pytest.mark.parametrize("poisoned", [True, False])
async def test_a_warm_up_that_only_a_restart_can_help_asks_for_one(
    make_agent: MakeAgent, tmp_path: Path, poisoned: bool
) -> None:
    script = failing(RuntimeLostError("CUDA error", poisoned=True)) if poisoned else hanging()
    agent = make_agent(script, picture())
    if not poisoned:

        async def deaf(_: Job) -> bool:
            return False

        agent.runtime.interrupt = deaf
    agent.restarts = Restarts(tmp_path / "restart", "http://127.0.0.1:9")
    agent.warm_up = WarmUp(
        agent.runtime, "text-to-image", {"prompt": "warm"}, limit=0.05, health=agent.health, pauses=(0.01,)
    )
    agent.post("t1")
    await agent.work_off()
    assert [job.id for job in agent.runtime.jobs] == ["warm-up", "warm-up", "t1"]
    assert b'darkroom_runtime_restarts_total{why="warm-up"} 1.0' in agent.metrics.render()


# --- the end, at bad moments ---


async def test_a_cut_off_while_the_claim_is_on_its_way_counts_no_attempt(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=0.1)
    agent.post()
    agent.store.claim = slow = SlowCall(agent.store.claim)
    async with agent.working() as worker:
        await until(slow.asked.is_set)
        worker.stop()
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)
    assert agent.queue.visible


async def test_a_cut_off_while_a_message_is_given_back_gives_it_back(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging(), shutdown_grace=0.2)
    agent.post()
    hide, slow = agent.queue.hide, [0.3]

    async def hide_slowly(delivery: Any, seconds: int) -> bool:
        if seconds == 0 and slow:
            await asyncio.sleep(slow.pop())
        return bool(await hide(delivery, seconds))

    agent.queue.hide = hide_slowly
    async with agent.working() as worker:
        await agent.running()
        worker.stop()
    assert agent.queue.visible
    assert agent.row().attempts == 0


async def test_a_cut_off_gives_the_message_back_even_where_nobody_foresaw_the_fault(
    make_agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    agent = make_agent(shutdown_grace=0.1)
    agent.outputs = SlowOutputs()
    agent.post()

    def trip(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    async with agent.working() as worker:
        await until(lambda: agent.outputs.waiting)
        agent.store.give_back = trip
        worker.stop()
    assert agent.queue.visible
    (line,) = [line for line in caplog.records if line.getMessage() == "a task was not given back"]
    assert line.exc_info
    assert line.exc_info[0] is ZeroDivisionError


async def test_a_run_that_is_slow_to_clean_up_does_not_keep_its_message(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=0.2)
    release = asyncio.Event()

    async def run(job: Job, progress: Progress) -> Result:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()
        return DONE

    async def deaf(_: Job) -> bool:
        await asyncio.Event().wait()
        return False

    agent.runtime._scripts = [run]
    agent.runtime.interrupt = deaf
    agent.post()
    async with agent.working() as worker:
        await agent.running()
        agent.learn(worker, 1000)
    release.set()
    assert agent.queue.visible
    assert agent.row().attempts == 0


async def test_a_commit_that_is_cut_off_leaves_nothing_lying_about(make_agent: MakeAgent) -> None:
    problems: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["message"]))
    agent = make_agent(shutdown_grace=0.1)
    agent.post()
    agent.store.commit = slow = SlowCall(agent.store.commit)
    async with agent.working() as worker:
        await until(slow.asked.is_set)
        worker.stop()
    gc.collect()
    assert agent.row().status is Status.SUCCEEDED
    assert agent.queue.visible, "whoever meets it tells it"
    assert problems == []


async def test_a_stop_during_the_warm_up_does_not_wait_for_it(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging())
    agent.warm_up = WarmUp(agent.runtime, "text-to-image", {}, limit=60, health=agent.health)
    agent.post("t1")
    async with asyncio.timeout(3), agent.working() as worker:
        await until(lambda: agent.runtime.jobs)
        worker.stop()
    assert [job.id for job in agent.runtime.jobs] == ["warm-up"]
    assert "stopping" in agent.health.not_ready()
    assert (agent.row("t1").attempts, len(agent.queue.visible)) == (0, 1)
