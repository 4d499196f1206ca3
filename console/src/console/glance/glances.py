"""The system at a glance, put together from queues, agents and the tasks table."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from console.glance.agents import NoReadingError, Reading
from console.glance.lately import History, Rate
from console.glance.oldest import Since
from console.glance.queues import Depth
from console.models import AgentGlance, Glance, Moment, RuntimeGlance
from console.settings import RuntimeSource, Sources


class Depths(Protocol):
    """Port: the queues. Neither fails."""

    async def depth(self, url: str) -> Depth | None:
        """Return how full a queue is."""

    async def dead_letters(self, url: str) -> int | None:
        """Return how many are in the dead-letter queue of a queue."""


class Agents(Protocol):
    """Port: the agents."""

    async def __call__(self, url: str) -> Reading:
        """Ask one. Raises `NoReadingError`."""


class Waiting(Protocol):
    """Port: since when tasks wait. It does not fail."""

    async def since(self, now: float) -> Since:
        """Return it by runtime."""


class SystemGlances:
    """See `console.context.Glances`.

    Args:
        sources: which runtimes there are, and where.
        depths: None where no queue can be asked.
        agents: asks an agent.
        waiting: None where the tasks table cannot be asked.
        clock: seconds since 1970.
        close: gives up what the ports hold.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        depths: Depths | None,
        agents: Agents,
        waiting: Waiting | None,
        clock: Callable[[], float],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._sources = sources
        self._depths = depths
        self._agents = agents
        self._waiting = waiting
        self._clock = clock
        self._close = close
        self._ended: defaultdict[str, Rate] = defaultdict(Rate)
        self._failed: defaultdict[str, Rate] = defaultdict(Rate)
        self._busy: defaultdict[str, Rate] = defaultdict(Rate)
        self._history = History()
        self._reading = asyncio.Lock()

    async def read(self) -> Glance | None:
        """Return the system as it is now; None where there is nothing to be seen."""
        if self._depths is None and not any(runtime.metrics_url for runtime in self._sources.runtimes):
            return None
        async with self._reading:
            return await self._read()

    def close(self) -> None:
        """Give up what the ports hold."""
        self._close()

    async def _read(self) -> Glance:
        now = self._clock()
        since, unrouted, found = await asyncio.gather(
            self._since(now),
            self._count(self._sources.unrouted_queue_url),
            asyncio.gather(*(self._runtime(runtime, now) for runtime in self._sources.runtimes)),
        )
        runtimes = [_with_age(runtime, since.get(runtime.name), now) for runtime in found]
        if self._history.due(now):
            self._history.add(self._moment(now, runtimes))
        return Glance(
            at=round(now * 1000), runtimes=runtimes, unrouted=unrouted, history=self._history.moments()
        )

    async def _since(self, now: float) -> Since:
        return {} if self._waiting is None else await self._waiting.since(now)

    async def _count(self, url: str | None) -> int | None:
        depth = None if url is None or self._depths is None else await self._depths.depth(url)
        return None if depth is None else depth.waiting + depth.in_flight

    async def _runtime(self, runtime: RuntimeSource, now: float) -> RuntimeGlance:
        depth, dead, reading = await asyncio.gather(
            self._depth(runtime), self._dead_letters(runtime), self._agent(runtime)
        )
        name = runtime.name
        self._ended[name].note(now, None if reading is None else reading.ended)
        self._failed[name].note(now, None if reading is None else reading.failed)
        self._busy[name].note(now, None if reading is None else reading.busy_seconds)
        return RuntimeGlance(
            name=name,
            type=runtime.type,
            queued=None if depth is None else depth.waiting,
            in_flight=None if depth is None else depth.in_flight,
            oldest_seconds=None,
            dead_letters=dead,
            ended_per_minute=_a_minute(self._ended[name]),
            failed_per_minute=_a_minute(self._failed[name]),
            agents=[] if runtime.metrics_url is None else [_shown(reading)],
        )

    async def _depth(self, runtime: RuntimeSource) -> Depth | None:
        if runtime.queue_url is None or self._depths is None:
            return None
        return await self._depths.depth(runtime.queue_url)

    async def _dead_letters(self, runtime: RuntimeSource) -> int | None:
        if runtime.queue_url is None or self._depths is None:
            return None
        return await self._depths.dead_letters(runtime.queue_url)

    async def _agent(self, runtime: RuntimeSource) -> Reading | None:
        if runtime.metrics_url is None:
            return None
        try:
            return await self._agents(runtime.metrics_url)
        except NoReadingError:
            return None

    def _moment(self, now: float, runtimes: Sequence[RuntimeGlance]) -> Moment:
        watched = [runtime.name for runtime in self._sources.runtimes if runtime.metrics_url]
        busy = [share for name in watched if (share := self._busy[name].lately()) is not None]
        return Moment(
            at=round(now * 1000),
            queued=_sum([runtime.queued for runtime in runtimes]),
            busy_fraction=min(1.0, max(0.0, sum(busy) / len(watched))) if busy else None,
            ended_per_minute=_sum([runtime.ended_per_minute for runtime in runtimes]),
        )


def _with_age(runtime: RuntimeGlance, since: int | None, now: float) -> RuntimeGlance:
    """Add the age of the oldest: of an empty queue there is none, whatever was found a moment ago."""
    if since is None or runtime.queued == 0:
        return runtime
    return runtime.model_copy(update={"oldest_seconds": max(0.0, now - since / 1000)})


def _shown(reading: Reading | None) -> AgentGlance:
    if reading is None:
        return AgentGlance(state="down", busy=False, busy_fraction=None, up_seconds=None)
    return AgentGlance(
        state="breaker" if reading.breaker_open else "up" if reading.ready else "waiting",
        busy=reading.busy,
        busy_fraction=reading.busy_fraction,
        up_seconds=reading.up_seconds,
    )


def _a_minute(rate: Rate) -> float | None:
    grown = rate.per_second()
    return None if grown is None else round(grown * 60, 1)


def _sum[Number: (int, float)](values: Sequence[Number | None]) -> Number | None:
    """Return the sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
