"""The end of the agent: what may still be finished after SIGTERM, and until when (DESIGN 5)."""

import asyncio
import time
from collections.abc import Callable

from queue_agent.pace import Running

# A spot instance is gone two minutes after its warning, whatever the pod's grace period says.
MAX_FINISH_SECONDS = 90.0
# What is kept free of the grace period at least, so that a task that was stopped can be given back.
_RESERVE_SECONDS = 1.0
# Before SIGKILL everything that has not ended is given back; AWS may be slow to take it.
_CUT_OFF_SECONDS = 3.0
_MAX_RESERVE = 1 / 4  # of the grace period, each


class Leaving:
    """When the agent was told to stop, and how long it has.

    Args:
        grace: seconds from SIGTERM to SIGKILL.
        clock: seconds, monotonic.
    """

    def __init__(self, grace: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._grace = min(grace, MAX_FINISH_SECONDS)
        self._clock = clock
        self._begun = asyncio.Event()
        self._hurried = asyncio.Event()
        self._deadline = 0.0
        self._cut_off = min(_CUT_OFF_SECONDS, self._grace * _MAX_RESERVE)

    @property
    def begun(self) -> bool:
        """Whether the agent is to stop."""
        return self._begun.is_set()

    @property
    def left(self) -> float:
        """Seconds until what has not ended is given back, once it has begun."""
        return 0.0 if self._hurried.is_set() else max(0.0, self._deadline - self._clock())

    def begin(self) -> None:
        """Start to leave; nothing happens if it has begun."""
        if not self._begun.is_set():
            self._deadline = self._clock() + self._grace - self._cut_off
            self._begun.set()

    def hurry(self) -> None:
        """Leave without finishing anything."""
        self.begin()
        self._hurried.set()

    async def wait(self) -> None:
        """Wait until the agent is to stop."""
        await self._begun.wait()

    async def too_long(self, running: Running, *, delivery: float) -> None:
        """Return once a run has to be stopped: at once if it will not end in time, else when time is up.

        Args:
            running: the run.
            delivery: seconds that it takes to store and tell what it made.
        """
        await self._begun.wait()
        reserve = min(max(_RESERVE_SECONDS, 2 * delivery), self._grace * _MAX_RESERVE)
        remaining = running.remaining()
        seconds = self.left - reserve
        if seconds > 0 and (remaining is None or remaining <= seconds):
            await self._unless_hurried(seconds)

    async def _unless_hurried(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        except TimeoutError:
            pass
