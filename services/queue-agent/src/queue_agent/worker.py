"""The loop of the agent: receive, fetch, infer, deliver (DESIGN 5)."""

import asyncio
import contextlib
import logging
import random
import uuid
from dataclasses import dataclass
from enum import Enum

from s3io.errors import InputError
from s3io.inputs import FetchedInput
from task_schema import Status, TaskCode, TaskError
from task_store import LostError, NotClaimableError, Task

from queue_agent.aws import persistently
from queue_agent.ending import Ending
from queue_agent.errors import (
    InterruptedRunError,
    RuntimeLostError,
    RuntimeRefusedStartError,
    ServiceError,
    TaskFailedError,
)
from queue_agent.heartbeat import Heartbeat, Signal
from queue_agent.inhand import Delete, Disposition, GiveBack, InHand, Leave, Settled
from queue_agent.intake import Intake
from queue_agent.ports import Delivery, Fetcher, InputLink, Job, Outputs, Queue, Result, Runtime, Stored
from queue_agent.tasks import Claim, Tasks

log = logging.getLogger(__name__)

MAX_BACK_OFF = 120  # seconds
FIRST_BACK_OFF = 2  # seconds
FETCH_PAUSES = (0.5, 2.0)  # seconds before an input is fetched again that may be there later
PROBE_SECONDS = (
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
)  # between looks at a runtime that is not ready; the last one repeats


class _Stop(Enum):
    """Why a run was stopped that had not ended."""

    LOST = "lost"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"


class _StoppedError(Exception):
    def __init__(self, why: _Stop) -> None:
        self.why = why
        super().__init__(why.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds, and attempts.

    `receive_leftover` is how long a long poll may still bring something after the stop: a message that it
    brought later would stay hidden for nothing.
    """

    visibility: int = 60
    beat: float = 20
    receive_wait: int = 20
    receive_leftover: float = 0.5
    inference: float = 900
    shutdown_grace: float = 25
    max_attempts: int = 3


class Worker:
    """Works through one queue with one runtime, one task at a time, until it is stopped."""

    def __init__(
        self,
        *,
        queue: Queue,
        runtime: Runtime,
        tasks: Tasks,
        intake: Intake,
        outputs: Outputs,
        ending: Ending,
        fetcher: Fetcher,
        limits: Limits,
    ) -> None:
        self._queue = queue
        self._runtime = runtime
        self._tasks = tasks
        self._intake = intake
        self._outputs = outputs
        self._ending = ending
        self._fetcher = fetcher
        self._limits = limits
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Receive no more; end what runs if the grace period allows, else give it back."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        while not self._stopping.is_set():
            if not await self._runtime_ready():
                continue
            delivery = await self._receive()
            if delivery is not None:
                await self._handle(delivery)

    async def _runtime_ready(self) -> bool:
        probes = iter(PROBE_SECONDS)
        while not self._stopping.is_set():
            if await self._runtime.ready():
                return True
            pause = next(probes, PROBE_SECONDS[-1])
            log.info("runtime is not ready", extra={"action": "runtime_not_ready", "pause": pause})
            await self._pause(pause)
        return False

    async def _receive(self) -> Delivery | None:
        receive = asyncio.create_task(self._queue.receive(wait_seconds=self._limits.receive_wait))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({receive, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not receive.done():
                await asyncio.wait({receive}, timeout=self._limits.receive_leftover)
            if not receive.done():
                return None
            delivery = receive.result()
        except ServiceError as exc:
            log.warning("receive failed", extra={"action": "receive_failed", "cause": str(exc)})
            await self._pause(FIRST_BACK_OFF)
            return None
        finally:
            receive.cancel()
            stop.cancel()
        if delivery is not None and self._stopping.is_set():
            await self._settle(delivery, GiveBack())
            return None
        return delivery

    async def _handle(self, delivery: Delivery) -> None:
        limits = self._limits
        why = "done"
        async with Heartbeat(
            self._queue, self._tasks, delivery, visibility=limits.visibility, beat=limits.beat
        ) as beat:
            try:
                disposition = await self._process(delivery, beat)
            except Settled as exc:
                disposition, why = exc.disposition, exc.why
            except ServiceError as exc:
                disposition, why = GiveBack(back_off(delivery.receive_count)), str(exc)
            except Exception:
                # The outermost loop: one message that trips us up must not stop the ones behind it.
                log.exception("task tripped up the agent", extra={"action": "internal_error"})
                disposition, why = GiveBack(back_off(delivery.receive_count)), "internal error"
        await self._settle(delivery, disposition)
        log.info(
            "message settled",
            extra={
                "action": "settled",
                "message_id": delivery.message_id,
                "disposition": type(disposition).__name__,
                "why": why,
            },
        )

    async def _settle(self, delivery: Delivery, disposition: Disposition) -> None:
        try:
            match disposition:
                case Delete():
                    await self._queue.delete(delivery)
                case GiveBack(seconds):
                    await self._queue.hide(delivery, seconds)
                case Leave():
                    pass
        except ServiceError as exc:
            # It comes back when its visibility ends, and finds its task ended or free.
            log.warning("message not settled", extra={"action": "settle_failed", "cause": str(exc)})

    async def _process(self, delivery: Delivery, beat: Heartbeat) -> Disposition:
        held = await self._intake.accept(delivery)
        try:
            job = await self._fetch(await self._intake.job(held, attempt=uuid.uuid4().hex))
        except TaskFailedError as exc:
            raise await self._intake.end(held, exc.error, answer=exc.answer) from exc
        except RuntimeRefusedStartError as exc:
            log.warning("runtime refused", extra={"action": "runtime_refused", "cause": str(exc)})
            return GiveBack(back_off(delivery.receive_count))
        if beat.lost:
            return Leave()
        try:
            claim, task = await self._tasks.claim(job.id, job.submission)
        except NotClaimableError as exc:
            raise self._intake.not_free(exc.task, job.submission) from exc
        beat.hold(claim)
        try:
            return await self._attempt(InHand(delivery, held.message, task), claim, job, beat)
        except LostError:
            return Leave()

    async def _fetch(self, job: Job) -> Job:
        links = list(dict.fromkeys(self._runtime.links(job)))
        urls = list(dict.fromkeys(link.url for link in links))
        try:
            fetched = dict(zip(urls, await self._fetch_all(urls), strict=True))
        except InputError as exc:
            raise TaskFailedError(TaskCode(exc.code), str(exc)) from exc
        inputs: dict[InputLink, FetchedInput] = {link: fetched[link.url] for link in links}
        return await self._runtime.prepare(job, inputs)

    async def _fetch_all(self, urls: list[str]) -> list[FetchedInput]:
        fetches = [asyncio.create_task(self._fetch_one(url)) for url in urls]
        try:
            return await asyncio.gather(*fetches)
        finally:
            for fetch in fetches:
                fetch.cancel()

    async def _fetch_one(self, url: str) -> FetchedInput:
        for pause in FETCH_PAUSES:
            try:
                return await self._fetcher.fetch(url)
            except InputError as exc:
                if not exc.retryable:
                    raise
                log.info("fetching again", extra={"action": "input_retry", "url": exc.url, "pause": pause})
                await asyncio.sleep(pause)
        return await self._fetcher.fetch(url)

    async def _attempt(self, held: InHand, claim: Claim, job: Job, beat: Heartbeat) -> Disposition:
        try:
            result = await self._infer(job, beat)
            stored = await persistently(lambda: self._outputs.store(held.task.prefix, job.id, result))
        except TaskFailedError as exc:
            return await self._end(held, claim, exc.error, answer=exc.answer)
        except _StoppedError as exc:
            return await self._stopped(held, claim, exc.why)
        except RuntimeRefusedStartError as exc:
            log.warning("runtime refused", extra={"action": "runtime_refused", "cause": str(exc)})
            await self._tasks.give_back(claim, lost=False)
            return GiveBack(back_off(held.delivery.receive_count))
        except (RuntimeLostError, InterruptedRunError, ServiceError) as exc:
            return await self._lost(held, claim, exc)
        return await self._deliver(held, claim, stored)

    async def _deliver(self, held: InHand, claim: Claim, stored: Stored) -> Disposition:
        try:
            task = await self._ending.succeed(held, claim, stored)
        except LostError:
            await self._outputs.discard(stored)
            raise
        return await self._told(task, held)

    async def _end(
        self,
        held: InHand,
        claim: Claim,
        error: TaskError,
        *,
        status: Status = Status.FAILED,
        answer: object = None,
    ) -> Disposition:
        return await self._told(
            await self._ending.fail(held, claim, error, status=status, answer=answer), held
        )

    async def _told(self, task: Task, held: InHand) -> Disposition:
        log.info(
            "task ended",
            extra={
                "action": "task_ended",
                "task": task.id,
                "submission": task.submission,
                "status": task.status.value,
                "code": task.error.code.value if task.error else None,
            },
        )
        await persistently(lambda: self._ending.tell(task, held.traceparent))
        return Delete()

    async def _lost(self, held: InHand, claim: Claim, why: Exception) -> Disposition:
        log.warning(
            "inference lost",
            extra={
                "action": "inference_lost",
                "task": claim.id,
                "attempt": claim.attempts,
                "cause": str(why),
            },
        )
        if claim.attempts >= self._limits.max_attempts:
            code = why.code if isinstance(why, RuntimeLostError) else TaskCode.ATTEMPTS_EXHAUSTED
            message = f"lost {claim.attempts} times; the last time: {why}"
            return await self._end(held, claim, TaskError.of(code, message))
        await self._tasks.give_back(claim, lost=True)
        return GiveBack(back_off(claim.attempts))

    async def _stopped(self, held: InHand, claim: Claim, why: _Stop) -> Disposition:
        match why:
            case _Stop.LOST:
                return Leave()
            case _Stop.CANCELLED:
                error = TaskError.of(TaskCode.CANCELLED, "cancelled by the user")
                return await self._end(held, claim, error, status=Status.CANCELLED)
            case _Stop.TIMEOUT:
                message = f"it ran longer than {self._limits.inference:g} seconds"
                return await self._end(held, claim, TaskError.of(TaskCode.TIMEOUT, message))
            case _Stop.SHUTDOWN:
                await self._tasks.give_back(claim, lost=False)
                return GiveBack()

    async def _infer(self, job: Job, beat: Heartbeat) -> Result:
        """Run a job, and stop it when it has to stop.

        Raises:
            _StoppedError: it was interrupted, and why.
        """
        run = asyncio.create_task(self._runtime.run(job, beat.progress), name="run")
        try:
            why = await self._watch(run, beat)
            if why is None:
                return run.result()
            idle = await self._runtime.interrupt(job)
            log.info(
                "run interrupted",
                extra={"action": "interrupted", "task": job.id, "why": why.value, "idle": idle},
            )
            raise _StoppedError(why)
        finally:
            run.cancel()
            await asyncio.wait({run})

    async def _watch(self, run: asyncio.Task[Result], beat: Heartbeat) -> _Stop | None:
        """Wait for a run to end; return why it has to be stopped instead, if it has to."""
        signal = asyncio.create_task(beat.signal())
        shutdown = asyncio.create_task(self._grace_over())
        try:
            await asyncio.wait(
                {run, signal, shutdown},
                timeout=self._limits.inference,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if run.done():
                return None
            if signal.done():
                return _Stop.CANCELLED if signal.result() is Signal.CANCELLED else _Stop.LOST
            return _Stop.SHUTDOWN if shutdown.done() else _Stop.TIMEOUT
        finally:
            signal.cancel()
            shutdown.cancel()

    async def _grace_over(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._limits.shutdown_grace)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def back_off(times: int) -> int:
    """Return for how many seconds a message stays away: doubling, jittered, two minutes at most."""
    longest = min(MAX_BACK_OFF, FIRST_BACK_OFF << min(times, 10))
    return max(1, round(longest * random.uniform(0.5, 1)))
