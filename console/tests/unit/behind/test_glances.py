"""The system at a glance, from fakes of queues and agents."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from console.glance.agents import NoReadingError, Reading
from console.glance.glances import SystemGlances
from console.glance.oldest import Oldest
from console.glance.queues import Depth
from console.models import RuntimeGlance
from console.settings import Sources
from task_schema import Status
from task_store.testing import MemoryTaskStore
from task_store.testing_states import NOW, claimed, ended, recorded

READING = Reading(
    ready=True,
    breaker_open=False,
    busy=True,
    busy_fraction=0.5,
    busy_seconds=100.0,
    up_seconds=1000.0,
    ended=50,
    failed=5,
)


class World:
    """Queues, agents and a clock."""

    def __init__(self, **more: Any) -> None:
        self.now = NOW / 1000 + 60
        self.depths: dict[str, Depth | None] = {}
        self.dead: dict[str, int] = {}
        self.readings: dict[str, Reading] = {}
        self.table = MemoryTaskStore()
        sources = Sources.model_validate(
            {
                "mode": "local",
                "endpoint": "http://127.0.0.1:9/",
                "api_key": "k",
                "runtimes": [
                    {"name": name, "type": "sdwebui", "queue_url": f"q/{name}", "metrics_url": f"m/{name}"}
                    for name in ("one", "two")
                ],
                "unrouted_queue_url": "q/unrouted",
                **more,
            }
        )
        self.glances = SystemGlances(
            sources,
            depths=self,
            agents=self.scrape,
            waiting=Oldest(lambda: self.table),
            clock=lambda: self.now,
        )

    async def depth(self, url: str) -> Depth | None:
        return self.depths.get(url)

    async def dead_letters(self, url: str) -> int | None:
        return self.dead.get(url)

    async def scrape(self, url: str) -> Reading:
        if url not in self.readings:
            raise NoReadingError
        return self.readings[url]

    async def runtimes(self) -> Mapping[str, RuntimeGlance]:
        glance = await self.glances.read()
        assert glance is not None
        return {runtime.name: runtime for runtime in glance.runtimes}

    async def agent(self, reading: Reading) -> str:
        self.readings["m/one"] = reading
        [agent] = (await self.runtimes())["one"].agents
        return agent.state


async def test_what_nobody_tells_is_null_and_an_agent_that_is_silent_is_down() -> None:
    glance = await World().glances.read()
    assert glance is not None
    assert glance.unrouted is None
    for runtime in glance.runtimes:
        [agent] = runtime.agents
        assert (agent.state, agent.busy, agent.busy_fraction, agent.up_seconds) == ("down", False, None, None)
        told = runtime.model_dump(exclude={"name", "type", "agents"})
        assert set(told.values()) == {None}
    [moment] = glance.history
    assert (moment.queued, moment.busy_fraction, moment.ended_per_minute) == (None, None, None)


async def test_the_state_of_an_agent_is_the_worst_that_it_tells() -> None:
    world = World()
    assert await world.agent(READING) == "up"
    assert await world.agent(replace(READING, ready=False)) == "waiting"
    assert await world.agent(replace(READING, breaker_open=True)) == "breaker"
    assert await world.agent(replace(READING, breaker_open=True, ready=False)) == "breaker"


async def test_an_agent_that_is_killed_and_comes_back_is_seen_to() -> None:
    world = World()
    assert await world.agent(READING) == "up"
    world.readings.clear()
    assert (await world.runtimes())["one"].agents[0].state == "down"
    assert await world.agent(replace(READING, up_seconds=1.0, ended=0)) == "up"


async def test_queues_are_told_as_they_are() -> None:
    world = World()
    world.depths = {"q/one": Depth(3, 1), "q/two": Depth(0, 0), "q/unrouted": Depth(1, 1)}
    world.dead = {"q/one": 2}
    glance = await world.glances.read()
    assert glance is not None
    one, two = glance.runtimes
    assert (one.queued, one.in_flight, one.dead_letters) == (3, 1, 2)
    assert (two.queued, two.in_flight, two.dead_letters) == (0, 0, None)
    assert glance.unrouted == 2
    assert glance.history[-1].queued == 3


async def test_what_ended_in_the_last_minute_is_counted_from_what_agents_tell() -> None:
    world = World()
    for step in range(20):
        world.readings = {"m/one": replace(READING, ended=50 + step, failed=5 + step // 2)}
        seen = await world.runtimes()
        world.now += 5
    assert (seen["one"].ended_per_minute, seen["two"].ended_per_minute) == (12, None)
    assert seen["one"].failed_per_minute == 6


async def test_the_chart_shows_how_much_of_the_gpus_was_busy_between_two_moments() -> None:
    world = World()
    for step in range(4):
        world.readings = {
            "m/one": replace(READING, busy_seconds=100.0 + 5 * step),
            "m/two": replace(READING, busy_seconds=0.0),
        }
        glance = await world.glances.read()
        world.now += 5
    assert glance is not None
    assert [moment.busy_fraction for moment in glance.history] == [None, 0.5, 0.5, 0.5]


async def test_moments_come_each_five_seconds_however_often_somebody_looks() -> None:
    world = World()
    for _ in range(60):
        glance = await world.glances.read()
        world.now += 1
    assert glance is not None
    assert len(glance.history) == 12


async def test_the_oldest_task_that_waits_is_found_behind_those_that_run() -> None:
    world = World()
    for number in range(10):
        claimed(world.table, id=f"r{number}", runtime="one")
    recorded(world.table, id="q1", runtime="one")
    recorded(world.table, id="q2", runtime="two")
    assert (await world.runtimes())["one"].oldest_seconds == 60
    assert (await world.runtimes())["two"].oldest_seconds == 60


async def test_an_empty_queue_has_no_oldest() -> None:
    world = World()
    recorded(world.table, id="q1", runtime="one")
    world.depths = {"q/one": Depth(0, 1)}
    assert (await world.runtimes())["one"].oldest_seconds is None


async def test_tasks_that_have_ended_wait_for_nothing() -> None:
    world = World()
    ended(world.table, Status.FAILED, id="e", runtime="one")
    assert (await world.runtimes())["one"].oldest_seconds is None


async def test_a_table_that_does_not_answer_leaves_the_rest() -> None:
    world = World()
    world.table.available = False
    world.depths = {"q/one": Depth(3, 1)}
    seen = (await world.runtimes())["one"]
    assert (seen.queued, seen.oldest_seconds) == (3, None)


async def test_the_table_is_not_asked_at_each_look() -> None:
    world = World()
    recorded(world.table, id="q1", runtime="one")
    await world.runtimes()
    world.table.available = False
    world.now += 5
    assert (await world.runtimes())["one"].oldest_seconds == 65
    world.now += 10
    assert (await world.runtimes())["one"].oldest_seconds is None


async def test_a_stack_without_access_to_agents_shows_none() -> None:
    world = World(runtimes=[{"name": "one", "type": "t", "queue_url": "q/one"}])
    world.depths = {"q/one": Depth(1, 0)}
    seen = (await world.runtimes())["one"]
    assert (seen.agents, seen.queued, seen.ended_per_minute) == ([], 1, None)
