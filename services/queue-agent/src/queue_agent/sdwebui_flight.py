"""One run of SD Web UI as it is seen from outside, from its request to its answer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from queue_agent.errors import RuntimeRefusedStartError
from queue_agent.ports import Progress
from queue_agent.sdwebui_api import State


class Flight:
    """A request that is with the server, and what was seen of the run meanwhile.

    `/progress` tells of the whole process: nothing of it is this run's any more once the answer has begun.

    Args:
        attempt: whose run it is.
        progress: told how far it is, only ever further.
    """

    def __init__(self, attempt: str, progress: Progress) -> None:
        self.attempt = attempt
        self.interrupted = False
        self._progress = progress
        self._furthest = 0.0
        self._looking: asyncio.Task[None] | None = None

    def watch(self, state: Callable[[], Awaitable[State]], *, every: float) -> None:
        """Look from time to time, until `land`."""
        self._looking = asyncio.create_task(self._look(state, every))

    def land(self) -> None:
        """Look no more; at once, also where an answer is on its way."""
        if self._looking is not None:
            self._looking.cancel()

    async def ended(self) -> None:
        """Wait until looking has ended."""
        self.land()
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)

    def see(self, state: State) -> None:
        """Take notice of how the run is."""
        self.interrupted = self.interrupted or state.interrupted
        if state.progress > self._furthest:
            self._furthest = min(state.progress, 1.0)
            self._progress(self._furthest)

    async def _look(self, state: Callable[[], Awaitable[State]], every: float) -> None:
        while True:
            await asyncio.sleep(every)
            with contextlib.suppress(RuntimeRefusedStartError):
                seen = await state()
                if not seen.idle:
                    self.see(seen)
