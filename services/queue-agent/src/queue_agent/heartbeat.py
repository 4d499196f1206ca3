"""Keeping a message in hand hidden, and its lease alive (DESIGN 5)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from types import TracebackType
from typing import Self

from queue_agent.errors import ServiceError
from queue_agent.ports import Delivery, Queue
from queue_agent.tasks import Claim, Tasks
from task_store import LostError

log = logging.getLogger(__name__)


class Signal(Enum):
    """Why a run has to stop."""

    LOST = "lost"
    CANCELLED = "cancelled"


class Heartbeat:
    """Beats for one message from its receipt to its end; also renews the lease once there is a claim.

    A message whose beat has failed for longer than its visibility may be with another agent by now:
    it counts as lost, and so does a claim that cannot be renewed because another holds the task.
    """

    def __init__(
        self,
        queue: Queue,
        tasks: Tasks,
        delivery: Delivery,
        *,
        visibility: int,
        beat: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._tasks = tasks
        self._delivery = delivery
        self._visibility = visibility
        self._beat = beat
        self._clock = clock
        self._last_hidden = clock()
        self._claim: Claim | None = None
        self._progress: float | None = None
        self._signal: asyncio.Future[Signal] = asyncio.get_running_loop().create_future()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start beating."""
        self._task = asyncio.create_task(self._run(), name="heartbeat")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop beating."""
        # A beat under way ends first: one that came after the message was given back would hide it again.
        self._stopped.set()
        if self._task is not None:
            await self._task

    def hold(self, claim: Claim | None) -> None:
        """Renew this claim from now on; None: no claim any more."""
        self._claim = claim

    def progress(self, fraction: float) -> None:
        """Remember how far the run is; written with the next renewal and not more often."""
        self._progress = min(1.0, max(0.0, fraction))

    async def signal(self) -> Signal:
        """Wait until the run has to stop."""
        return await asyncio.shield(self._signal)

    @property
    def lost(self) -> bool:
        """Whether the message or the claim may be another's by now."""
        if self._signal.done() and self._signal.result() is Signal.LOST:
            return True
        return self._clock() - self._last_hidden >= self._visibility

    @property
    def cancelled(self) -> bool:
        """Whether a renewal has met a cancel."""
        return self._signal.done() and self._signal.result() is Signal.CANCELLED

    async def _run(self) -> None:
        # Apart, because a queue that is slow to answer must not keep the lease from being renewed.
        await asyncio.gather(self._keep(self._hide), self._keep(self._renew))

    async def _keep(self, beat: Callable[[], Awaitable[None]]) -> None:
        while not (self._signal.done() and self._signal.result() is Signal.LOST):
            try:
                await asyncio.wait_for(self._stopped.wait(), self._beat)
            except TimeoutError:
                await self._once(beat)
            else:
                return

    async def _once(self, beat: Callable[[], Awaitable[None]]) -> None:
        try:
            await beat()
        except ServiceError as exc:
            log.warning("beat failed", extra={"action": "beat_failed", "cause": str(exc)})
        except Exception:
            # The next beat may work; a heart that has stopped for good would lose the task.
            log.exception("beat tripped up", extra={"action": "internal_error"})
        if self._clock() - self._last_hidden >= self._visibility:
            self._raise_signal(Signal.LOST, "no beat got through for as long as the message is hidden")

    async def _hide(self) -> None:
        asked = self._clock()
        if await self._queue.hide(self._delivery, self._visibility):
            self._last_hidden = asked
        else:
            self._raise_signal(Signal.LOST, "the message is not ours any more")

    async def _renew(self) -> None:
        claim = self._claim
        if claim is None:
            return
        try:
            task = await self._tasks.renew(claim, self._progress)
        except LostError:
            # Between a commit or give-back and the next line of the worker the claim is rightly gone.
            if self._claim is claim:
                self._raise_signal(Signal.LOST, "another attempt holds the task")
        else:
            if task.cancel_requested:
                self._raise_signal(Signal.CANCELLED, "the user cancelled the task")

    def _raise_signal(self, signal: Signal, why: str) -> None:
        if not self._signal.done():
            log.info("run has to stop", extra={"action": "signal", "signal": signal.value, "cause": why})
            self._signal.set_result(signal)
