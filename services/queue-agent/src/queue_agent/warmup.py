"""A task of the operator's that runs first, so that a broken image or model never meets a user's task."""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from queue_agent.health import WARM_UP_FAILED, Health
from queue_agent.ports import Job, Runtime

log = logging.getLogger(__name__)

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
        self._runtime = runtime
        self._tasktype = tasktype
        self._content = content
        self._limit = limit
        self._health = health
        self._pauses = pauses

    async def until_done(self) -> None:
        """Try until the runtime has made it once."""
        tries = 0
        while not await self._done():
            self._health.set_ready(False, WARM_UP_FAILED)
            pause = self._pauses[min(tries, len(self._pauses) - 1)]
            tries += 1
            await asyncio.sleep(pause)
        self._health.set_ready(True, WARM_UP_FAILED)

    async def _done(self) -> bool:
        job = Job(
            id="warm-up",
            submission=str(uuid.uuid4()),
            attempt=uuid.uuid4().hex,
            tasktype=self._tasktype,
            content=dict(self._content),
        )
        run = asyncio.create_task(self._run(job))
        try:
            await asyncio.wait({run}, timeout=self._limit)
            if not run.done():
                await self._runtime.interrupt(job)
                log.error("warm-up takes too long", extra={"action": "warm_up_failed", "limit": self._limit})
                return False
            outputs = run.result()
        except Exception as exc:  # noqa: BLE001 - whatever it is, no task of a user's may meet it
            log.error("warm-up failed", extra={"action": "warm_up_failed", "cause": str(exc)})  # noqa: TRY400
            return False
        finally:
            run.cancel()
            await asyncio.wait({run})
        log.info("warm-up done", extra={"action": "warm_up_done", "outputs": outputs})
        return True

    async def _run(self, job: Job) -> int:
        prepared = await self._runtime.prepare(job, {})
        result = await self._runtime.run(prepared, lambda _: None)
        return len(result.outputs)
