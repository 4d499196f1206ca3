"""The stages overlap, within bounds: who is fetched when, who gets the GPU, and who has to wait."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from queue_agent.errors import ServiceError, TaskFailedError
from queue_agent.ports import Job, Output, Progress, Result
from queue_agent.testing import MemoryFetcher, SlowOutputs, hanging, picture, until
from s3io.inputs import FetchedInput
from task_schema import Status, TaskCode

MakeAgent = Callable[..., Any]

LINK = "https://x/a.png"
DONE = Result(answer={"images": [None]}, outputs=[Output(b"\x89PNG\r\n\x1a\n", ("images", 0))])


class Stage:
    """A run that is told when to go on: `freed` first, `answered` then."""

    def __init__(self, agent: Any, names: Iterable[str]) -> None:
        self._agent = agent
        self.freed = {name: asyncio.Event() for name in names}
        self.answered = {name: asyncio.Event() for name in names}
        self.started: list[str] = []
        self.progress: dict[str, Progress] = {}
        agent.runtime._scripts = [self]

    async def __call__(self, job: Job, progress: Progress) -> Result:
        self.started.append(job.id)
        self.progress[job.id] = progress
        await self.freed[job.id].wait()
        self._agent.runtime.freed[job.attempt]()
        await self.answered[job.id].wait()
        return DONE

    def finish(self, *names: str) -> None:
        for name in names:
            self.freed[name].set()
            self.answered[name].set()


async def test_the_next_task_has_the_gpu_while_the_last_one_is_stored(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.outputs = SlowOutputs()
    stage = Stage(agent, ["t1", "t2"])
    agent.post("t1")
    agent.post("t2")
    async with agent.working():
        stage.finish("t1")
        await until(lambda: stage.started == ["t1", "t2"] and agent.outputs.waiting == ["t1"])
        assert agent.row("t1").status is Status.RUNNING
        agent.outputs.open.set()
        stage.finish("t2")
        await until(lambda: len(agent.queue) == 0)
    assert [agent.row(name).status for name in ("t1", "t2")] == [Status.SUCCEEDED] * 2


async def test_the_next_task_has_the_gpu_while_the_last_answer_is_read(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=5)
    stage = Stage(agent, ["t1", "t2"])
    agent.post("t1")
    agent.post("t2")
    async with agent.working():
        await until(lambda: stage.started)
        stage.freed["t1"].set()
        await until(lambda: stage.started == ["t1", "t2"])
        await agent.running("t1")
        stage.answered["t1"].set()
        stage.finish("t2")
        await until(lambda: len(agent.queue) == 0)
    assert agent.runtime.interrupted == []


async def test_a_message_stays_in_the_queue_while_the_end_of_the_running_task_is_not_in_sight(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    stage = Stage(agent, ["t1", "t2"])
    agent.post("t1")
    agent.post("t2")
    async with agent.working():
        await until(lambda: stage.started)
        await asyncio.sleep(0.1)
        assert len(agent.queue.visible) == 1
        stage.progress["t1"](0.999)
        await until(lambda: not agent.queue.visible)
        assert stage.started == ["t1"]
        stage.finish("t1", "t2")
        await until(lambda: len(agent.queue) == 0)


async def test_while_nothing_is_known_a_message_is_held_for_a_moment_only(make_agent: MakeAgent) -> None:
    agent = make_agent(guess=0.05)
    stage = Stage(agent, ["t1", "t2"])
    agent.post("t1")
    agent.post("t2")
    async with agent.working():
        await until(lambda: stage.started and not agent.queue.visible)
        await until(lambda: agent.queue.visible)
        await asyncio.sleep(0.1)
        assert len(agent.queue.visible) == 1
        stage.finish("t1", "t2")
        await until(lambda: len(agent.queue) == 0)


async def test_no_more_is_held_than_one_message_besides_the_running_task(make_agent: MakeAgent) -> None:
    agent = make_agent()
    names = [f"t{n}" for n in range(5)]
    stage = Stage(agent, names)
    for name in names:
        agent.post(name)
    async with agent.working() as worker:
        agent.learn(worker)
        await until(lambda: stage.started and len(agent.queue.visible) == 3)
        await asyncio.sleep(0.1)
        assert len(agent.queue.visible) == 3
        stage.finish(*names)
        await until(lambda: len(agent.queue) == 0)


async def test_a_message_in_hand_goes_back_when_the_running_task_takes_longer_than_expected(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(hold=0.05)
    stage = Stage(agent, ["t1", "t2"])
    agent.post("t1")
    agent.post("t2")
    async with agent.working():
        await until(lambda: stage.started)
        stage.progress["t1"](0.999)
        await until(lambda: not agent.queue.visible)
        await until(lambda: agent.queue.visible)
        assert agent.row("t2").attempts == 0
        stage.finish("t1", "t2")
        await until(lambda: len(agent.queue) == 0)


async def test_the_gpu_waits_when_too_many_results_wait_to_be_stored(make_agent: MakeAgent) -> None:
    agent = make_agent(deliveries=2)
    agent.outputs = SlowOutputs()
    names = ["t1", "t2", "t3"]
    stage = Stage(agent, names)
    stage.finish(*names)
    for name in names:
        agent.post(name)
    async with agent.working() as worker:
        agent.learn(worker)
        await until(lambda: agent.outputs.waiting == ["t1", "t2"])
        await asyncio.sleep(0.1)
        assert stage.started == ["t1", "t2"]
        agent.outputs.open.set()
        await until(lambda: len(agent.queue) == 0)


async def test_the_gpu_waits_when_the_results_that_wait_are_too_large(make_agent: MakeAgent) -> None:
    agent = make_agent(delivery_bytes=4)
    agent.outputs = SlowOutputs()
    stage = Stage(agent, ["t1", "t2"])
    stage.finish("t1", "t2")
    agent.post("t1")
    agent.post("t2")
    async with agent.working() as worker:
        agent.learn(worker, 1.0)
        await until(lambda: agent.outputs.waiting == ["t1"])
        await asyncio.sleep(0.05)
        assert stage.started == ["t1"]
        agent.outputs.open.set()
        await until(lambda: len(agent.queue) == 0)


async def test_inputs_that_are_slow_to_come_hold_up_nobody_else(make_agent: MakeAgent) -> None:
    agent = make_agent(slow_preparing=0.02)
    come = asyncio.Event()

    class SlowFetcher(MemoryFetcher):
        async def fetch(self, url: str) -> FetchedInput:
            await come.wait()
            return await super().fetch(url)

    agent.fetcher = SlowFetcher(links={LINK: b"12"})
    agent.post("slow", content={"init_images": [LINK]})
    agent.post("t2")
    agent.post("t3")
    async with agent.working():
        await until(lambda: len(agent.queue) == 1)
        assert [job.id for job in agent.runtime.jobs] == ["t2", "t3"]
        come.set()
        await until(lambda: len(agent.queue) == 0)


async def test_with_more_in_hand_tasks_for_the_loaded_model_go_first_but_not_for_ever(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(prefetch=10)
    models = ["a", "b", *["a"] * 8]
    names = [f"t{n}" for n in range(len(models))]
    stage = Stage(agent, names)

    def post(n: int) -> None:
        agent.post(names[n], content={"alwayson_scripts": {"sd_model_checkpoint": models[n]}})

    post(0)
    async with agent.working() as worker:
        await until(lambda: stage.started)
        stage.progress["t0"](0.999)
        for model in ("a", "b"):
            worker._pace.ran(Job("x", "x", "x", "text-to-image", {}, model), 0.0)
        post(1)
        await until(lambda: worker._gpu.waiting)
        for n in range(2, len(models)):
            post(n)
        await until(lambda: len(worker._gpu.waiting) == 9)
        stage.finish(*names)
        await until(lambda: len(agent.queue) == 0)
    assert [job.model for job in agent.runtime.jobs] == [*["a"] * 5, "b", *["a"] * 4]


# --- after the GPU ---


async def test_an_answer_that_never_ends_is_a_lost_inference(make_agent: MakeAgent) -> None:
    agent = make_agent(tail=0.02, max_attempts=1)
    stage = Stage(agent, ["t1"])
    agent.post("t1")
    stage.freed["t1"].set()
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "attempts_exhausted"
    assert agent.runtime.interrupted == []


async def test_a_message_that_is_lost_after_the_run_is_left_alone_and_its_task_is_free_again(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(beat=0.01)
    stage = Stage(agent, ["t1"])
    agent.post("t1")
    async with agent.working():
        await agent.running("t1")
        stage.freed["t1"].set()
        [queued] = agent.queue._messages.values()
        queued.handle = "another's"
        await until(lambda: agent.row("t1").status is Status.QUEUED)
    assert agent.row("t1").attempts == 1, "its inference was lost"
    assert agent.announcer.announced == []
    assert agent.runtime.interrupted == []


async def test_the_limit_of_a_task_type_goes_before_the_general_one(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging(), inference=60, inference_by_type={"text-to-image": 0.02})
    agent.post()
    await agent.work_off()
    assert agent.announcer.told[0]["error"] | {"retryable": None} == {
        "code": "timeout",
        "message": "it ran longer than 0.02 seconds",
        "retryable": None,
    }


# --- leaving ---


async def test_a_stop_gives_a_fetched_message_back_while_the_running_task_ends(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=30)
    stage = Stage(agent, ["t1", "t2"])
    agent.post("t1")
    agent.post("t2")
    async with agent.working() as worker:
        await until(lambda: stage.started)
        stage.progress["t1"](0.999)
        await until(lambda: worker._gpu.waiting)
        worker.stop()
        await until(lambda: agent.queue.visible)
        assert agent.runtime.interrupted == []
        stage.finish("t1")
    assert (agent.row("t1").status, agent.row("t2").status) == (Status.SUCCEEDED, Status.QUEUED)
    assert agent.row("t2").attempts == 0


async def test_a_stop_does_not_wait_for_a_task_that_will_not_end_in_time(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=30)
    stage = Stage(agent, ["t1"])
    agent.post("t1")
    async with agent.working() as worker, asyncio.timeout(5):
        await agent.running("t1")
        await asyncio.sleep(0.05)
        agent.learn(worker, 1000)
        worker.stop()
    assert agent.runtime.interrupted == ["t1"]
    assert (agent.row("t1").status, agent.row("t1").attempts) == (Status.QUEUED, 0)
    assert len(agent.queue.visible) == 1
    assert stage.started == ["t1"]


async def test_a_second_stop_waits_for_nothing(make_agent: MakeAgent) -> None:
    agent = make_agent(shutdown_grace=30)
    stage = Stage(agent, ["t1"])
    agent.post("t1")
    async with agent.working() as worker, asyncio.timeout(5):
        await agent.running("t1")
        worker.stop()
        await asyncio.sleep(0.02)
        assert agent.runtime.interrupted == []
        worker.stop()
    assert (agent.row("t1").status, agent.row("t1").attempts) == (Status.QUEUED, 0)
    assert len(agent.queue.visible) == 1
    assert stage.started == ["t1"]


async def test_a_delivery_that_outlasts_the_grace_period_is_given_back_uncounted(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(shutdown_grace=0.1)
    agent.outputs = SlowOutputs()
    agent.post()
    async with agent.working() as worker, asyncio.timeout(5):
        await until(lambda: agent.outputs.waiting)
        worker.stop()
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)
    assert len(agent.queue.visible) == 1


@pytest.mark.parametrize("moment", range(24))
async def test_whenever_it_is_stopped_a_task_has_ended_or_is_free_and_uncounted(
    make_agent: MakeAgent, moment: int
) -> None:
    agent = make_agent(shutdown_grace=0.02)

    async def short(job: Job, progress: Progress) -> Result:
        await asyncio.sleep(0.01)
        agent.runtime.freed[job.attempt]()
        await asyncio.sleep(0.005)
        return DONE

    agent.runtime._scripts = [short]
    names = [f"t{n}" for n in range(4)]
    for name in names:
        agent.post(name)
    async with agent.working() as worker:
        await asyncio.sleep(moment * 0.003)
        worker.stop()
    for name in names:
        row = agent.row(name)
        if row.status is Status.SUCCEEDED:
            continue
        assert (row.status, row.attempts) == (Status.QUEUED, 0)
    told = sum(agent.row(name).notified_at is not None for name in names)
    assert len(agent.queue.visible) >= len(names) - told


async def test_what_happened_is_counted(make_agent: MakeAgent) -> None:
    agent = make_agent(picture())
    agent.post("t1")
    await agent.work_off()
    agent.runtime._scripts = [_refusing]
    agent.post("t2")
    await agent.work_off()
    page = agent.metrics.render().decode()
    lines = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in page.splitlines()
        if line[0] != "#"
    }
    ended = {name: value for name, value in lines.items() if name.startswith("darkroom_tasks_total")}
    assert sum(ended.values()) == 2
    assert any('code="runtime_refused"' in name for name in ended)
    assert lines['darkroom_messages_settled_total{how="Delete"}'] == 2
    assert lines["darkroom_gpu_busy"] == 0


async def _refusing(job: Job, progress: Progress) -> Result:
    raise TaskFailedError(TaskCode.RUNTIME_REFUSED, "no")


async def test_receiving_that_fails_is_tried_again_after_a_pause(make_agent: MakeAgent) -> None:
    agent = make_agent(trouble_pause=0.02)
    calls = []
    receive = agent.queue.receive

    async def failing(*, wait_seconds: int) -> Any:
        calls.append(1)
        if len(calls) < 3:
            raise ServiceError("ReceiveMessage failed: InternalError")
        return await receive(wait_seconds=wait_seconds)

    agent.queue.receive = failing
    agent.post()
    await agent.work_off()
    assert agent.row().status is Status.SUCCEEDED
