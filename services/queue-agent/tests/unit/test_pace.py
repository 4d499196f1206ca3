import asyncio
from typing import Any

import pytest

from queue_agent.leaving import MAX_FINISH_SECONDS, Leaving
from queue_agent.pace import Pace
from queue_agent.ports import Job
from queue_agent.testing import FakeClock


def job(
    content: dict[str, Any] | None = None, *, tasktype: str = "text-to-image", model: str | None = None
) -> Job:
    return Job("t", "s", "a", tasktype, content or {"prompt": "a dog"}, model)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(100.0)


@pytest.fixture
def pace(clock: FakeClock) -> Pace:
    return Pace(clock)


def test_nothing_is_known_before_anything_has_run(pace: Pace) -> None:
    assert pace.expected(job()) is None
    assert pace.start(job()).remaining() is None


def test_what_runs_took_is_expected_of_the_next_one(pace: Pace, clock: FakeClock) -> None:
    pace.ran(job(), 10)
    running = pace.start(job())
    assert running.remaining() == 10
    clock.now += 4
    assert running.remaining() == 6


def test_the_average_follows(pace: Pace) -> None:
    pace.ran(job(), 10)
    for _ in range(30):
        pace.ran(job(), 2)
    assert pace.expected(job()) == pytest.approx(2, rel=0.01)


def test_more_steps_and_pixels_are_another_kind_of_task(pace: Pace) -> None:
    pace.ran(job({"steps": 20, "width": 512, "height": 512}), 2)
    pace.ran(job({"steps": 80, "width": 2048, "height": 2048, "n_iter": 4}), 400)
    assert pace.expected(job({"steps": 21, "width": 512, "height": 512})) == 2
    assert pace.expected(job({"steps": 80, "width": 2048, "height": 2048, "n_iter": 4})) == 400


def test_a_workflow_is_as_large_as_its_nodes_say(pace: Pace) -> None:
    def workflow(steps: int) -> dict[str, Any]:
        return {"3": {"class_type": "KSampler", "inputs": {"steps": steps}}, "4": {"inputs": None}, "5": "?"}

    pace.ran(job(workflow(20), tasktype="pipeline"), 3)
    pace.ran(job(workflow(500), tasktype="pipeline"), 60)
    assert pace.expected(job(workflow(19), tasktype="pipeline")) == 3


@pytest.mark.parametrize("value", [0, -3, True, "20", None, float("nan"), float("inf"), 10**400])
def test_what_is_no_size_does_no_harm(pace: Pace, value: Any) -> None:
    pace.ran(job({"steps": value}), 5)
    assert pace.expected(job()) == 5


def test_another_type_or_model_is_not_compared(pace: Pace) -> None:
    pace.ran(job(), 10)
    assert pace.expected(job(tasktype="extra-single-image")) is None
    assert pace.expected(job(model="other")) is None


def test_a_claim_that_was_tried_again_for_long_does_not_begin_the_next_ones_long_before_their_time(
    pace: Pace,
) -> None:
    pace.claimed(0.01)
    pace.claimed(15)
    assert pace.claim_ahead < 0.5
    assert pace.fetch_ahead < 0.5


def test_progress_knows_better_than_the_average(pace: Pace, clock: FakeClock) -> None:
    pace.ran(job(), 10)
    running = pace.start(job())
    clock.now += 5
    running.progress(0.25)
    assert running.remaining() == 15
    clock.now += 5
    assert running.remaining() == 10


def test_the_first_bit_of_progress_says_nothing(pace: Pace, clock: FakeClock) -> None:
    running = pace.start(job())
    clock.now += 1
    running.progress(0.01)
    assert running.remaining() is None


def test_a_run_that_is_long_overdue_has_no_end_in_sight(pace: Pace, clock: FakeClock) -> None:
    pace.ran(job(), 10)
    running = pace.start(job())
    clock.now += 12
    assert running.remaining() == 0
    clock.now += 10
    assert running.remaining() is None


def test_progress_that_stopped_is_no_promise(pace: Pace, clock: FakeClock) -> None:
    running = pace.start(job())
    clock.now += 5
    running.progress(0.5)
    clock.now += 60
    assert running.remaining() is None


def test_the_kinds_that_are_remembered_are_bounded(pace: Pace) -> None:
    for n in range(1000):
        pace.ran(job(model=f"m{n}"), n)
    assert len(pace._runs) <= 256
    assert pace.expected(job(model="m999")) == 999


# --- leaving ---


async def stops(leaving: Leaving, running: Any) -> asyncio.Task[None]:
    waiting = asyncio.create_task(leaving.too_long(running, delivery=0.0))
    await asyncio.sleep(0.01)
    return waiting


async def test_a_run_that_ends_in_time_is_waited_for(pace: Pace) -> None:
    leaving = Leaving(20)
    pace.ran(job(), 10)
    waiting = await stops(leaving, pace.start(job()))
    leaving.begin()
    await asyncio.sleep(0.02)
    assert not waiting.done()
    leaving.hurry()
    await asyncio.wait_for(waiting, 1)


async def test_a_run_that_does_not_end_in_time_is_stopped_at_once(pace: Pace) -> None:
    leaving = Leaving(10)
    pace.ran(job(), 10)
    waiting = await stops(leaving, pace.start(job()))
    assert not waiting.done()
    leaving.begin()
    await asyncio.wait_for(waiting, 1)


async def test_more_than_ninety_seconds_are_never_waited_for(pace: Pace) -> None:
    leaving = Leaving(3600)
    pace.ran(job(), MAX_FINISH_SECONDS)
    leaving.begin()
    assert leaving.left <= MAX_FINISH_SECONDS
    await asyncio.wait_for(await stops(leaving, pace.start(job())), 1)


async def test_a_run_of_which_nothing_is_known_has_the_time_there_is(pace: Pace) -> None:
    leaving = Leaving(0.05)
    waiting = await stops(leaving, pace.start(job()))
    leaving.begin()
    assert not waiting.done()
    await asyncio.wait_for(waiting, 1)
