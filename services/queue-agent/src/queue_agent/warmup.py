"""A task of the operator's that runs first, so that a broken image or model never meets a user's task."""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from queue_agent.errors import AgentError, RuntimeLostError
from queue_agent.guarded import GuardedRuntime
from queue_agent.health import WARM_UP_FAILED, Health
from queue_agent.ports import Job, Runtime


class UnusableRuntimeError(AgentError):
    """The runtime has to be restarted before it can be tried again."""


log = logging.getLogger(__name__)

# For which a run that was cancelled may put things in order.
_CLEAN_UP_SECONDS = 1.0
# Between two tries; the last one repeats. A runtime that loads a model is not asked again at once.
PAUSES = (5.0, 15.0, 30.0, 60.0)


class WarmUp:
    """Runs one task on the runtime and throws its outputs away.

    Args:
        runtime: to run it on.
        tasktype: of the task.
        content: what the runtime's API takes; without links.
        limit: seconds that it may take.
        health: told that it failed, and that it did not.
        pauses: seconds between two tries; the last one repeats.
    """

    def __init__(
        self,
        runtime: Runtime,
        tasktype: str,
        content: Mapping[str, Any],
        *,
        limit: float,
        health: Health,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._runtime = GuardedRuntime(runtime)
        self._tasktype = tasktype
        self._content = content
        self._limit = limit
        self._health = health
        self._pauses = pauses

    async def until_done(self) -> None:
        """Try until the runtime has made it once.

        Raises:
            UnusableRuntimeError: trying again is no use without a restart.
        """
        tries = 0
        while (fault := await self._fault()) is not None:
            self._health.set_ready(False, WARM_UP_FAILED)
            log.error("warm-up failed", extra={"action": "warm_up_failed", "cause": str(fault)})
            if isinstance(fault, UnusableRuntimeError):
                raise fault
            pause = self._pauses[min(tries, len(self._pauses) - 1)]
            tries += 1
            await asyncio.sleep(pause)
        self._health.set_ready(True, WARM_UP_FAILED)

    async def _fault(self) -> Exception | None:
        """Try once; return what was wrong."""
        job = Job(
            id="warm-up",
            submission=str(uuid.uuid4()),
            attempt=uuid.uuid4().hex,
            tasktype=self._tasktype,
            content=dict(self._content),
        )
        run = asyncio.create_task(self._run(job), name="warm-up")
        try:
            await asyncio.wait({run}, timeout=self._limit)
            if run.done():
                return _fault_of(run)
            if await self._runtime.interrupt(job):
                return TimeoutError(f"it took longer than {self._limit:g} s")
            return UnusableRuntimeError("it did not stop when it was interrupted")
        finally:
            run.cancel()
            await asyncio.wait({run}, timeout=_CLEAN_UP_SECONDS)

    async def _run(self, job: Job) -> None:
        prepared = await self._runtime.prepare(job, {})
        result = await self._runtime.run(prepared, lambda _: None)
        log.info("warm-up done", extra={"action": "warm_up_done", "outputs": len(result.outputs)})


def _fault_of(run: asyncio.Task[None]) -> Exception | None:
    if run.cancelled():
        return AgentError("the adapter gave it up")
    fault = run.exception()
    if isinstance(fault, RuntimeLostError) and fault.poisoned:
        return UnusableRuntimeError(str(fault))
    if fault is None or isinstance(fault, Exception):
        return fault
    raise fault
