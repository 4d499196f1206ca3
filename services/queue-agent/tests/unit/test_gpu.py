"""A runtime that fails: who notices, who gets it back, and whom it may not meet meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from queue_agent.breaker import Breaker
from queue_agent.errors import RuntimeLostError
from queue_agent.health import Health
from queue_agent.ports import Job, Progress, Result
from queue_agent.restart import Restarts
from queue_agent.testing import FakeClock, FakeRuntime, failing, hanging, picture, until
from queue_agent.warmup import WarmUp
from task_schema import Status

MakeAgent = Callable[..., Any]


async def emptied(agent: Any) -> None:
    """Wait until everything has ended; what was given back does not stay away for long."""
    async with asyncio.timeout(5):
        while len(agent.queue):
            agent.queue.reappear()
            await asyncio.sleep(0.01)


class Container:
    """A runtime's container and its kubelet: listens, and is restarted when the file is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restarts: list[str] = []
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def kubelet(self, runtime: FakeRuntime | None = None) -> None:
        while True:
            if self.path.exists():
                self.restarts.append(self.path.read_text().strip())
                assert self._server is not None
                port = self._server.sockets[0].getsockname()[1]
                if runtime is not None:
                    runtime._scripts = [picture()]
                    runtime.is_ready = False
                self._server.close()
                await self._server.wait_closed()
                await until(lambda: not self.path.exists())
                await self.start(port)
                if runtime is not None:
                    runtime.is_ready = True
            await asyncio.sleep(0.01)

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


@asynccontextmanager
async def pod(agent: Any, path: Path) -> AsyncIterator[Container]:
    """Give an agent a container that can be restarted, and comes back in good health."""
    container = Container(path)
    await container.start()
    agent.restarts = Restarts(path, container.url)
    kubelet = asyncio.create_task(container.kubelet(agent.runtime))
    try:
        yield container
    finally:
        kubelet.cancel()
        await asyncio.wait({kubelet})
        await container.aclose()


@asynccontextmanager
async def stubborn(agent: Any, path: Path) -> AsyncIterator[None]:
    """Give an agent a container that nobody restarts."""
    container = Container(path)
    await container.start()
    agent.restarts = Restarts(path, container.url)
    yield
    await container.aclose()


# --- restarts ---


async def test_a_poisoned_runtime_is_restarted_before_the_next_task(
    make_agent: MakeAgent, tmp_path: Path
) -> None:
    agent = make_agent(failing(RuntimeLostError("CUDA error: device-side assert", poisoned=True)))
    agent.post("t1")
    async with pod(agent, tmp_path / "restart") as container, agent.working():
        await until(lambda: agent.row("t1").attempts == 1 and agent.row("t1").status is Status.QUEUED)
        await until(lambda: container.restarts)
        await emptied(agent)
    assert container.restarts == ["CUDA error: device-side assert"]
    assert not container.path.exists()
    assert agent.row("t1").status is Status.SUCCEEDED


async def test_a_run_that_does_not_stop_has_its_runtime_restarted(
    make_agent: MakeAgent, tmp_path: Path
) -> None:
    agent = make_agent(hanging(), inference=0.03)

    async def deaf(_: Job) -> bool:
        return False

    agent.runtime.interrupt = deaf
    agent.post("t1")
    agent.post("t2")
    async with pod(agent, tmp_path / "restart") as container, agent.working():
        await until(lambda: len(agent.queue) == 0)
    assert container.restarts == ["a run did not stop when it was interrupted"]
    assert agent.row("t1").status is Status.FAILED
    assert agent.row("t2").status is Status.SUCCEEDED


async def test_a_run_that_stopped_costs_no_restart(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent(hanging(), inference=0.03)
    agent.post("t1")
    async with pod(agent, tmp_path / "restart") as container, agent.working():
        await until(lambda: len(agent.queue) == 0)
    assert container.restarts == []


async def test_a_message_in_hand_goes_back_before_a_restart(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent()
    broken = asyncio.Event()

    async def poisoned(job: Job, progress: Progress) -> Result:
        progress(0.999)
        await broken.wait()
        raise RuntimeLostError("CUDA error", poisoned=True)

    agent.runtime._scripts = [poisoned]
    agent.post("t1")
    agent.post("t2")
    async with stubborn(agent, tmp_path / "restart"), agent.working() as worker:
        await until(lambda: worker._gpu.waiting)
        broken.set()
        await until(lambda: "message-2" in agent.queue.visible)
    assert agent.row("t2").attempts == 0


async def test_a_restart_is_over_when_nothing_listens_any_more(tmp_path: Path) -> None:
    container = Container(tmp_path / "restart")
    await container.start()
    restarts = Restarts(container.path, container.url)
    asking = asyncio.create_task(restarts.restart("poisoned"))
    await until(container.path.exists)
    assert container.path.read_text() == "poisoned\n"
    assert not asking.done()
    await container.aclose()
    assert await asking
    assert not container.path.exists()


async def test_a_restart_that_nobody_makes_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    container = Container(tmp_path / "restart")
    await container.start()
    assert not await Restarts(container.path, container.url, patience=0.05).restart("poisoned")
    assert not container.path.exists()
    assert "not seen to go down" in caplog.text
    await container.aclose()


async def test_without_a_file_a_human_is_told(caplog: pytest.LogCaptureFixture) -> None:
    restarts = Restarts(None, "http://127.0.0.1:9")
    assert not await restarts.restart("poisoned")
    assert "RESTART_FILE is not set" in caplog.text


async def test_a_file_that_cannot_be_written_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not await Restarts(tmp_path / "no" / "folder", "http://127.0.0.1:9").restart("poisoned")
    assert "not written" in caplog.text


def test_a_file_of_an_agent_before_this_one_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "restart").write_text("old\n")
    Restarts(tmp_path / "restart", "http://127.0.0.1:9").clear()
    assert not (tmp_path / "restart").exists()


# --- the breaker ---


def test_the_breaker_opens_after_faults_on_different_tasks_only() -> None:
    breaker = Breaker(faults=3, clock=FakeClock())
    assert not any(breaker.fault("the same") for _ in range(10))
    assert not breaker.fault("another")
    assert breaker.fault("a third")
    assert breaker.is_open


def test_a_success_between_faults_keeps_it_closed() -> None:
    breaker = Breaker(faults=2, clock=FakeClock())
    for n in range(10):
        assert not breaker.fault(f"t{n}")
        assert not breaker.success()
    assert not breaker.is_open


def test_half_open_one_fault_opens_it_for_longer_and_one_success_closes_it() -> None:
    clock = FakeClock(0.0)
    breaker = Breaker(faults=1, first_pause=5, clock=clock)
    assert breaker.fault("t1")
    assert breaker.pause == 5
    clock.now = 5
    assert breaker.pause == 0
    assert breaker.is_open
    assert breaker.fault("t1")
    assert breaker.pause == 10
    clock.now = 15
    assert breaker.success()
    assert (breaker.is_open, breaker.openings) == (False, 0)


def test_it_stays_open_for_a_minute_at_most() -> None:
    clock = FakeClock(0.0)
    breaker = Breaker(faults=1, clock=clock)
    for n in range(20):
        breaker.fault(f"t{n}")
        assert breaker.pause <= 60
        clock.now += 60


async def test_faults_on_different_tasks_stop_receiving_and_readiness_until_one_task_succeeds(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(failing(RuntimeLostError("cut")), breaker_pause=0.2)
    for n in range(6):
        agent.post(f"t{n}")
    async with agent.working():
        await until(lambda: "breaker open" in agent.health.not_ready())
        assert len(agent.runtime.jobs) == 3
        assert len(agent.queue.visible) == 3
        agent.runtime._scripts = [picture()]
        await until(lambda: not agent.health.not_ready())
        await emptied(agent)
    assert [agent.row(f"t{n}").status for n in range(6)] == [Status.SUCCEEDED] * 6


async def test_a_node_that_says_it_is_ready_and_fails_whatever_it_gets_is_restarted(
    make_agent: MakeAgent, tmp_path: Path
) -> None:
    agent = make_agent(failing(RuntimeLostError("cut")), breaker_pause=0.01)
    for n in range(6):
        agent.post(f"t{n}")
    async with pod(agent, tmp_path / "restart") as container, agent.working():
        await until(lambda: container.restarts)
        await emptied(agent)
    assert container.restarts == ["faults in a row; the last one: cut"]
    assert {agent.row(f"t{n}").status for n in range(6)} == {Status.SUCCEEDED}


# --- readiness and warm-up ---


async def test_a_runtime_that_goes_away_while_nothing_is_to_do_is_noticed(make_agent: MakeAgent) -> None:
    agent = make_agent(receive_wait=0)
    async with agent.working():
        await until(lambda: not agent.health.not_ready())
        agent.runtime.is_ready = False
        await until(lambda: agent.health.not_ready() == ["runtime not ready"])
        agent.post()
        await asyncio.sleep(0.05)
        assert len(agent.queue.visible) == 1
        agent.runtime.is_ready = True
        await until(lambda: len(agent.queue) == 0)
    assert agent.health.not_ready() == ["stopping"]


async def test_an_adapter_with_a_bug_in_its_probe_is_asked_again(
    make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queue_agent.gpu.PROBE_SECONDS", (0.01,))
    agent = make_agent()
    asked = []

    async def ready() -> bool:
        asked.append(1)
        if len(asked) == 1:
            raise ZeroDivisionError
        return True

    agent.runtime.ready = ready
    agent.post()
    await agent.work_off()
    assert agent.row().status is Status.SUCCEEDED


def warm_up(agent: Any, **options: Any) -> WarmUp:
    options = {"limit": 5, "pauses": (0.01,), **options}
    return WarmUp(agent.runtime, "text-to-image", {"prompt": "warm"}, health=agent.health, **options)


async def test_no_task_meets_a_runtime_that_fails_its_warm_up(make_agent: MakeAgent) -> None:
    agent = make_agent(failing(RuntimeLostError("no such file: model")))
    agent.warm_up = warm_up(agent)
    agent.post("t1")
    async with agent.working():
        await until(lambda: len(agent.runtime.jobs) >= 3)
        assert "warm-up failed" in agent.health.not_ready()
        assert len(agent.queue.visible) == 1
        agent.runtime._scripts = [picture()]
        await until(lambda: len(agent.queue) == 0)
        assert agent.health.not_ready() == []
    assert {job.id for job in agent.runtime.jobs[:-1]} == {"warm-up"}
    assert (agent.runtime.jobs[-1].id, agent.row("t1").attempts) == ("t1", 1)


async def test_a_warm_up_that_hangs_is_interrupted(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging(), picture())
    agent.warm_up = warm_up(agent, limit=0.02)
    agent.post("t1")
    await agent.work_off()
    assert agent.runtime.interrupted == ["warm-up"]
    assert agent.row("t1").status is Status.SUCCEEDED


async def test_a_restarted_runtime_is_warmed_up_again(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent(picture(), failing(RuntimeLostError("CUDA error", poisoned=True)))
    agent.warm_up = warm_up(agent)
    agent.post("t1")
    async with pod(agent, tmp_path / "restart"), agent.working():
        await until(lambda: len(agent.runtime.jobs) == 3)
        # Beats hide for as long as the visibility: the shorter time is that of the give-back.
        await until(lambda: agent.queue.hidden and agent.queue.hidden[-1][1] < agent.limits.visibility)
        agent.queue.reappear()
        await until(lambda: len(agent.queue) == 0)
    assert [job.id for job in agent.runtime.jobs] == ["warm-up", "t1", "warm-up", "t1"]
    assert agent.row("t1").status is Status.SUCCEEDED


async def test_after_faults_in_a_row_the_warm_up_is_tried_before_anybodys_task(make_agent: MakeAgent) -> None:
    lost = failing(RuntimeLostError("cut"))
    agent = make_agent(picture(), lost, lost, lost, picture(), breaker_pause=0.01)
    agent.warm_up = warm_up(agent)
    for n in range(4):
        agent.post(f"t{n}")
    async with agent.working():
        await until(lambda: len(agent.runtime.jobs) >= 6)
    assert [job.id for job in agent.runtime.jobs][:6] == ["warm-up", "t0", "t1", "t2", "warm-up", "t3"]
    assert agent.health.not_ready() == ["stopping"]


def test_health_starts_unready() -> None:
    assert Health().not_ready() == ["runtime not ready"]
