"""Following a prompt to its end by asking: `/history` for the end, `/queue` for life."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from queue_agent.comfyui_api import ComfyUiApi, Queue
from queue_agent.comfyui_faults import lost, worker_died
from queue_agent.errors import InterruptedRunError, RuntimeLostError

_TIMES_MISSING = 2  # a prompt is in neither place for a moment as it ends (recording 16)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for, in seconds.

    Attributes:
        poll: between two looks while nothing wakes the agent.
        glance: between two looks when a prompt was in neither place.
        start: until a waiting prompt begins although nothing else runs. The one thread that runs prompts can
            die while the server goes on answering (runtimes.md 17).
        silence: until a server that takes connections but does not answer is given up.
        refused: until one that takes no connections is: it has ended.
    """

    poll: float = 1.0
    glance: float = 0.5
    start: float = 60.0
    silence: float = 90.0
    refused: float = 3.0


class Follower:
    """Waits for the end of one prompt.

    Args:
        api: of the runtime.
        prompt_id: of the prompt, which has been submitted.
        stopped: says whether the agent has asked for an interruption.
        patience: how long what is waited for.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        api: ComfyUiApi,
        prompt_id: str,
        *,
        stopped: Callable[[], bool],
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._prompt_id = prompt_id
        self._stopped = stopped
        self._patience = patience
        self._clock = clock
        self._missing = 0
        self._heard_at = clock()
        self._waiting_since: float | None = None

    async def entry(self, wake: asyncio.Event) -> dict[str, Any]:
        """Return the history entry once there is one.

        Args:
            wake: set by the websocket when it is worth looking.

        Raises:
            RuntimeLostError: the runtime is gone, or knows nothing of the prompt, or runs nothing any more.
            InterruptedRunError: it was taken from the queue because the agent asked for it.
        """
        while True:
            if self._missing:
                await asyncio.sleep(self._patience.glance)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), self._patience.poll)
                    # The end is told just before the history knows of it.
                    await asyncio.sleep(self._patience.glance / 20)
            wake.clear()
            entry = await self._look()
            if entry is not None:
                return entry

    async def _look(self) -> dict[str, Any] | None:
        try:
            entry = await self._api.history(self._prompt_id)
            queue = None if entry is not None else await self._api.queue()
        except (httpx.RequestError, RuntimeLostError) as exc:
            self._check_patience(exc)
            return None
        self._heard_at = self._clock()
        if queue is not None:
            await self._check_alive(queue)
        return entry

    async def _check_alive(self, queue: Queue) -> None:
        if self._prompt_id in queue.running:
            self._missing, self._waiting_since = 0, None
        elif self._prompt_id in queue.pending:
            self._missing = 0
            await self._check_moving(busy=bool(queue.running))
        else:
            self._missing += 1
            if self._missing > _TIMES_MISSING:
                if self._stopped():
                    raise InterruptedRunError("the run was taken from the queue")
                raise lost("it is in neither queue nor history; the runtime was started anew")

    async def _check_moving(self, *, busy: bool) -> None:
        # Somebody else's prompt may take its time; an idle server has no reason to wait.
        if busy or self._waiting_since is None:
            self._waiting_since = self._clock()
        elif self._clock() - self._waiting_since > self._patience.start:
            with contextlib.suppress(httpx.RequestError):
                await self._api.unqueue(self._prompt_id)
            raise worker_died(f"it did not begin for {self._patience.start:g} s although nothing else ran")

    def _check_patience(self, exc: Exception) -> None:
        refused = isinstance(exc, httpx.ConnectError)
        limit = self._patience.refused if refused else self._patience.silence
        if self._clock() - self._heard_at > limit:
            raise lost(f"it does not answer any more ({type(exc).__name__})") from exc
