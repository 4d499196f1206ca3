import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.events import Event, Kind
from local.kubelet import Kubelet

LOOK = 0.01  # seconds


class Process:
    """A process that can be restarted, and then does as it is told."""

    def __init__(self, file: Path) -> None:
        self.restarts = 0
        self.file = file
        self.fails = False
        self.seen_by_agent = True

    async def restart(self) -> None:
        self.restarts += 1
        if self.fails:
            raise RuntimeError("no such process")
        if self.seen_by_agent:
            self.file.unlink()


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
async def kubelet(told: list[Event]) -> AsyncIterator[Kubelet]:
    kubelet = Kubelet(told.append, look_seconds=LOOK, again_seconds=5)
    kubelet.start()
    yield kubelet
    await kubelet.stop()


@pytest.fixture
def process(tmp_path: Path, kubelet: Kubelet) -> Process:
    process = Process(tmp_path / "restart")
    kubelet.watch("sdruntime", process.file, process.restart)
    return process


async def some_looks() -> None:
    await asyncio.sleep(LOOK * 10)


async def until(told: list[Event], count: int) -> None:
    async with asyncio.timeout(10):
        while len(told) < count:
            await asyncio.sleep(LOOK)


async def test_a_restart_file_has_the_runtime_restarted_once(process: Process, told: list[Event]) -> None:
    process.seen_by_agent = False
    process.file.write_text("the GPU is poisoned\n")
    await until(told, 1)
    await some_looks()
    assert process.restarts == 1
    assert [(event.kind, event.text) for event in told] == [
        (Kind.NOTE, "sdruntime is restarted: the GPU is poisoned")
    ]


async def test_another_file_is_another_restart(process: Process, told: list[Event]) -> None:
    for count in (1, 2, 3):
        process.file.write_text("")
        await until(told, count)
        async with asyncio.timeout(10):
            while process.restarts < count or process.file.exists():
                await asyncio.sleep(LOOK)
        await some_looks()
    assert process.restarts == 3


async def test_a_file_that_stays_is_acted_upon_again_after_a_while(tmp_path: Path, told: list[Event]) -> None:
    kubelet = Kubelet(told.append, look_seconds=LOOK, again_seconds=LOOK)
    process = Process(tmp_path / "restart")
    process.seen_by_agent = False
    process.file.touch()
    kubelet.watch("sdruntime", process.file, process.restart)
    kubelet.start()
    await until(told, 3)
    await kubelet.stop()
    assert process.restarts >= 2


async def test_without_a_file_nothing_happens(process: Process, told: list[Event]) -> None:
    await some_looks()
    assert (process.restarts, told) == (0, [])


async def test_a_runtime_that_is_not_ours_is_left_to_a_human_who_is_told_once(
    tmp_path: Path, kubelet: Kubelet, told: list[Event]
) -> None:
    file = tmp_path / "restart"
    kubelet.watch("real", file, None)
    file.write_text("it hangs")
    await until(told, 1)
    await some_looks()
    [event] = told
    assert event.kind is Kind.WARNING
    assert "real needs a restart (it hangs)" in event.text
    assert "by hand" in event.text


async def test_a_restart_that_fails_does_not_end_the_watch(process: Process, told: list[Event]) -> None:
    process.fails = True
    process.file.touch()
    await until(told, 2)
    assert told[1].text == "sdruntime could not be restarted: no such process"
    process.fails = False
    process.file.unlink()
    await some_looks()
    process.file.touch()
    await until(told, 3)
    assert process.restarts == 2
