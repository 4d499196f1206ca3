"""The simulated GPU: one job at a time, sampling steps that take time, and the scripted faults of a run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from local.sketch.errors import OutOfMemoryError, ServerRestartedError
from local.sketch.faults import Fault, FaultKind
from local.sketch.stats import JobRecord, Stats

OOM_MESSAGE = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.57 GiB."
CUDA_MESSAGE = "CUDA error: an illegal memory access was encountered"


class Gpu:
    """One GPU: jobs wait for it in the order in which they came."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._lock = asyncio.Lock()
        self.closing = asyncio.Event()

    @asynccontextmanager
    async def job(self, name: str, kind: str, traceparent: str | None) -> AsyncIterator[JobRecord]:
        """Hold the GPU; the record says `failed` if the block raises and does not say otherwise."""
        async with self._lock:
            if self.closing.is_set():
                raise ServerRestartedError("the server went away while the job waited")
            record = self._stats.start(name, kind, traceparent)
            outcome = "failed"
            try:
                yield record
                outcome = "succeeded"
            except (asyncio.CancelledError, ServerRestartedError):
                outcome = "lost"
                raise
            finally:
                if record.finished_at is None:
                    record.finish(outcome)

    async def pause(self, seconds: float | None) -> None:
        """Wait without heeding anything but the end of the server; None waits until that end."""
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return
        raise ServerRestartedError("the server is ending")

    async def sample(
        self,
        steps: int,
        seconds: float,
        *,
        stop: Callable[[], bool],
        step: Callable[[int], None],
        fault: Fault | None = None,
        on_fault: Callable[[Fault], None] | None = None,
    ) -> float:
        """Spend `seconds` in `steps` steps.

        Args:
            steps: how many sampling steps.
            seconds: their time together.
            stop: asked before each step, as the real samplers do; True ends the run.
            step: told the number of each finished step, from 1.
            fault: the scripted fault of this run, if any.
            on_fault: told when a fault strikes that is not about the GPU itself.

        Returns:
            The fraction that was done: 1.0, or less if `stop` ended it.

        Raises:
            OutOfMemoryError: scripted.
            RuntimeError: scripted CUDA error.
            ServerRestartedError: the server ends meanwhile.
        """
        loop = asyncio.get_running_loop()
        strike = max(1, round(steps * fault.at)) if fault else 0
        if fault and fault.kind is FaultKind.SLOW:
            seconds += fault.seconds_or(1.0)
        begin = loop.time()
        for number in range(1, steps + 1):
            if stop():
                return (number - 1) / steps
            if fault and number == strike:
                begin += await self.strike(fault, on_fault)
            delay = begin + seconds * number / steps - loop.time()
            await self._sleep(delay)
            step(number)
        return 1.0

    async def _sleep(self, delay: float) -> None:
        if delay > 0 or self.closing.is_set():
            await self.pause(delay)
        else:
            await asyncio.sleep(0)

    async def strike(self, fault: Fault, on_fault: Callable[[Fault], None] | None) -> float:
        """Let a fault happen now; returns the seconds it took, and raises what it raises."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        if fault.kind is FaultKind.OOM:
            raise OutOfMemoryError(OOM_MESSAGE)
        if fault.kind is FaultKind.CUDA_ERROR:
            raise RuntimeError(CUDA_MESSAGE)
        if fault.kind is FaultKind.HANG:
            await self.pause(fault.seconds)
        elif on_fault is not None:
            on_fault(fault)
        return loop.time() - begin
